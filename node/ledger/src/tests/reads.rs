//! Linearizable reads: what was acknowledged is seen, and who no longer leads does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parity_scale_codec::Encode;
use primitives::ledger::{Command, RowsMax};
use primitives::{CommitmentHash, ObjectKey, VaultId};

use crate::error::LedgerError;
use crate::reader::Consistency;
use crate::testkit::*;
use crate::tests::cluster::Cluster;
use crate::tests::durable::Home;

fn object(vault: VaultId, version: u64) -> Command {
    Command::ObjectCommit { vault, key: ObjectKey::new([1; 32]), version, sealed: vec![1], packs: vec![] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_share_a_round_see_every_write_acknowledged_before_them() {
    const VERSIONS: u64 = 300;
    let home = Home::new();
    let running = home.start().await;
    running.ledger.submit(vec![sign(BY_OWNER, register(terms(1), &OWNER), 1, 1)]).await.unwrap();
    let vault = terms(1).vault();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for _ in 0..16 {
        let (ledger, acknowledged) = (running.ledger.clone(), Arc::clone(&acknowledged));
        readers.push(tokio::spawn(async move {
            let mut reads = 0u64;
            loop {
                let before = acknowledged.load(Ordering::SeqCst);
                let reader = ledger.read(Consistency::Linearizable).await.unwrap();
                assert!(reader.confirmed_term().is_some());
                let found = reader.object(&vault, &ObjectKey::new([1; 32]), None).unwrap();
                let version = found.map_or(0, |object| object.version);
                assert!(version >= before, "read version {version} after {before} was acknowledged");
                reads += 1;
                if before == VERSIONS {
                    return reads;
                }
            }
        }));
    }
    for version in 1..=VERSIONS {
        let outcomes = running.ledger.submit(vec![sign(BY_OWNER, object(vault, version), 1, version + 1)]).await;
        outcomes.unwrap().remove(0).unwrap();
        acknowledged.store(version, Ordering::SeqCst);
    }
    for reader in readers {
        assert!(reader.await.unwrap() > 1);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_is_read_page_by_page_to_its_end() {
    let home = Home::new();
    let running = home.start().await;
    let (vault, manifest) = (terms(1).vault(), header(OTHER, 1));
    let mut commands = vec![
        (BY_MEMBER, admit(10)),
        (BY_NODE, announce(6)),
        (BY_OWNER, register(terms(1), &OWNER)),
        (BY_OWNER, pack_commit(vault, &manifest, &everywhere(&manifest))),
    ];
    let mut head = CommitmentHash::ZERO;
    for seq in 1..=5 {
        let commitment = commitment(vault, seq, head, &[], &manifest);
        head = commitment.hash();
        commands.push((BY_OWNER, Command::SnapshotCommit { commitment, packs: vec![], manifest_pack: manifest.id() }));
    }
    // Its row leaves, so that the pages are of what waits and not of the numbers.
    commands.push((BY_MEMBER, Command::OutboxRelease { vault, seq: 2, reason: "a gap".to_owned() }));
    let signed = (1..).zip(commands).map(|(serial, (who, command))| sign(who, command, 1, serial)).collect();
    for outcome in running.ledger.submit(signed).await.unwrap() {
        outcome.unwrap();
    }

    let reader = running.ledger.read(Consistency::Linearizable).await.unwrap();
    let (mut from, mut pages) = (0, Vec::new());
    loop {
        let page = reader.outbox(from, 2).unwrap().rows;
        let Some((last, _, _)) = page.last() else { break };
        from = last + 1;
        pages.push(page.into_iter().map(|(row, found, seq)| (row, found == vault, seq)).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![(0, true, 1), (2, true, 3)], vec![(3, true, 4), (4, true, 5)]]);
    assert_eq!([1, 2, 3, 6].map(|seq| reader.waits(&vault, seq).unwrap()), [true, false, true, false]);
    drop(reader);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_end_with_the_bytes_that_are_wanted_and_go_on_after_that() {
    let home = Home::new();
    let running = home.start().await;
    let vault = terms(1).vault();
    let packs: Vec<_> = (0..5).map(|seed| header(OTHER, seed)).collect();
    let mut commands = vec![(BY_MEMBER, admit(10)), (BY_NODE, announce(6)), (BY_OWNER, register(terms(1), &OWNER))];
    commands.extend(packs.iter().map(|pack| (BY_OWNER, pack_commit(vault, pack, &everywhere(pack)))));
    let mut head = CommitmentHash::ZERO;
    for (seq, byte) in (1..=5).zip(1..) {
        let commitment = commitment(vault, seq, head, &[], &packs[0]);
        head = commitment.hash();
        let manifest_pack = packs[0].id();
        commands.push((BY_OWNER, Command::SnapshotCommit { commitment, packs: vec![], manifest_pack }));
        let (key, sealed) = (ObjectKey::new([byte; 32]), vec![1; 1000]);
        commands.push((BY_OWNER, Command::ObjectCommit { vault, key, version: 1, sealed, packs: vec![] }));
    }
    let signed = (1..).zip(commands).map(|(serial, (who, command))| sign(who, command, 1, serial)).collect();
    for outcome in running.ledger.submit(signed).await.unwrap() {
        outcome.unwrap();
    }
    let reader = running.ledger.read(Consistency::Linearizable).await.unwrap();
    // Room for two records and a part of the third.
    let two = |record: usize| RowsMax { rows: 100, bytes: record * 5 / 2 };
    let snapshot = reader.snapshot(&vault, 1).unwrap().unwrap().encoded_size();
    let pages = [1, 3, 5].map(|from| reader.snapshots(&vault, from, two(snapshot)).unwrap());
    let seqs = pages.each_ref().map(|page| page.rows.iter().map(|row| row.commitment.seq).collect::<Vec<_>>());
    assert_eq!(seqs, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(pages.map(|page| page.more), [true, true, false]);
    let pack = reader.pack(&packs[0].id()).unwrap().unwrap().encoded_size();
    let page = reader.packs(&vault, 1, two(pack)).unwrap();
    assert_eq!((page.rows.iter().map(|row| row.0).collect::<Vec<_>>(), page.more), (vec![1, 2], true));
    let page = reader.objects(&vault, Some(&ObjectKey::new([2; 32])), two(1000)).unwrap();
    assert_eq!((page.rows.iter().map(|row| row.key.as_ref()[0]).collect::<Vec<_>>(), page.more), (vec![3, 4], true));
    let page = reader.vaults_of(&terms(1).owner, RowsMax { rows: 100, bytes: 1 }).unwrap();
    assert_eq!((page.rows.len(), page.more), (1, false), "one row at least");
    drop(reader);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_answers_no_linearizable_read() {
    let mut cluster = Cluster::start().await;
    cluster.submit(sign(BY_OWNER, register(terms(1), &OWNER), 1, 1)).await;
    let vault = terms(1).vault();
    let old = cluster.submit(sign(BY_OWNER, object(vault, 1), 1, 2)).await;
    let version =
        |reader: crate::Reader| reader.object(&vault, &ObjectKey::new([1; 32]), None).unwrap().unwrap().version;

    let cut_off = cluster.cut_off(old);
    let leader = cluster.submit(sign(BY_OWNER, object(vault, 2), 1, 3)).await;
    assert_ne!(leader, old);
    // Many at once share its rounds, and all of them learn that there is no quorum.
    let reads = (0..8).map(|_| cut_off.read(Consistency::Linearizable));
    for read in futures::future::join_all(reads).await {
        assert!(matches!(read, Err(LedgerError::NoLeader | LedgerError::NotLeader { .. })), "{read:?}");
    }
    let stale = cut_off.read(Consistency::Stale).await.unwrap();
    assert_eq!((stale.consistency(), stale.confirmed_term()), (Consistency::Stale, None));
    assert_eq!(version(stale), 1);
    let fresh = cluster.ledger(leader).read(Consistency::Linearizable).await.unwrap();
    assert_eq!(version(fresh), 2);

    drop(cut_off);
    cluster.rejoin(old);
    cluster.agree().await;
    cluster.stop().await;
}
