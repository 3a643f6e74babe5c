//! What is on disk: restarts, damage, snapshots, and that two machines end up the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use primitives::Policy;
use primitives::ledger::{Applied, Command, Refusal, SignedCommand};
use store::{Durability, Store, StoreConfig, StoreError};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::checked::Checker;
use crate::config::LedgerConfig;
use crate::error::LedgerError;
use crate::ledger::{Ledger, start};
use crate::machine::Limits;
use crate::meta;
use crate::reader::Consistency;
use crate::state::StateMachine;
use crate::tables::TABLES;
use crate::testkit::*;
use crate::transport::NoPeers;
use crate::{snapshot, snapshot::SnapshotFile};

/// A ledger of one member in a directory.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) config: LedgerConfig,
}

pub(crate) struct Running {
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) cancel: CancellationToken,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = LedgerConfig::new(dir.path().join("log"), dir.path().join("snapshots"), member());
        Self { dir, config }
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_on("db").await.unwrap()
    }

    pub(crate) async fn start_on(&self, database: &str) -> Result<Running, LedgerError> {
        let store = Store::open(&self.dir.path().join(database), StoreConfig::default())?;
        let cancel = CancellationToken::new();
        let config = self.config.clone();
        let ledger = start(config, genesis(), store.clone(), Arc::new(NoPeers), cancel.clone()).await?;
        Ok(Running { ledger, store, cancel })
    }

    fn newest_chunk(&self) -> PathBuf {
        let files = std::fs::read_dir(&self.config.log_dir).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|end| end == "wal")).max().unwrap()
    }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        self.ledger.stopped().await.unwrap();
        let_go(self.ledger, self.store).await;
    }
}

pub(crate) fn dump(store: &Store) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    store
        .export::<StoreError>(TABLES, |row| {
            rows.push((row.table, row.key.to_vec(), row.value.to_vec()));
            Ok(())
        })
        .unwrap();
    rows
}

/// A vault, volumes, and a stream of packs, objects and snapshots.
fn story(rounds: u64) -> Vec<SignedCommand> {
    let vault = terms(1).vault();
    let mut commands = vec![(BY_MEMBER, admit(10)), (BY_NODE, announce(6)), (BY_OWNER, register(terms(1), &OWNER))];
    for round in 0..rounds {
        let pack = header(Policy::ERASURE, round);
        commands.push((BY_OWNER, pack_commit(vault, &pack, &everywhere(&pack))));
        let version = round + 1;
        let key = primitives::ObjectKey::new([1; 32]);
        let packs = vec![pack.id()];
        commands.push((BY_OWNER, Command::ObjectCommit { vault, key, version, sealed: vec![1], packs }));
        commands.push((BY_OWNER, Command::ObjectCommit { vault, key, version: 99, sealed: vec![1], packs: vec![] }));
    }
    let signed = (1..).zip(commands).map(|(serial, (who, command))| sign(who, command, 1, serial));
    signed.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_restart_and_an_outcome_repeats() {
    let home = Home::new();
    let running = home.start().await;
    let story = story(20);
    let outcomes = running.ledger.submit(story.clone()).await.unwrap();
    assert!(matches!(outcomes[5], Err(Refusal::Sequence { expected: 2, found: 99 })));
    let reader = running.ledger.read(Consistency::Linearizable).await.unwrap();
    let vault = terms(1).vault();
    assert_eq!(reader.consistency(), Consistency::Linearizable);
    assert_eq!(reader.packs(&vault, 0, 100).unwrap().rows.len(), 20);
    assert_eq!(reader.packs(&vault, 15, 3).unwrap().rows.iter().map(|row| row.0).collect::<Vec<_>>(), [15, 16, 17]);
    assert_eq!(reader.vaults_of(&terms(1).owner, 10).unwrap().rows.len(), 1);
    let all = reader.all_packs(None, 7).unwrap();
    let rest = reader.all_packs(Some(&all[6].0), 100).unwrap();
    assert_eq!((all.len(), rest.len()), (7, 13));
    assert_eq!(reader.packs_with_shard(&all[0].1.header.shards[3], 10).unwrap()[0].0, all[0].0);
    let object = reader.object(&vault, &primitives::ObjectKey::new([1; 32]), None).unwrap().unwrap();
    assert_eq!(object.version, 20);
    assert_eq!(reader.objects(&vault, None, 10).unwrap().rows, [object]);
    assert_eq!(reader.nodes(None, 10).unwrap().rows.len(), 1);
    let before = dump(&running.store);
    assert!(*running.ledger.changes().borrow() >= reader.applied());
    drop(reader);
    running.stop().await;

    let running = home.start().await;
    assert_eq!(dump(&running.store), before);
    let stale = running.ledger.read(Consistency::Stale).await.unwrap();
    assert_eq!(stale.vault(&vault).unwrap().unwrap().packs, 20);
    drop(stale);
    // What was refused is judged anew: it took no effect, and now the object is further.
    let again = running.ledger.submit(story).await.unwrap();
    assert_eq!(again[5], Err(Refusal::Sequence { expected: 21, found: 99 }));
    let applied = |outcomes: Vec<Result<Applied, Refusal>>| outcomes.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(applied(again), applied(outcomes));
    let status = running.ledger.status().unwrap();
    assert_eq!((status.role.as_str(), status.leader, status.totals.packs), ("leader", Some(member()), 20));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_need_no_order_are_refused_at_the_door() {
    let home = Home::new();
    let running = home.start().await;
    let mut forged = sign(BY_NODE, announce(3), 1, 1);
    forged.serial = 9;
    let vault = terms(1).vault();
    let huge = Command::ObjectCommit {
        vault,
        key: primitives::ObjectKey::ZERO,
        version: 1,
        sealed: vec![0; 9 << 20],
        packs: vec![],
    };
    assert_eq!(running.ledger.submit(vec![sign(BY_MEMBER, admit(10), 1, 1)]).await.unwrap(), [Ok(Applied::Done)]);
    let before = *running.ledger.changes().borrow();
    let outcomes = running.ledger.submit(vec![forged.clone(), sign(BY_OWNER, huge, 1, 1)]).await.unwrap();
    assert_eq!(outcomes[0], Err(Refusal::BadSignature));
    assert!(matches!(&outcomes[1], Err(Refusal::Invalid { what, .. }) if what == "command"));
    assert_eq!(*running.ledger.changes().borrow(), before);
    assert_eq!(running.ledger.submit(vec![]).await.unwrap(), []);
    let mixed = vec![forged, sign(BY_NODE, announce(3), 1, 1)];
    assert_eq!(running.ledger.submit(mixed).await.unwrap(), [Err(Refusal::BadSignature), Ok(Applied::Done)]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ledger_on_the_same_log_is_refused() {
    let home = Home::new();
    let running = home.start().await;
    let second = home.start_on("another-db").await.err().unwrap();
    assert!(matches!(second, LedgerError::InUse { .. }), "{second}");
    assert!(Store::open(&home.dir.path().join("db"), StoreConfig::default()).is_err());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_of_the_log_opens_and_other_damage_does_not() {
    type Damage = fn(&Path);
    let cut: Damage = |path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - 7).unwrap();
    };
    let zeros: Damage = |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.extend([0; 4096]);
        std::fs::write(path, bytes).unwrap();
    };
    let flip: Damage = |path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    for (name, damage, opens) in [("cut", cut, true), ("zeros", zeros, true), ("flip", flip, false)] {
        let home = Home::new();
        let running = home.start().await;
        for signed in story(5) {
            drop(running.ledger.submit(vec![signed]).await.unwrap());
        }
        let before = dump(&running.store);
        running.stop().await;
        damage(&home.newest_chunk());
        match home.start_on("db").await {
            Ok(running) if opens => {
                assert_eq!(dump(&running.store), before, "{name}");
                let again = running.ledger.submit(vec![sign(BY_NODE, announce(5), 2, 1)]).await.unwrap();
                assert_eq!(again, [Ok(Applied::Done)], "{name}");
                running.stop().await;
            }
            Err(error) if !opens => assert!(matches!(error, LedgerError::Log { .. }), "{name}: {error}"),
            other => panic!("{name}: {:?}", other.map(|_| ())),
        }
    }
}

/// RocksDB's unsynced tail, or all of it, is lost: the log brings it back; where the log is purged, the snapshot and
/// what is left of the log do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_tables_are_rebuilt_from_the_log_and_from_a_snapshot() {
    for (snapshot_entries, purged) in [(1_000_000, false), (10, true)] {
        let mut home = Home::new();
        home.config.snapshot_entries = snapshot_entries;
        home.config.keep_entries = 1;
        home.config.log.chunk_records = 16;
        let running = home.start().await;
        for signed in story(20) {
            drop(running.ledger.submit(vec![signed]).await.unwrap());
        }
        if purged {
            eventually("the log is purged", async || running.ledger.status().unwrap().purged).await;
        }
        let status = running.ledger.status().unwrap();
        assert_eq!(status.purged.is_some(), purged);
        assert_eq!(status.snapshot.is_some(), purged);
        let before = dump(&running.store);
        running.stop().await;
        let running = home.start().await;
        assert_eq!(dump(&running.store), before);
        running.stop().await;
        let running = home.start_on("empty-db").await.unwrap();
        assert_eq!(dump(&running.store), before);
        running.stop().await;
    }
}

fn open_machine(dir: &Path, name: &str) -> (Store, StateMachine, PathBuf) {
    let store = Store::open(&dir.join(name), StoreConfig::default()).unwrap();
    let snapshots = dir.join(format!("{name}-snapshots"));
    let rules = Arc::new(rules(Limits::default()));
    let machine = StateMachine::open(store.clone(), rules, Arc::new(Checker::new(NETWORK)), snapshots.clone()).unwrap();
    (store, machine, snapshots)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_disk_come_to_the_same_tables() {
    let home = Home::new();
    let running = home.start().await;
    let mut memory = Machine::new(Limits::default());
    for entry in story(10).chunks(3) {
        let expected = memory.apply_signed(entry);
        assert_eq!(running.ledger.submit(entry.to_vec()).await.unwrap(), expected);
    }
    assert_eq!(dump(&running.store), memory.tables.dump());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_cut_off_by_a_crash_is_ended_by_the_next_start() {
    let home = Home::new();
    let running = home.start().await;
    drop(running.ledger.submit(story(10)).await.unwrap());
    let source = dump(&running.store);
    let (_, file) = snapshot::build(&running.store, &home.config.snapshot_dir).unwrap();
    running.stop().await;

    let dir = tempfile::tempdir().unwrap();
    let (store, machine, snapshots) = open_machine(dir.path(), "target");
    drop(machine);
    let (_, adopted) = snapshot::adopt(&snapshots, &file).unwrap();
    let mut batch = store.batch();
    meta::put_installing(&mut batch, adopted.path().file_name().unwrap().to_str().unwrap()).unwrap();
    for table in TABLES {
        batch.clear(table).unwrap();
    }
    batch.commit(Durability::Synced).unwrap();
    drop(store);
    let (store, _machine, _) = open_machine(dir.path(), "target");
    assert_eq!(dump(&store), source);
    assert_eq!(meta::installing(&store).unwrap(), None);
    assert_eq!(meta::Meta::load(&store).unwrap(), file.meta().unwrap());
}

#[test]
fn a_snapshot_with_any_byte_changed_or_missing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("db"), StoreConfig::default()).unwrap();
    let (machine, _) = Machine::ready();
    let mut batch = store.batch();
    machine.tables.store(&mut batch).unwrap();
    batch.commit(Durability::Buffered).unwrap();
    let snapshots = dir.path().join("snapshots");
    snapshot::prepare(&snapshots).unwrap();
    let (_, file) = snapshot::build(&store, &snapshots).unwrap();
    let good = std::fs::read(file.path()).unwrap();
    assert_eq!(good.len(), usize::try_from(file.bytes()).unwrap());
    let mut rows = 0;
    file.visit(|_| {
        rows += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, machine.tables.dump().len());
    let path = dir.path().join("damaged");
    let check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        SnapshotFile::open(&path).unwrap().visit(|_| Ok(())).is_err()
    };
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0x55;
        assert!(check(&bad), "byte {position}");
    }
    for length in 0..good.len() {
        assert!(check(&good[..length]), "length {length}");
    }
    assert!(check(&[&good[..], &[0]].concat()));
}
