use std::path::Path;
use std::process::{Command, Stdio};

use primitives::{Height, PackId, ShardId, VolumeId};
use proptest::prelude::*;

use super::*;
use crate::schema::{ChainEthHashes, NodeMeta, ReplicaMeta, ReplicaShards, StateStale};
use crate::{Durability, Raw};

fn open(path: &Path) -> Store {
    Store::open(path, StoreConfig::default()).unwrap()
}

#[test]
fn a_batch_is_applied_over_all_tables_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = store.batch();
    batch.put::<NodeMeta>(&"a".to_owned(), &vec![1]).unwrap();
    batch.put::<ReplicaMeta>(&"a".to_owned(), &vec![2]).unwrap();
    batch.delete::<NodeMeta>(&"b".to_owned()).unwrap();
    assert_eq!(batch.len(), 3);
    drop(batch);
    assert_eq!(store.get::<NodeMeta>(&"a".to_owned()).unwrap(), None, "dropped without commit");
    let mut batch = store.batch();
    batch.put::<NodeMeta>(&"a".to_owned(), &vec![1]).unwrap();
    batch.put::<ReplicaMeta>(&"a".to_owned(), &vec![2]).unwrap();
    batch.commit(Durability::Synced).unwrap();
    assert_eq!(store.get::<NodeMeta>(&"a".to_owned()).unwrap(), Some(vec![1]));
    assert_eq!(store.get::<ReplicaMeta>(&"a".to_owned()).unwrap(), Some(vec![2]), "the same key in another table");
}

#[test]
fn scans_follow_key_order_and_respect_prefix_and_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = store.batch();
    let shards: Vec<ShardId> = (0u8..4).map(|i| ShardId::new([i * 60; 32])).collect();
    for volume in [VolumeId(255), VolumeId(256), VolumeId(1)] {
        for shard in &shards {
            batch.put::<ReplicaShards>(&(volume, *shard), &Raw(vec![7])).unwrap();
        }
    }
    batch.commit(Durability::Buffered).unwrap();
    let rows = store.scan_prefix::<ReplicaShards>(&VolumeId(255).to_key(), 100).unwrap();
    assert_eq!(rows.iter().map(|((_, shard), _)| *shard).collect::<Vec<_>>(), shards);
    assert_eq!(store.scan_prefix::<ReplicaShards>(&VolumeId(255).to_key(), 3).unwrap().len(), 3);
    assert_eq!(store.scan::<ReplicaShards>(&[], 100, |_| true).unwrap().len(), 12);
    let ((volume, shard), _) = store.last::<ReplicaShards>().unwrap().unwrap();
    assert_eq!((volume, shard), (VolumeId(256), shards[3]));
    assert!(store.last::<NodeMeta>().unwrap().is_none());
    let floor = |volume, shard| store.floor::<ReplicaShards>(&(VolumeId(volume), shard)).unwrap().map(|(key, _)| key);
    assert_eq!(floor(255, shards[1]), Some((VolumeId(255), shards[1])), "the row itself");
    assert_eq!(floor(255, ShardId::new([61; 32])), Some((VolumeId(255), shards[1])), "or the one below");
    assert_eq!(floor(0, shards[3]), None);
}

#[test]
fn a_second_opening_says_in_use_and_other_failures_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let first = open(&path);
    assert!(matches!(Store::open(&path, StoreConfig::default()), Err(StoreError::InUse { .. })));
    drop(first);
    // Words like "block" in an error's text must not be taken for a lock.
    std::fs::write(path.join("CURRENT"), b"block block block\n").unwrap();
    assert!(matches!(Store::open(&path, StoreConfig::default()), Err(StoreError::Database { .. })));
}

#[test]
fn a_value_that_does_not_decode_is_called_corrupt_with_its_table() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.db().put_cf(store.family::<ChainEthHashes>().unwrap(), Height::new(1).to_key(), [1, 2, 3]).unwrap();
    let error = store.get::<ChainEthHashes>(&Height::new(1)).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "chain-eth-hashes", part: "value", .. }), "{error}");
    store.db().put_cf(store.family::<ChainEthHashes>().unwrap(), [1], [0; 32]).unwrap();
    let error = store.scan::<ChainEthHashes>(&[], 10, |_| true).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { part: "key" | "value", .. }), "{error}");
}

/// What the child process of the next test does; in a plain run of all tests there is nothing to do.
#[test]
fn child() {
    let Ok(path) = std::env::var("STRONGROOM_TEST_DB") else { return };
    let store = open(Path::new(&path));
    for i in 0u8..50 {
        let durability = if i.is_multiple_of(2) { Durability::Synced } else { Durability::Buffered };
        let mut batch = store.batch();
        batch.put::<ReplicaMeta>(&format!("{i:03}"), &vec![i]).unwrap();
        batch.put::<NodeMeta>(&format!("{i:03}"), &vec![i]).unwrap();
        batch.commit(durability).unwrap();
    }
    std::process::abort();
}

#[test]
fn what_was_committed_is_there_after_the_process_died() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "db::tests::child"])
        .env("STRONGROOM_TEST_DB", &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    let store = open(&path);
    for i in 0u8..50 {
        assert_eq!(store.get::<ReplicaMeta>(&format!("{i:03}")).unwrap(), Some(vec![i]));
        assert_eq!(store.get::<NodeMeta>(&format!("{i:03}")).unwrap(), Some(vec![i]));
    }
}

proptest! {
    #[test]
    fn keys_round_trip_and_sort_like_their_values(a: (u64, [u8; 4]), b: (u64, [u8; 4]), cut in 0usize..12) {
        type Key = <StateStale as Table>::Key;
        let key = |(n, bytes): (u64, [u8; 4])| -> Key { (n, bytes.to_vec()) };
        let (x, y) = (key(a), key(b));
        prop_assert_eq!(Key::from_key(&x.to_key()), Some(x.clone()));
        prop_assert_eq!(x.cmp(&y), x.to_key().cmp(&y.to_key()));
        prop_assert!(<(u64, u32)>::from_key(&x.to_key()[..cut]).is_none());
        let id = PackId::new([a.1[0]; 32]);
        let pair = (VolumeId(7), id);
        prop_assert_eq!(<(VolumeId, PackId)>::from_key(&pair.to_key()), Some(pair));
    }
}
