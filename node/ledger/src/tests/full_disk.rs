//! A disk without room: new commands are refused before it is full, and a disk that is full all the same is named.

use std::sync::Arc;

use mounts::Mount;
use openraft::storage::RaftStateMachine as _;
use primitives::ObjectKey;
use primitives::ledger::Command;
use store::{Store, StoreConfig};

use crate::checked::Checker;
use crate::error::LedgerError;
use crate::machine::Limits;
use crate::reader::Consistency;
use crate::room::Room;
use crate::state::StateMachine;
use crate::testkit::*;
use crate::tests::durable::{Home, Running};

fn object(version: u64) -> Command {
    let (vault, key) = (terms(1).vault(), ObjectKey::new([1; 32]));
    Command::ObjectCommit { vault, key, version, sealed: vec![7; 60_000], packs: vec![] }
}

/// Writes versions after `version` until one is not taken: the last that was, and why not.
async fn fill(running: &Running, mut version: u64) -> (u64, LedgerError) {
    while version < 10_000 {
        match running.ledger.submit(vec![sign(BY_OWNER, object(version + 1), 1, version + 2)]).await {
            Ok(mut outcomes) => drop(outcomes.remove(0).unwrap()),
            Err(error) => return (version, error),
        }
        version += 1;
    }
    panic!("600 MB fit into the small file system");
}

async fn open_vault(running: &Running) {
    let opened = running.ledger.submit(vec![sign(BY_OWNER, register(terms(1), &OWNER), 1, 1)]).await;
    opened.unwrap().remove(0).unwrap();
}

async fn last_version(running: &Running) -> u64 {
    let reader = running.ledger.read(Consistency::Linearizable).await.unwrap();
    reader.object(&terms(1).vault(), &ObjectKey::new([1; 32]), None).unwrap().unwrap().version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_too_little_room_new_commands_are_refused_and_all_else_goes_on() {
    let mut home = Home::new();
    let running = home.start().await;
    open_vault(&running).await;
    running.stop().await;
    // No disk has so much.
    home.config.free_bytes_min = u64::MAX;
    let running = home.start().await;
    let command = || vec![sign(BY_OWNER, object(1), 1, 2)];
    for _ in 0..2 {
        let refused = running.ledger.submit(command()).await.unwrap_err();
        assert!(matches!(refused, LedgerError::DiskLow { .. }) && !refused.is_fatal(), "{refused}");
    }
    assert!(matches!(running.ledger.room(), Err(LedgerError::DiskLow { .. })));
    let reader = running.ledger.read(Consistency::Linearizable).await.unwrap();
    assert!(reader.vault(&terms(1).vault()).unwrap().is_some());
    drop(reader);
    running.ledger.submit_own(command()).await.unwrap().remove(0).unwrap();
    assert_eq!(last_version(&running).await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_waits_for_room_unless_raft_cannot_do_without() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("db"), StoreConfig::default()).unwrap();
    let open = |free_bytes_min| {
        let (rules, checker) = (Arc::new(rules(Limits::default())), Arc::new(Checker::new(NETWORK)));
        let machine = StateMachine::open(store.clone(), rules, checker, dir.path().join("snapshots")).unwrap();
        machine.keeping_free(Room::new([dir.path()], free_bytes_min).unwrap())
    };
    assert!(open(u64::MAX).try_create_snapshot_builder(false).await.is_none());
    assert!(open(u64::MAX).try_create_snapshot_builder(true).await.is_some());
    assert!(open(0).try_create_snapshot_builder(false).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mark_comes_before_the_end_of_the_disk_and_goes_with_room() {
    let mut home = Home::new();
    let Some(disk) = Mount::tmpfs(&home.config.log_dir, "16m") else { return };
    home.config.free_bytes_min = 4 << 20;
    let running = home.start().await;
    open_vault(&running).await;
    let (version, refused) = fill(&running, 0).await;
    assert!(matches!(refused, LedgerError::DiskLow { .. }), "{refused}");
    assert!((100..220).contains(&version), "12 of 16 MiB are for new commands of 60 KB each: {version}");
    assert_eq!(last_version(&running).await, version);
    disk.resize("32m");
    let (further, refused) = fill(&running, version).await;
    assert!(further > version && matches!(refused, LedgerError::DiskLow { .. }), "{further} {refused}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_stops_the_ledger_and_is_named_to_all_who_ask() {
    for on_disk in ["log", "db"] {
        let mut home = Home::new();
        let disk = home.dir.path().join(on_disk);
        let Some(mounted) = Mount::tmpfs(&disk, "16m") else { return };
        home.config.free_bytes_min = 0;
        let running = home.start().await;
        open_vault(&running).await;
        let (version, refused) = fill(&running, 0).await;
        let text = refused.to_string();
        let place = disk.display().to_string();
        for words in ["No space left on device", place.as_str(), "free space on that disk and start the node again"] {
            assert!(text.contains(words), "{on_disk}: {words}: {text}");
        }
        assert_eq!(running.ledger.stopped().await.unwrap_err().to_string(), text, "{on_disk}: the node's last words");
        let again = running.ledger.submit(vec![sign(BY_OWNER, object(version + 1), 1, version + 2)]).await;
        assert_eq!(again.unwrap_err().to_string(), text, "{on_disk}: nothing more is written");
        running.cancel.cancel();
        let_go(running.ledger, running.store).await;

        mounted.resize("64m");
        let running = home.start().await;
        let found = last_version(&running).await;
        // The last one was not acknowledged; it may be there all the same.
        assert!(found == version || found == version + 1, "{on_disk}: {found} of {version}");
        let more = running.ledger.submit(vec![sign(BY_OWNER, object(found + 1), 2, 1)]).await;
        more.unwrap().remove(0).unwrap();
        running.stop().await;
    }
}
