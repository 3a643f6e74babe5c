//! Shards of packs that were never recorded go; no shard goes that a recorded pack has, whatever happens at the same time.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use primitives::{Policy, ShardAck};
use replica::{OrphanReport, Replica, ReplicaError, Shortage, VolumeState};
use store::Volume;
use support::{Node, Pack, eventually, pack, packs};

const HOUR: Duration = Duration::from_secs(3600);
const NOW: Duration = Duration::ZERO;

/// Puts every shard of the pack and records nothing.
async fn put(replica: &Replica, pack: &Pack) -> Vec<ShardAck> {
    let width = u8::try_from(pack.shards.len()).unwrap();
    let mut acks = Vec::new();
    for index in 0..width {
        let at = usize::from(index);
        let shard = pack.header.shards[at];
        acks.push(replica.put(pack.id, index, width, shard, pack.shards[at].clone()).await.unwrap());
    }
    acks
}

/// Makes the files of acknowledged shards as old as this.
fn make_old(node: &Node, acks: &[ShardAck], age: Duration) {
    for ack in acks {
        let file = fs::File::options().write(true).open(node.file(ack.volume, &ack.shard)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
}

fn files(node: &Node, acks: &[ShardAck]) -> usize {
    acks.iter().filter(|ack| node.file(ack.volume, &ack.shard).exists()).count()
}

/// A node with three recorded packs and the acknowledgements of one that is not.
async fn node_with_orphans() -> (Node, Replica, Vec<Pack>, Pack, Vec<ShardAck>) {
    let (node, replica) = Node::running(6).await;
    let recorded = packs(3, 32_768);
    for pack in &recorded {
        let acks = node.store(&replica, pack).await;
        make_old(&node, &acks, 100 * HOUR);
    }
    let orphan = pack(Policy::ERASURE, 32_768, 100);
    let acks = put(&replica, &orphan).await;
    (node, replica, recorded, orphan, acks)
}

#[tokio::test(flavor = "multi_thread")]
async fn old_shards_of_packs_that_were_never_recorded_are_removed_and_no_others() {
    let (node, replica, recorded, orphan, acks) = node_with_orphans().await;
    let young = pack(Policy::ERASURE, 4096, 101);
    let young_acks = put(&replica, &young).await;
    make_old(&node, &acks, 2 * HOUR);
    // The same shard again: its client is there still.
    let again = replica.put(orphan.id, 0, 6, orphan.header.shards[0], orphan.shards[0].clone()).await.unwrap();
    assert_eq!(again, acks[0]);
    let report = replica.remove_orphans_now(HOUR).await.unwrap();
    let expected = OrphanReport { recorded: 18, orphans: 5, removed: 5, bytes: 5 * 32_768, held_back: false };
    assert_eq!(report, expected);
    assert_eq!((files(&node, &acks), files(&node, &young_acks)), (1, 6));
    for (ack, is_left) in acks.iter().zip([true, false, false, false, false, false]) {
        let read = replica.get(&ack.shard, None).await;
        assert!(is_left == read.is_ok() && (is_left || matches!(read, Err(ReplicaError::Unknown { .. }))), "{read:?}");
    }
    node.check_all(&replica, &recorded).await;
    let shards: u64 = replica.status().volumes.iter().map(|volume| volume.shards).sum();
    assert_eq!(shards, 18 + 6 + 1);
    assert_eq!(replica.scrub_now().await.unwrap().damaged, 0, "none of it counts as lost");
    // What was removed may come again.
    put(&replica, &orphan).await;
    node.check(&replica, &orphan).await;
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().orphans, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_removed_without_being_asked() {
    let (mut node, replica, recorded, _, acks) = node_with_orphans().await;
    node.stop(replica).await;
    make_old(&node, &acks, 25 * HOUR);
    let replica = node.start().await;
    eventually("removed", || files(&node, &acks) == 0).await;
    node.check_all(&replica, &recorded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_while_the_ledger_cannot_be_asked_or_knows_too_little() {
    let (node, replica, recorded, _, acks) = node_with_orphans().await;
    make_old(&node, &acks, 2 * HOUR);
    node.directory.down.store(true, Ordering::SeqCst);
    let refused = replica.remove_orphans_now(HOUR).await;
    assert!(matches!(refused, Err(ReplicaError::Directory(_))), "{refused:?}");
    node.directory.down.store(false, Ordering::SeqCst);
    assert_eq!(files(&node, &acks), 6);
    // A ledger that has lost its records answers, and knows nothing.
    let packs = std::mem::take(&mut *node.directory.packs.lock().unwrap());
    let report = replica.remove_orphans_now(HOUR).await.unwrap();
    assert_eq!(report, OrphanReport { orphans: 24, held_back: true, ..OrphanReport::default() });
    *node.directory.packs.lock().unwrap() = packs;
    assert_eq!(files(&node, &acks), 6);
    noted(&node, 3).await;
    // One that was put back to an older state knows some, and believes that it knows all.
    let before = replica.remove_orphans_now(3 * HOUR).await.unwrap();
    assert!(!before.held_back, "{before:?}");
    let last = node.directory.packs.lock().unwrap().pop_last().unwrap();
    let report = replica.remove_orphans_now(HOUR).await.unwrap();
    assert!(report.held_back && report.removed == 0 && report.recorded >= report.orphans, "{report:?}");
    node.directory.packs.lock().unwrap().insert(last.0, last.1);
    assert_eq!(files(&node, &acks), 6);
    node.check_all(&replica, &recorded).await;
}

/// Waits until every volume says that so many packs are recorded.
async fn noted(node: &Node, packs: u64) {
    eventually("noted", || (0..6).all(|volume| says(node, volume) == Some(packs))).await;
}

/// How many packs are recorded, by the note on a volume.
fn says(node: &Node, volume: usize) -> Option<u64> {
    fs::read_to_string(node.volume_path(volume).join(Volume::RECORDED_NOTE)).ok()?.trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn how_many_packs_are_recorded_is_noted_without_a_pass_over_orphans_and_outlives_the_database() {
    let mut node = Node::new(6);
    node.config.orphan_grace = None;
    let replica = node.start().await;
    let packs = packs(4, 4096);
    let mut acks = Vec::new();
    for pack in &packs {
        acks = node.store(&replica, pack).await;
    }
    noted(&node, 4).await;
    node.stop(replica).await;
    // A copy of ledger and index is put back that is older than the last pack.
    fs::remove_dir_all(node.root.join("db")).unwrap();
    let last = node.directory.packs.lock().unwrap().pop_last().unwrap();
    let replica = node.start().await;
    let report = replica.remove_orphans_now(NOW).await.unwrap();
    assert_eq!((report.recorded, report.orphans, report.removed, report.held_back), (18, 6, 0, true));
    assert_eq!(files(&node, &acks), 6);
    node.check_all(&replica, &packs).await;
    noted(&node, 4).await;
    // As many packs as before: it has all of them.
    node.directory.packs.lock().unwrap().insert(last.0, last.1);
    assert!(!replica.remove_orphans_now(NOW).await.unwrap().held_back);
    node.check_all(&replica, &packs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_during_the_removal_does_not_hold_it_back() {
    let (node, replica, recorded, _, acks) = node_with_orphans().await;
    make_old(&node, &acks, 2 * HOUR);
    noted(&node, 3).await;
    node.directory.stall();
    let removal = tokio::spawn({
        let replica = replica.clone();
        async move { replica.remove_orphans_now(HOUR).await }
    });
    eventually("shards are looked at", || node.directory.waiting.load(Ordering::SeqCst)).await;
    let more = pack(Policy::ERASURE, 4096, 101);
    node.store(&replica, &more).await;
    noted(&node, 4).await;
    node.directory.go_on();
    let report = removal.await.unwrap().unwrap();
    assert_eq!((report.removed, report.held_back), (6, false), "{report:?}");
    node.check_all(&replica, &recorded).await;
    node.check(&replica, &more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_was_added_away_or_failing_gets_the_note_although_no_more_packs_are_recorded() {
    let (mut node, replica, ..) = node_with_orphans().await;
    noted(&node, 3).await;
    node.stop(replica).await;
    node.config.volumes.push(node.volume_path(6));
    // A directory is in the way of the note.
    let in_the_way = node.volume_path(2).join("recorded-packs.tmp");
    fs::create_dir(&in_the_way).unwrap();
    fs::remove_file(node.volume_path(2).join(Volume::RECORDED_NOTE)).unwrap();
    let replica = node.start().await;
    eventually("noted on the new one", || says(&node, 6) == Some(3)).await;
    assert_eq!(says(&node, 2), None);
    fs::remove_dir(&in_the_way).unwrap();
    eventually("tried again", || says(&node, 2) == Some(3)).await;
    let state = |volume: usize| replica.status().volumes[volume].state;
    node.unplug(1);
    eventually("lost", || state(1) == VolumeState::Lost).await;
    fs::remove_file(node.volume_path(1).with_extension("unplugged").join(Volume::RECORDED_NOTE)).unwrap();
    node.plug_in(1);
    eventually("noted on the one that is back", || says(&node, 1) == Some(3)).await;
    node.store(&replica, &pack(Policy::ERASURE, 4096, 101)).await;
    eventually("noted on all", || (0..7).all(|volume| says(&node, volume) == Some(4))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_stop_the_removal_by_sending_shards() {
    let (node, replica, recorded, _, mut acks) = node_with_orphans().await;
    noted(&node, 3).await;
    for seed in 200..204 {
        acks.extend(put(&replica, &pack(Policy::ERASURE, 64, seed)).await);
    }
    make_old(&node, &acks, 2 * HOUR);
    let report = replica.remove_orphans_now(HOUR).await.unwrap();
    assert_eq!((report.recorded, report.orphans, report.removed, report.held_back), (18, 30, 30, false));
    node.check_all(&replica, &recorded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_another_pack_has_stays() {
    let (node, replica) = Node::running(6).await;
    // The same bytes kept as copies under two policies are two packs with one shard.
    let (three, five) = (pack(Policy::MIRROR, 4096, 1), pack(Policy::COPIES, 4096, 1));
    assert_eq!(three.header.shards[0], five.header.shards[0]);
    let acks = put(&replica, &three).await;
    make_old(&node, &acks, 2 * HOUR);
    node.commit(&five, &[]);
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().orphans, 0);
    assert_eq!(files(&node, &acks), acks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_and_the_removal_of_its_shards_exclude_each_other() {
    let (node, replica, _, orphan, acks) = node_with_orphans().await;
    make_old(&node, &acks, 100 * HOUR);
    // A commit is on its way: nothing of it goes.
    let confirmed = replica.confirm(vec![(orphan.header.clone(), acks.clone())]).await.unwrap();
    assert_eq!(confirmed.short(), []);
    assert_eq!(replica.remove_orphans_now(NOW).await.unwrap().removed, 0);
    drop(confirmed);
    // A commit that comes while its shards are being removed waits, and then learns that they are gone.
    node.directory.answers_left.store(6, Ordering::SeqCst);
    node.directory.stall();
    let removal = tokio::spawn({
        let replica = replica.clone();
        async move { replica.remove_orphans_now(NOW).await }
    });
    eventually("the removal asks a last time", || node.directory.waiting.load(Ordering::SeqCst)).await;
    let commit = tokio::spawn({
        let (replica, commits) = (replica.clone(), vec![(orphan.header.clone(), acks.clone())]);
        async move { replica.confirm(commits).await }
    });
    node.directory.go_on();
    let confirmed = commit.await.unwrap().unwrap();
    let removed = removal.await.unwrap().unwrap().removed;
    assert!(removed >= 1, "the one that was being removed, and others before the commit had its turn");
    // What the commit heard is what is there.
    let have = u8::try_from(files(&node, &acks)).unwrap();
    assert_eq!(u64::from(have) + removed, 6);
    assert_eq!(confirmed.short(), [Shortage { pack: orphan.id, have, need: 4 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_makes_shards_young_only_when_its_answer_was_lost() {
    let (node, replica, _, orphan, acks) = node_with_orphans().await;
    make_old(&node, &acks, 2 * HOUR);
    let commit = || replica.confirm(vec![(orphan.header.clone(), acks.clone())]);
    // The ledger may record it yet.
    commit().await.unwrap().unanswered().await.unwrap();
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().orphans, 0);
    // Whoever knows the ids can send commits that are refused; the shards go all the same.
    make_old(&node, &acks, 2 * HOUR);
    commit().await.unwrap().answered(|_| false);
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().removed, 6);
}

/// Polls `work` so many times, then drops it; its result if it has one by then.
async fn cut_off_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_is_cut_off_anywhere_leaves_every_shard_whole_or_gone() {
    let (mut node, replica, _, orphan, _) = node_with_orphans().await;
    let mut removed = 0;
    for polls in 1.. {
        let acks = put(&replica, &orphan).await;
        make_old(&node, &acks, 2 * HOUR);
        let report = cut_off_after(polls, replica.remove_orphans_now(HOUR)).await;
        // What a commit hears afterwards is what is there, and it does not wait for ever.
        let confirmed = replica.confirm(vec![(orphan.header.clone(), acks.clone())]).await.unwrap();
        let here = confirmed.short().first().map_or(6, |short| usize::from(short.have));
        // The file of one whose row is gone follows.
        eventually("what was heard is here", || files(&node, &acks) == here).await;
        for ack in &acks {
            let is_left = node.file(ack.volume, &ack.shard).exists();
            assert_eq!(replica.get(&ack.shard, None).await.is_ok(), is_left, "after {polls} polls");
        }
        removed += 6 - here;
        if report.is_some() {
            break;
        }
    }
    assert!(removed > 6, "some were removed by a pass that was cut off");
    let replica = node.restart(replica).await;
    assert_eq!(replica.status().volumes.iter().map(|volume| volume.shards).sum::<u64>(), 18);
    assert_eq!(replica.scrub_now().await.unwrap().damaged, 0);
}

/// Clients put packs and record them late or never, while orphans are removed as fast as can be, at any age.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_recorded_pack_ever_lacks_a_shard() {
    let mut node = Node::new(6);
    node.config.orphan_grace = None;
    let replica = node.start().await;
    for seed in 0..40 {
        node.store(&replica, &pack(Policy::ERASURE, 4096, seed)).await;
    }
    let node = Arc::new(node);
    let clients = (0..8u64).map(|client| {
        let (node, replica) = (node.clone(), replica.clone());
        async move {
            let (mut recorded, mut refused) = (Vec::new(), 0);
            for round in 0..12 {
                let pack = pack(Policy::ERASURE, 4096, 1000 + client * 100 + round);
                let acks = put(&replica, &pack).await;
                if round % 4 == 0 {
                    continue;
                }
                let commit = vec![(pack.header.clone(), acks.clone())];
                let confirmed = replica.confirm(commit).await.unwrap();
                if confirmed.short().is_empty() {
                    node.commit(&pack, &acks);
                    recorded.push(pack);
                } else {
                    refused += 1;
                }
                drop(confirmed);
            }
            (recorded, refused)
        }
    });
    let clients = tokio::spawn(futures::future::join_all(clients.collect::<Vec<_>>()));
    let mut removed = 0;
    while !clients.is_finished() {
        removed += replica.remove_orphans_now(NOW).await.unwrap().removed;
    }
    removed += replica.remove_orphans_now(NOW).await.unwrap().removed;
    let outcomes = clients.await.unwrap();
    for pack in outcomes.iter().flat_map(|(recorded, _)| recorded) {
        assert_eq!(node.volumes_of(&pack.id), [0, 1, 2, 3, 4, 5]);
        node.check(&replica, pack).await;
    }
    let recorded: usize = outcomes.iter().map(|(recorded, _)| recorded.len()).sum();
    let refused: usize = outcomes.iter().map(|(_, refused)| refused).sum();
    assert_eq!(recorded + refused, 8 * 9);
    assert!(removed >= 8 * 3 * 6, "at least those that nobody wanted to record: {removed}");
    assert_eq!(replica.status().repairs.shards, 0);
    let left: u64 = replica.status().volumes.iter().map(|volume| volume.shards).sum();
    assert_eq!(left, u64::try_from((40 + recorded) * 6).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_was_recorded_short_is_repaired_at_once() {
    let (node, replica, _, orphan, acks) = node_with_orphans().await;
    // Two of its shards are gone when it is recorded at last.
    make_old(&node, &acks[1..3], 2 * HOUR);
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().removed, 2);
    let confirmed = replica.confirm(vec![(orphan.header.clone(), acks.clone())]).await.unwrap();
    assert_eq!(confirmed.short(), [Shortage { pack: orphan.id, have: 4, need: 4 }]);
    node.commit(&orphan, &acks);
    confirmed.answered(|_| true);
    eventually("rebuilt", || replica.status().repairs.shards == 2).await;
    node.check(&replica, &orphan).await;
}
