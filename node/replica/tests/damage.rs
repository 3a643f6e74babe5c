//! Shards rot, are cut, swapped or deleted: never served, always repaired.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use primitives::{Policy, ShardId};
use replica::{Class, ReplicaError, ScrubReport};
use support::{Node, Pack, eventually, pack};

const LEN: usize = 200_000 / 64 * 64;

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    fs::write(file, bytes).unwrap();
}

async fn node_with_pack() -> (Node, replica::Replica, Pack) {
    let (node, replica) = Node::running(6).await;
    let pack = pack(Policy::ERASURE, LEN, 1);
    node.store(&replica, &pack).await;
    (node, replica, pack)
}

async fn expect_repaired(node: &Node, replica: &replica::Replica, pack: &Pack, damaged: u64) {
    eventually("repaired", || node.directory.is_whole(&pack.id) && replica.status().repairs.shards == damaged).await;
    node.check(replica, pack).await;
    assert_eq!(replica.status().scrub.damaged, damaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_is_never_served_and_repaired() {
    let (node, replica, pack) = node_with_pack().await;
    let mut damaged = 0;
    for (index, at) in [(0u8, 0), (2, 16_384), (5, LEN - 1)] {
        let shard = pack.header.shards[usize::from(index)];
        let bytes = &pack.shards[usize::from(index)];
        // Warm: the group hashes are known before the damage.
        assert_eq!(replica.get(&shard, Some(5..70)).await.unwrap(), bytes[5..70]);
        flip(&node.file(node.volume_of(&pack.id, index), &shard), at);
        // A range elsewhere is right and may be served; the range that has it and the whole are refused.
        let other = if at < 100_000 { 150_000..160_000 } else { 0..10_000 };
        let read = replica.get(&shard, Some(other.clone())).await.unwrap();
        assert!(read == bytes[usize::try_from(other.start).unwrap()..usize::try_from(other.end).unwrap()]);
        let around = u64::try_from(at).unwrap()..u64::try_from(at).unwrap() + 1;
        let refused = replica.get(&shard, Some(around)).await;
        assert!(matches!(refused, Err(ReplicaError::Corrupt { .. })), "{refused:?}");
        damaged += 1;
        expect_repaired(&node, &replica, &pack, damaged).await;
    }
    let quarantined: usize =
        (0..6).map(|v| fs::read_dir(node.volume_path(v).join("quarantine")).unwrap().count()).sum();
    assert_eq!(quarantined, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_swapped_and_deleted_files_are_never_served_and_repaired() {
    let (node, replica, pack) = node_with_pack().await;
    let file = |index: u8| node.file(node.volume_of(&pack.id, index), &pack.header.shards[usize::from(index)]);

    fs::OpenOptions::new().write(true).open(file(1)).unwrap().set_len(100_000).unwrap();
    assert!(matches!(replica.get(&pack.header.shards[1], None).await, Err(ReplicaError::Corrupt { .. })));
    expect_repaired(&node, &replica, &pack, 1).await;

    fs::remove_file(file(4)).unwrap();
    let gone = replica.get(&pack.header.shards[4], Some(7..9)).await.unwrap_err();
    assert!(matches!(gone, ReplicaError::Corrupt { .. }) && gone.class() == Class::NotYet, "{gone}");
    expect_repaired(&node, &replica, &pack, 2).await;

    let (a, b) = (file(2), file(3));
    fs::rename(&a, node.root.join("c")).unwrap();
    fs::rename(&b, &a).unwrap();
    fs::rename(node.root.join("c"), &b).unwrap();
    assert!(matches!(replica.get(&pack.header.shards[2], Some(0..10)).await, Err(ReplicaError::Corrupt { .. })));
    assert!(matches!(replica.get(&pack.header.shards[3], None).await, Err(ReplicaError::Corrupt { .. })));
    expect_repaired(&node, &replica, &pack, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scrub_finds_rot_that_nobody_reads() {
    let (node, replica, pack) = node_with_pack().await;
    let len = u64::try_from(LEN).unwrap();
    assert_eq!(replica.scrub_now().await.unwrap(), ScrubReport { checked: 6, bytes: 6 * len, damaged: 0 });
    assert!(replica.status().scrub.completed.is_some());
    flip(&node.file(node.volume_of(&pack.id, 0), &pack.header.shards[0]), 77);
    fs::remove_file(node.file(node.volume_of(&pack.id, 5), &pack.header.shards[5])).unwrap();
    assert_eq!(replica.scrub_now().await.unwrap().damaged, 2);
    expect_repaired(&node, &replica, &pack, 2).await;
    assert_eq!(replica.scrub_now().await.unwrap(), ScrubReport { checked: 6, bytes: 6 * len, damaged: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slow_scrub_finds_rot_too() {
    let mut node = Node::new(6);
    // Everything is always due.
    node.config.scrub_period = std::time::Duration::ZERO;
    let replica = node.start().await;
    let pack = pack(Policy::ERASURE, LEN, 1);
    node.store(&replica, &pack).await;
    node.stop(replica).await;
    let file = node.file(node.volume_of(&pack.id, 3), &pack.header.shards[3]);
    flip(&file, LEN / 2);
    let replica = node.start().await;
    eventually("found and repaired", || replica.status().repairs.shards == 1 && node.directory.is_whole(&pack.id))
        .await;
    node.check(&replica, &pack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_copies_the_good_one_is_served_when_the_other_is_bad() {
    let (node, replica) = Node::running(4).await;
    let mirror = pack(Policy::MIRROR, LEN, 1);
    node.store(&replica, &mirror).await;
    let shard = mirror.header.shards[0];
    for volume in 0..3 {
        flip(&node.file(primitives::VolumeId(volume), &shard), 1000 * usize::from(volume));
    }
    for _ in 0..4 {
        assert!(replica.get(&shard, None).await.unwrap() == mirror.shards[0]);
    }
    replica.scrub_now().await.unwrap();
    expect_repaired(&node, &replica, &mirror, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rot_than_parity_names_the_pack_and_serves_the_rest() {
    let (node, replica, pack) = node_with_pack().await;
    for index in [0u8, 1, 2] {
        flip(&node.file(node.volume_of(&pack.id, index), &pack.header.shards[usize::from(index)]), 3);
    }
    // The repair that the first one starts may come upon the others before the scrub does.
    let found = replica.scrub_now().await.unwrap().damaged;
    assert!((1..=3).contains(&found), "{found} found");
    eventually("named", || replica.status().unrepairable == [pack.id]).await;
    for index in [0usize, 1, 2] {
        assert!(replica.get(&pack.header.shards[index], None).await.is_err(), "shard {index} is served");
    }
    for index in [3usize, 4, 5] {
        assert!(replica.get(&pack.header.shards[index], None).await.unwrap() == pack.shards[index]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_puts_are_refused_and_nothing_of_them_is_kept() {
    let (_node, replica, pack) = node_with_pack().await;
    let (id, shard) = (pack.id, ShardId::of(b"other"));
    let put = |index, width, bytes: Bytes| {
        let replica = replica.clone();
        async move { replica.put(id, index, width, shard, bytes).await.unwrap_err() }
    };
    let bytes = pack.shards[0].clone();
    let wrong = put(0, 6, bytes.clone()).await;
    assert!(
        matches!(wrong, ReplicaError::Mismatch { expected, found } if expected == shard && found == pack.header.shards[0])
    );
    for (index, width) in [(6, 6), (0, 0), (0, 129), (200, 201)] {
        assert!(matches!(put(index, width, bytes.clone()).await, ReplicaError::Index { .. }), "{index} {width}");
    }
    assert!(matches!(put(0, 6, Bytes::new()).await, ReplicaError::Length { found: 0, .. }));
    let long = put(0, 6, Bytes::from(vec![0; (32 << 20) + 1])).await;
    assert!(matches!(long, ReplicaError::Length { .. }) && long.class() == Class::Invalid);
    assert!(matches!(replica.get(&shard, None).await, Err(ReplicaError::Unknown { .. })));
    assert_eq!(replica.stat(&shard).await.unwrap(), None);
    assert_eq!(replica.status().volumes.iter().map(|volume| volume.shards).sum::<u64>(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_exact_and_wrong_ones_are_refused() {
    let (_node, replica, pack) = node_with_pack().await;
    let (shard, bytes) = (pack.header.shards[1], &pack.shards[1]);
    let len = u64::try_from(LEN).unwrap();
    for (start, end) in [(0, 1), (16_383, 16_385), (len - 1, len), (0, len), (100, len - 100), (32_768, 49_152)] {
        let read = replica.get(&shard, Some(start..end)).await.unwrap();
        assert!(read == bytes[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()], "{start}..{end}");
    }
    for (start, end) in [(0, 0), (5, 4), (0, len + 1), (len, len + 1), (u64::MAX - 1, u64::MAX)] {
        let read = replica.get(&shard, Some(start..end)).await;
        assert!(matches!(read, Err(ReplicaError::Range { .. })), "{start}..{end}: {read:?}");
    }
    let stat = replica.stat(&shard).await.unwrap().unwrap();
    assert_eq!((stat.len, stat.volumes.len()), (len, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_put_again_gives_the_same_ack_and_a_rotten_file_gives_none() {
    let (node, replica, pack) = node_with_pack().await;
    let again = node.store(&replica, &pack).await;
    assert_eq!(again.len(), 6);
    assert_eq!(replica.status().volumes.iter().map(|volume| volume.shards).sum::<u64>(), 6);
    let volume = node.volume_of(&pack.id, 2);
    flip(&node.file(volume, &pack.header.shards[2]), 9);
    let ack = replica.put(pack.id, 2, 6, pack.header.shards[2], pack.shards[2].clone()).await.unwrap();
    // On whichever volume: the one that let it rot may have reported its loss already and be free to take it again.
    assert_eq!(ack.shard, pack.header.shards[2]);
    assert!(replica.get(&pack.header.shards[2], None).await.unwrap() == pack.shards[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tiny_shards_are_kept_like_others() {
    let (node, replica) = Node::running(6).await;
    for (seed, len) in [(1, 64), (2, 128), (3, 4032), (4, 16_384), (5, 16_448)] {
        let tiny = pack(Policy::ERASURE, len, seed);
        node.store(&replica, &tiny).await;
        node.check(&replica, &tiny).await;
        let (shard, bytes) = (tiny.header.shards[5], &tiny.shards[5]);
        assert_eq!(replica.get(&shard, Some(3..60)).await.unwrap(), bytes[3..60]);
        flip(&node.file(node.volume_of(&tiny.id, 5), &shard), 61);
        assert!(replica.get(&shard, Some(0..64)).await.is_err() || len > 16_384, "a small shard is hashed whole");
    }
}
