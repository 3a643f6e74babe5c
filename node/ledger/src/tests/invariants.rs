//! Whatever is sent, the tables agree with one another.

use std::collections::{BTreeMap, BTreeSet};

use primitives::ledger::Command;
use primitives::{Commitment, CommitmentHash, ObjectKey, PackId, Policy, VaultId, VolumeId};
use proptest::prelude::*;
use store::schema;

use crate::machine::Limits;
use crate::tables::LedgerTable;
use crate::testkit::*;

/// A step that a client, a node or a member might take, sensible or not.
#[derive(Clone, Debug)]
enum Step {
    Announce(u16),
    Pack { vault: u8, seed: u64, policy: bool, places: Vec<(u8, u16)> },
    Object { vault: u8, key: u8, version: u64, seeds: BTreeSet<u64> },
    Snapshot { vault: u8, seeds: BTreeSet<u64>, manifest: u64, skip: u64 },
    Held { seed: u64, policy: bool, index: u8, volume: u16 },
    Lost { seed: u64, policy: bool, index: u8, volume: u16 },
    Final { upto: usize },
    Again(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seeds = || prop::collection::btree_set(0..6u64, 0..4);
    let places = prop::collection::vec((0..7u8, 0..7u16), 0..8);
    let step = prop_oneof![
        1 => (1..8u16).prop_map(Step::Announce),
        8 => (0..2u8, 0..6u64, any::<bool>(), places)
            .prop_map(|(vault, seed, policy, places)| Step::Pack { vault, seed, policy, places }),
        3 => (0..2u8, 0..2u8, 1..4u64, seeds())
            .prop_map(|(vault, key, version, seeds)| Step::Object { vault, key, version, seeds }),
        4 => (0..2u8, seeds(), 0..6u64, 0..2u64)
            .prop_map(|(vault, seeds, manifest, skip)| Step::Snapshot { vault, seeds, manifest, skip }),
        2 => (0..6u64, any::<bool>(), 0..6u8, 0..7u16)
            .prop_map(|(seed, policy, index, volume)| Step::Held { seed, policy, index, volume }),
        2 => (0..6u64, any::<bool>(), 0..6u8, 0..7u16)
            .prop_map(|(seed, policy, index, volume)| Step::Lost { seed, policy, index, volume }),
        1 => (0..8usize).prop_map(|upto| Step::Final { upto }),
        2 => (0..40usize).prop_map(Step::Again),
    ];
    prop::collection::vec(step, 1..60)
}

fn policy(copies: bool) -> Policy {
    if copies { Policy::MIRROR } else { Policy::ERASURE }
}

fn vault(number: u8) -> VaultId {
    terms(number + 1).vault()
}

fn ids(vault: u8, seeds: &BTreeSet<u64>) -> Vec<PackId> {
    let mut packs: Vec<_> =
        seeds.iter().map(|seed| header(Policy::ERASURE, seed * 2 + u64::from(vault)).id()).collect();
    packs.sort_unstable();
    packs
}

fn command(machine: &Machine, step: &Step) -> Option<(Who, Command)> {
    Some(match step {
        Step::Announce(volumes) => (BY_NODE, announce(*volumes)),
        Step::Pack { vault: number, seed, policy: copies, places } => {
            let header = header(policy(*copies), seed * 2 + u64::from(*number));
            (BY_OWNER, pack_commit(vault(*number), &header, places))
        }
        Step::Object { vault: number, key, version, seeds } => {
            let key = ObjectKey::new([*key; 32]);
            let packs = ids(*number, seeds);
            (BY_OWNER, Command::ObjectCommit { vault: vault(*number), key, version: *version, sealed: vec![1], packs })
        }
        Step::Snapshot { vault: number, seeds, manifest, skip } => {
            let record = machine.get::<schema::LedgerVaults>(&vault(*number))?;
            let packs = ids(*number, seeds);
            let manifest = header(Policy::MIRROR, manifest * 2 + u64::from(*number));
            let seq = record.head_seq + 1 + skip;
            let commitment = commitment(vault(*number), seq, record.head, &packs, &manifest);
            (BY_OWNER, Command::SnapshotCommit { commitment, packs, manifest_pack: manifest.id() })
        }
        Step::Held { seed, policy: copies, index, volume } => {
            (BY_NODE, Command::ShardHeld { ack: ack(&header(policy(*copies), *seed), *index, *volume) })
        }
        Step::Lost { seed, policy: copies, index, volume } => {
            let pack = header(policy(*copies), *seed).id();
            (BY_NODE, Command::ShardLost { pack, index: *index, volume: VolumeId(*volume) })
        }
        Step::Final { upto } => {
            let leaves: Vec<Commitment> = rows::<schema::LedgerSnapshots>(machine)
                .into_values()
                .map(|record| record.commitment)
                .take(*upto)
                .collect();
            let (header, certificate, proofs) = block(9, &leaves, &[30], &validators(&[30]));
            (BY_MEMBER, Command::FinalityRecord { header, certificate, proofs, next_validators: None })
        }
        Step::Again(_) => return None,
    })
}

fn rows<T: LedgerTable>(machine: &Machine) -> BTreeMap<T::Key, T::Value> {
    T::rows(&machine.tables).iter().filter_map(|(key, row)| Some((key.clone(), row.value.clone()?))).collect()
}

/// Every number that is stored twice is the same twice.
fn check(machine: &Machine) {
    let totals = machine.totals();
    let vaults = rows::<schema::LedgerVaults>(machine);
    let packs = rows::<schema::LedgerPacks>(machine);
    let snapshots = rows::<schema::LedgerSnapshots>(machine);
    let objects = rows::<schema::LedgerObjects>(machine);
    let number = |count: usize| u64::try_from(count).unwrap();
    assert_eq!(totals.vaults, number(vaults.len()));
    assert_eq!(totals.packs, number(packs.len()));
    assert_eq!(totals.snapshots, number(snapshots.len()));
    assert_eq!(totals.objects, number(objects.len()));
    assert_eq!(totals.stored_bytes, packs.values().map(|pack| pack.header.stored_bytes()).sum::<u64>());
    assert_eq!(totals.degraded_packs, number(packs.values().filter(|pack| pack.is_degraded()).count()));
    let nodes = rows::<schema::LedgerNodes>(machine);
    assert_eq!(totals.volumes, nodes.values().map(|node| number(node.volumes.len())).sum::<u64>());
    let remembered = rows::<schema::LedgerSessions>(machine);
    assert_eq!(totals.outcomes, remembered.values().map(|outcome| outcome.applied.count()).sum::<u64>());

    let waiting: BTreeSet<_> =
        snapshots.iter().filter(|(_, record)| record.finality.is_none()).map(|(place, _)| *place).collect();
    let outbox = rows::<schema::LedgerOutbox>(machine);
    assert_eq!(outbox.values().copied().collect::<BTreeSet<_>>(), waiting);
    assert_eq!(rows::<schema::LedgerOutboxRows>(machine), outbox.iter().map(|(row, place)| (*place, *row)).collect());
    assert_eq!(usize::try_from(totals.outbox).unwrap(), waiting.len());

    for (vault, record) in &vaults {
        let own: Vec<_> = packs.values().filter(|pack| pack.vault == *vault).collect();
        assert_eq!(record.packs, number(own.len()));
        assert_eq!(record.stored_bytes, own.iter().map(|pack| pack.header.stored_bytes()).sum::<u64>());
        let stream: Vec<_> = snapshots.range((*vault, 0)..=(*vault, u64::MAX)).collect();
        assert_eq!(record.head_seq, number(stream.len()));
        let mut prev = CommitmentHash::ZERO;
        for (expected, ((_, seq), snapshot)) in (1..).zip(&stream) {
            assert_eq!((*seq, snapshot.commitment.prev), (expected, prev));
            prev = snapshot.commitment.hash();
        }
        assert_eq!(record.head, prev);
    }
    for (id, pack) in &packs {
        let by_snapshots = snapshots.values().filter(|record| record.packs.contains(id) || record.manifest_pack == *id);
        let by_objects = objects.values().filter(|record| record.packs.contains(id));
        assert_eq!(usize::try_from(pack.references).unwrap(), by_snapshots.count() + by_objects.count());
        assert!(pack.holders.is_sorted());
        let indexes: BTreeSet<_> = pack.holders.iter().map(|holder| holder.index).collect();
        assert_eq!(indexes.len(), pack.holders.len(), "one holder an index");
        let volumes: BTreeSet<_> = pack.holders.iter().map(|holder| holder.volume).collect();
        assert!(!pack.header.policy.is_copies() || volumes.len() == pack.holders.len(), "one copy a volume");
        for shard in &pack.header.shards {
            assert!(machine.get::<schema::LedgerShards>(&(*shard, *id)).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counters_references_streams_and_outbox_always_agree(steps in steps()) {
        let mut machine = Machine::open(Limits { outcomes: 16, session_window: 8, ..Limits::default() });
        machine.done(BY_NODE, announce(6));
        machine.done(BY_OWNER, register(terms(1), &OWNER));
        machine.done(BY_OWNER, register(terms(2), &OWNER));
        let mut sent: Vec<primitives::ledger::SignedCommand> = Vec::new();
        for (serial, step) in (1..).zip(&steps) {
            let signed = match (step, command(&machine, step)) {
                (_, Some((who, command))) => sign(who, command, 1, serial),
                (Step::Again(back), None) if *back < sent.len() => sent[sent.len() - 1 - back].clone(),
                _ => continue,
            };
            let before = machine.tables.dump();
            let outcome = machine.apply_signed(std::slice::from_ref(&signed)).remove(0);
            if outcome.is_err() {
                prop_assert_eq!(&machine.tables.dump(), &before, "a refused command changes nothing");
            }
            sent.push(signed);
            check(&machine);
        }
    }
}
