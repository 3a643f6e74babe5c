//! Volumes go; shards come back.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use primitives::Policy;
use replica::{ReplicaEvent, VolumeState};
use support::{Node, Pack, eventually, pack, packs};

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_a_pack_go_to_distinct_volumes_and_spread_evenly() {
    let (node, replica) = Node::running(6).await;
    for pack in packs(20, 4096) {
        node.store(&replica, &pack).await;
        assert_eq!(node.volumes_of(&pack.id), [0, 1, 2, 3, 4, 5]);
        node.check(&replica, &pack).await;
    }
    let status = replica.status();
    assert!(status.volumes.iter().all(|volume| volume.shards == 20 && volume.used == 20 * 4096), "{status:?}");
    assert!(status.volumes.iter().all(|volume| volume.state == VolumeState::Up && volume.total > 0));
    eventually("the ledger hears of the volumes", || node.directory.announced() == [0, 1, 2, 3, 4, 5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_volume_is_noticed_and_repaired_onto_the_others() {
    lose(&[3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lost_volumes_are_noticed_and_repaired_onto_the_others() {
    lose(&[1, 4]).await;
}

/// Loses volumes of a running node with 4+2 packs and expects everything back.
async fn lose(lost: &[u16]) {
    let (mut node, replica) = Node::running(6).await;
    let mut events = replica.events();
    let packs = packs(12, 100_032);
    for pack in &packs {
        node.store(&replica, pack).await;
    }
    // A pack whose client stopped before recording it is no obstacle.
    let unrecorded = pack(Policy::ERASURE, 4096, 999);
    node.store(&replica, &unrecorded).await;
    node.directory.packs.lock().unwrap().remove(&unrecorded.id);
    for volume in lost {
        node.lose_volume(usize::from(*volume));
    }
    node.repaired_without(lost, &packs).await;
    node.check_all(&replica, &packs).await;
    let gone = |volume: u16| lost.contains(&volume);
    for pack in &packs {
        // Six shards on the volumes that are left: spread as evenly as can be.
        let volumes = node.volumes_of(&pack.id);
        let left = 6 - lost.len();
        for volume in (0..6u16).filter(|volume| !gone(*volume)) {
            let count = volumes.iter().filter(|other| **other == volume).count();
            assert!(count >= 6 / left && count <= 6usize.div_ceil(left), "{volumes:?}");
        }
    }
    for volume in lost {
        assert!(!node.volume_path(usize::from(*volume)).exists(), "a volume that vanished is not made again");
    }
    eventually("counts settle", || replica.status().repairs.running + replica.status().repairs.queued == 0).await;
    let status = replica.status();
    // More than were lost when some were rebuilt onto the next volume just before it went.
    let rebuilt = usize::try_from(status.repairs.shards).unwrap();
    assert!(if lost.len() == 1 { rebuilt == 12 } else { rebuilt >= 12 * lost.len() }, "{status:?}");
    assert_eq!((status.repairs.failed, status.unrepairable.len()), (0, 0));
    for volume in &status.volumes {
        assert_eq!(volume.state == VolumeState::Lost, gone(volume.id.0), "{status:?}");
        assert_eq!(volume.shards == 0, gone(volume.id.0), "{status:?}");
    }
    eventually("the ledger hears of it", || node.directory.announced().len() == 6 - lost.len()).await;
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    assert_eq!(seen.iter().filter(|e| matches!(e, ReplicaEvent::VolumeLost { .. })).count(), lost.len());
    assert_eq!(seen.iter().filter(|e| matches!(e, ReplicaEvent::ShardRebuilt { .. })).count(), rebuilt);
    assert!(seen.iter().any(|event| matches!(event, ReplicaEvent::PackRepaired { .. })));
    // After a restart the volume is still lost, and still not made again.
    let replica = node.restart(replica).await;
    node.check_all(&replica, &packs).await;
    assert!(lost.iter().all(|volume| !node.volume_path(usize::from(*volume)).exists()));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_lost_volumes_are_too_many_and_the_packs_are_named() {
    let (mut node, replica, packs) = Node::with_packs(5, 4096).await;
    // All three at once, so that nothing can be rescued between the first loss and the last.
    node.stop(replica).await;
    for volume in [0, 2, 5] {
        node.unplug(volume);
    }
    let replica = node.start().await;
    eventually("all packs are reported", || replica.status().unrepairable.len() == 5).await;
    assert_eq!(replica.status().repairs.failed, 5);
    for pack in &packs {
        assert_eq!(node.directory.record(&pack.id).holders.len(), 3);
        let mut readable = 0;
        for shard in &pack.header.shards {
            readable += usize::from(replica.get(shard, None).await.is_ok());
        }
        assert_eq!(readable, 3, "what is left is served");
    }
    // One disk comes back: four shards are enough.
    node.plug_in(2);
    eventually("all packs are whole", || packs.iter().all(|pack| node.directory.is_whole(&pack.id))).await;
    node.check_all(&replica, &packs).await;
    eventually("none is unrepairable any more", || replica.status().unrepairable.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_away_for_a_moment_or_for_long_is_used_again_with_its_shards() {
    let (node, replica, packs) = Node::with_packs(6, 8192).await;
    node.unplug(1);
    node.repaired_without(&[1], &packs).await;
    node.plug_in(1);
    eventually("back", || replica.status().volumes[1].state == VolumeState::Up).await;
    eventually("announced", || node.directory.announced().contains(&1)).await;
    assert!(packs.iter().all(|pack| node.directory.is_whole(&pack.id)));
    node.check_all(&replica, &packs).await;
    let more = pack(Policy::ERASURE, 4096, 77);
    node.store(&replica, &more).await;
    assert_eq!(node.volumes_of(&more.id), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_returns_while_its_loss_is_being_reported_is_used_with_every_file() {
    // More than are reported at a time.
    let (node, replica, packs) = Node::with_packs(50, 4096).await;
    node.directory.stall();
    node.unplug(1);
    eventually("reports wait for the ledger", || node.directory.unanswered() == 32).await;
    node.plug_in(1);
    eventually("back", || replica.status().volumes[1].state == VolumeState::Up).await;
    // While the ledger does not answer, what is on the disk is served.
    let shard_on_it = |pack: &Pack| pack.header.shards[usize::from(index_on(&node, pack, 1))];
    let on_it: Vec<_> = packs.iter().map(|pack| (pack, shard_on_it(pack))).collect();
    for (_, shard) in &on_it {
        replica.get(shard, None).await.unwrap();
    }
    // The ledger applies what it was told before, and hears that it is not so.
    node.directory.go_on();
    eventually("every pack has a holder for every shard", || {
        packs.iter().all(|pack| node.volumes_of(&pack.id) == [0, 1, 2, 3, 4, 5])
    })
    .await;
    for (pack, shard) in &on_it {
        assert_eq!(replica.stat(shard).await.unwrap().unwrap().volumes, [primitives::VolumeId(1)]);
        node.check(&replica, pack).await;
    }
    assert_eq!(replica.status().repairs.shards, 0, "nothing was rebuilt that was there");
    assert_eq!(replica.status().volumes[1].shards, 50);
}

/// Which of the pack's shards is on this volume, by the ledger.
fn index_on(node: &Node, pack: &Pack, volume: u16) -> u8 {
    let record = node.directory.record(&pack.id);
    record.holders.iter().find(|holder| holder.volume.0 == volume).unwrap().index
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_disk_in_the_place_of_a_lost_one_is_taken_only_with_a_claim() {
    let mut node = Node::new(6);
    // Only what a new volume itself begins is waited for.
    node.config.census_interval = Duration::from_secs(3600);
    let replica = node.start().await;
    let first = pack(Policy::ERASURE, 4096, 1);
    node.store(&replica, &first).await;
    node.lose_volume(2);
    fs::create_dir(node.volume_path(2)).unwrap();
    eventually("lost", || replica.status().volumes[2].state == VolumeState::Lost).await;
    eventually("repaired", || node.directory.is_whole(&first.id)).await;
    assert_eq!(fs::read_dir(node.volume_path(2)).unwrap().count(), 0, "a mount point without its disk stays empty");
    let stray = node.volume_path(2).join("somebody's own");
    fs::write(&stray, b"").unwrap();
    // What a volume leaves that is deleted while it is written is none of anybody's.
    fs::write(node.volume_path(2).join(store::Volume::RECORDED_NOTE), b"7\n").unwrap();
    fs::write(node.volume_path(2).join(store::Volume::CLAIM_FILE), b"").unwrap();
    let problem = || replica.status().volumes[2].problem.clone().unwrap_or_default();
    eventually("it is told what is in the way", || problem().contains("somebody's own")).await;
    let claim = node.volume_path(2).join(store::Volume::CLAIM_FILE);
    fs::remove_file(&claim).unwrap();
    eventually("nothing is wanted of it any more", || problem().is_empty()).await;
    fs::remove_file(stray).unwrap();
    fs::write(claim, b"").unwrap();
    eventually("a new volume", || node.directory.announced() == [0, 1, 3, 4, 5, 6]).await;
    eventually("used", || replica.status().volumes.iter().all(|volume| volume.id.0 == 2 || volume.announced)).await;
    eventually("two shards on one volume move apart", || node.volumes_of(&first.id) == [0, 1, 3, 4, 5, 6]).await;
    let second = pack(Policy::ERASURE, 4096, 2);
    node.store(&replica, &second).await;
    assert_eq!(node.volumes_of(&second.id), [0, 1, 3, 4, 5, 6], "with an id of its own");
    let replica = node.restart(replica).await;
    node.check(&replica, &first).await;
    node.check(&replica, &second).await;
    assert_eq!(replica.status().volumes.iter().map(|volume| volume.id.0).collect::<Vec<_>>(), [0, 1, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_volume_takes_shards_when_the_ledger_has_heard_of_it() {
    let (node, replica) = Node::running(6).await;
    node.directory.down.store(true, Ordering::SeqCst);
    node.lose_volume(2);
    fs::create_dir(node.volume_path(2)).unwrap();
    eventually("lost", || replica.status().volumes[2].state == VolumeState::Lost).await;
    fs::write(node.volume_path(2).join(store::Volume::CLAIM_FILE), b"").unwrap();
    let is_there = || replica.status().volumes.iter().any(|volume| volume.id.0 == 6 && volume.state == VolumeState::Up);
    eventually("a new volume", is_there).await;
    let early = pack(Policy::ERASURE, 4096, 1);
    let acks = node.store(&replica, &early).await;
    assert!(acks.iter().all(|ack| ack.volume.0 != 6), "the ledger would refuse this acknowledgement");
    node.directory.down.store(false, Ordering::SeqCst);
    eventually("used", || replica.status().volumes.iter().all(|volume| volume.id.0 == 2 || volume.announced)).await;
    let late = pack(Policy::ERASURE, 4096, 2);
    assert!(node.store(&replica, &late).await.iter().any(|ack| ack.volume.0 == 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_lost_while_the_node_was_down_is_repaired_at_start() {
    let (mut node, replica, packs) = Node::with_packs(4, 4096).await;
    node.stop(replica).await;
    node.lose_volume(0);
    let replica = node.start().await;
    assert_eq!(replica.status().volumes[0].state, VolumeState::Lost);
    node.repaired_without(&[0], &packs).await;
    node.check_all(&replica, &packs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_out_of_reach_delays_repair_and_loses_nothing() {
    let (mut node, replica, packs) = Node::with_packs(4, 4096).await;
    node.directory.down.store(true, Ordering::SeqCst);
    node.lose_volume(5);
    eventually("lost", || replica.status().volumes[5].state == VolumeState::Lost).await;
    // Even a restart in between does not make it forget.
    let _replica = node.restart(replica).await;
    node.directory.down.store(false, Ordering::SeqCst);
    node.repaired_without(&[5], &packs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_never_share_a_volume() {
    let (node, replica) = Node::running(5).await;
    let mirror = pack(Policy::MIRROR, 6400, 1);
    node.store(&replica, &mirror).await;
    let volumes = node.volumes_of(&mirror.id);
    assert_eq!(volumes.len(), 4);
    assert!(volumes.windows(2).all(|pair| pair[0] != pair[1]), "{volumes:?}");
    // Concurrent puts of the same bytes neither.
    let second = pack(Policy::MIRROR, 6400, 2);
    let puts = (0..4).map(|index| {
        let (replica, second) = (replica.clone(), second.clone());
        async move {
            let shard = second.header.shards[0];
            replica.put(second.id, index, 4, shard, second.shards[0].clone()).await.unwrap().volume
        }
    });
    let mut volumes = futures::future::join_all(puts).await;
    volumes.sort_unstable();
    volumes.dedup();
    assert_eq!(volumes.len(), 4);
    // Two of the four go; one volume is left that holds none.
    let held = node.volumes_of(&mirror.id);
    for volume in &held[..2] {
        node.lose_volume(usize::from(*volume));
    }
    eventually("three copies on the three volumes that are left", || {
        let now = node.volumes_of(&mirror.id);
        now.len() == 3 && !now.contains(&held[0]) && !now.contains(&held[1])
    })
    .await;
    eventually("the fourth has no place", || replica.status().repairs.failed >= 1).await;
    assert_eq!(replica.status().unrepairable, [], "which is no loss");
    assert!(replica.get(&mirror.header.shards[0], None).await.unwrap() == mirror.shards[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_volumes_than_shards_hold_an_even_number_each() {
    let (node, replica) = Node::running(3).await;
    let wide = pack(Policy::ERASURE, 4096, 1);
    assert_eq!(node.store(&replica, &wide).await.len(), 6);
    assert_eq!(node.volumes_of(&wide.id), [0, 0, 1, 1, 2, 2]);
    node.lose_volume(1);
    eventually("repaired", || node.volumes_of(&wide.id) == [0, 0, 0, 2, 2, 2]).await;
    node.check(&replica, &wide).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_recorded_as_degraded_are_completed_at_once() {
    let (node, replica) = Node::running(6).await;
    let part = pack(Policy::ERASURE, 4096, 1);
    let mut acks = Vec::new();
    for index in [0u8, 2, 3, 5] {
        let at = usize::from(index);
        acks.push(replica.put(part.id, index, 6, part.header.shards[at], part.shards[at].clone()).await.unwrap());
    }
    // The periodic census is ten minutes away.
    node.commit(&part, &acks);
    eventually("whole", || node.directory.is_whole(&part.id)).await;
    assert_eq!(node.volumes_of(&part.id), [0, 1, 2, 3, 4, 5]);
    node.check(&replica, &part).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_share_a_volume_move_apart_when_a_volume_returns() {
    let (node, replica, packs) = Node::with_packs(4, 4096).await;
    node.unplug(1);
    node.repaired_without(&[1], &packs).await;
    node.plug_in(1);
    eventually("each on six volumes", || {
        packs.iter().all(|pack| node.directory.is_whole(&pack.id) && node.volumes_of(&pack.id) == [0, 1, 2, 3, 4, 5])
    })
    .await;
    node.check_all(&replica, &packs).await;
    // Any two volumes may be lost again.
    eventually("nothing is left to do", || {
        let repairs = replica.status().repairs;
        (repairs.queued, repairs.running, repairs.failed) == (0, 0, 0)
    })
    .await;
    node.lose_volume(2);
    node.lose_volume(5);
    node.repaired_without(&[2, 5], &packs).await;
    node.check_all(&replica, &packs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_another_pack_has_stays_where_it_was_when_it_moves() {
    let (node, replica) = Node::running(6).await;
    // The same bytes under two policies: their data shards are the same.
    let (six, five) = (pack(Policy::ERASURE, 4096, 1), pack(Policy::new(4, 1).unwrap(), 4096, 1));
    assert_eq!(six.header.shards[..4], five.header.shards[..4]);
    node.store(&replica, &six).await;
    node.unplug(1);
    node.repaired_without(&[1], std::slice::from_ref(&six)).await;
    let before = node.directory.record(&six.id).holders;
    // The second pack is recorded, and no row of the index knows it.
    node.commit(&five, &[]);
    node.plug_in(1);
    eventually("on six volumes", || node.volumes_of(&six.id) == [0, 1, 2, 3, 4, 5]).await;
    for holder in before.iter().filter(|holder| holder.index < 4) {
        let file = node.file(holder.volume, &six.header.shards[usize::from(holder.index)]);
        assert!(file.exists(), "shard {} is gone from volume {}", holder.index, holder.volume.0);
    }
    eventually("whole", || node.directory.is_whole(&five.id)).await;
    node.check(&replica, &six).await;
    node.check(&replica, &five).await;
}
