//! What becomes of volumes and shards that were away, and of what they left elsewhere.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use primitives::{Policy, VolumeId};
use replica::VolumeState;
use support::{Node, Pack, eventually, pack};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_was_away_at_the_start_has_the_weight_of_its_disk_when_it_returns() {
    let (mut node, replica) = Node::running(3).await;
    eventually("announced", || node.directory.announced() == [0, 1, 2]).await;
    node.stop(replica).await;
    node.unplug(1);
    let replica = node.start().await;
    eventually("announced without it", || node.directory.announced() == [0, 2]).await;
    node.plug_in(1);
    eventually("back", || replica.status().volumes[1].state == VolumeState::Up).await;
    let weight = |volume: usize| u32::try_from(replica.status().volumes[volume].total >> 30).unwrap().max(1);
    assert!(weight(0) > 1, "the test needs a disk of 2 GiB or more");
    eventually("announced with its weight", || {
        let volumes = node.directory.volumes.lock().unwrap();
        volumes.iter().map(|info| info.weight).eq((0..3).map(weight))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_row_count_wherever_among_the_rows_they_are() {
    let (mut node, replica) = Node::running(6).await;
    let mut on_it: Vec<_> = Vec::new();
    for seed in 0..10 {
        let acks = node.store(&replica, &pack(Policy::ERASURE, 4096, seed)).await;
        on_it.extend(acks.iter().filter(|ack| ack.volume == VolumeId(0)).map(|ack| ack.shard));
    }
    node.stop(replica).await;
    // As after a power cut that took the latest rows.
    let strays: Vec<Pack> = (100..110).map(|seed| pack(Policy::ERASURE, 8192, seed)).collect();
    for pack in &strays {
        let file = node.file(VolumeId(0), &pack.header.shards[0]);
        fs::write(file, &pack.shards[0]).unwrap();
    }
    let last = on_it.iter().max().unwrap();
    assert!(strays.iter().any(|pack| pack.header.shards[0] < *last), "some are among the rows");
    let replica = node.start().await;
    let volume = &replica.status().volumes[0];
    assert_eq!((volume.shards, volume.used), (20, 10 * 4096 + 10 * 8192));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_move_left_behind_is_removed_later() {
    let (node, replica) = Node::running(6).await;
    let moved = pack(Policy::ERASURE, 4096, 1);
    let acks = node.store(&replica, &moved).await;
    node.unplug(1);
    node.repaired_without(&[1], std::slice::from_ref(&moved)).await;
    let before = node.directory.record(&moved.id).holders;
    // A commit that names its shards is under way: none of them may be let go.
    let commit = replica.confirm(vec![(moved.header.clone(), acks)]).await.unwrap();
    node.plug_in(1);
    eventually("on six volumes", || node.volumes_of(&moved.id) == [0, 1, 2, 3, 4, 5]).await;
    eventually("the move is over", || {
        let repairs = replica.status().repairs;
        repairs.queued + repairs.running == 0
    })
    .await;
    let now = node.directory.record(&moved.id).holders;
    let [left]: [_; 1] = before.iter().filter(|holder| !now.contains(holder)).collect::<Vec<_>>().try_into().unwrap();
    let file = node.file(left.volume, &moved.header.shards[usize::from(left.index)]);
    assert!(file.exists(), "it is needed at this moment");
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().removed, 0);
    assert!(file.exists(), "still");
    drop(commit);
    let used = |volume: VolumeId| replica.status().volumes[usize::from(volume.0)].shards;
    let shards = used(left.volume);
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().removed, 0, "it is no orphan");
    assert!(!file.exists(), "nobody looks for it there");
    assert_eq!(used(left.volume), shards - 1);
    node.check(&replica, &moved).await;
    assert_eq!(node.directory.record(&moved.id).holders, now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_the_removal_of_what_lies_at_its_end_leave_one_of_the_two() {
    let (mut node, replica) = Node::running(6).await;
    let moved = pack(Policy::ERASURE, 4096, 1);
    node.store(&replica, &moved).await;
    node.stop(replica).await;
    // By the ledger another volume is the holder of one shard, and has two therefore; the file of an earlier place is there still.
    let (shard, from, to) = (moved.header.shards[0], node.volume_of(&moved.id, 1), node.volume_of(&moved.id, 0));
    fs::copy(node.file(to, &shard), node.file(from, &shard)).unwrap();
    let holder = |volume| {
        let mut packs = node.directory.packs.lock().unwrap();
        packs.get_mut(&moved.id).unwrap().holders.iter_mut().find(|holder| holder.index == 0).unwrap().volume = volume;
    };
    holder(from);
    node.directory.answers_left.store(1000, Ordering::SeqCst);
    node.directory.stall();
    let replica = node.start().await;
    eventually("the shard is on both, and the ledger is told", || node.directory.unanswered() == 1).await;
    replica.remove_orphans_now(HOUR).await.unwrap();
    node.directory.go_on();
    eventually("moved", || node.volume_of_if(&moved.id, 0) == Some(to)).await;
    eventually("the move is over", || {
        let repairs = replica.status().repairs;
        repairs.queued + repairs.running == 0
    })
    .await;
    assert!(node.file(to, &shard).exists(), "where the ledger looks for it");
    assert!(!node.file(from, &shard).exists());
    node.check(&replica, &moved).await;
}
