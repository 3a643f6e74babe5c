//! Reads and writes that do not come back in time, because the disk hangs or because nobody gets to read.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use mounts::{Frozen, Mount};
use primitives::{Policy, ShardId, VolumeId};
use replica::{Replica, ReplicaError, VolumeState};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use store::{Volume, VolumeMarker};
use support::{Node, Pack, eventually, pack, packs};

const V: usize = 3;
/// More than the failed reads for which a disk is given up.
const PACKS: u64 = 12;
/// So much that a busy machine has none of its disks hang.
const PATIENCE: Duration = Duration::from_secs(2);
const HOUR: Duration = Duration::from_secs(3600);

/// A node whose readers are impatient, with packs on it.
async fn node() -> (Node, Replica, Vec<Pack>) {
    node_that_waits(Duration::from_millis(300)).await
}

/// As [`node`], with readers of so much patience.
async fn node_that_waits(patience: Duration) -> (Node, Replica, Vec<Pack>) {
    let mut node = Node::new(6);
    node.config.read_timeout = patience;
    let replica = node.start().await;
    let packs = packs(PACKS, 4096);
    for pack in &packs {
        node.store(&replica, pack).await;
    }
    (node, replica, packs)
}

/// Which of the pack's shards is on volume [`V`].
fn index_on_it(node: &Node, pack: &Pack) -> u8 {
    (0..6).find(|index| usize::from(node.volume_of(&pack.id, *index).0) == V).unwrap()
}

/// A file whose reads hang: a pipe that nobody writes to.
struct Hanging {
    file: PathBuf,
    aside: PathBuf,
}

impl Hanging {
    fn new(file: PathBuf) -> Self {
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        mknodat(CWD, &file, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        Self { file, aside }
    }

    /// The reads come back, with an error, and the file is there again.
    fn go_on(self) {
        let pipe = self.file.with_extension("pipe");
        fs::rename(&self.file, &pipe).unwrap();
        fs::rename(&self.aside, &self.file).unwrap();
        // For reading too, so that it opens at once when nobody reads.
        drop(fs::File::options().read(true).write(true).open(&pipe).unwrap());
        fs::remove_file(pipe).unwrap();
    }
}

impl Hanging {
    /// As [`Self::go_on`], when the volume was moved away.
    fn abandoned(self, volume: &Path) {
        let pipe = self.file.strip_prefix(volume).unwrap();
        let pipe = volume.with_extension("unplugged").join(pipe);
        drop(fs::File::options().read(true).write(true).open(pipe).unwrap());
    }
}

/// How many packs are recorded, by the note on a volume.
fn noted(volume: &Path) -> Option<u64> {
    fs::read_to_string(volume.join(Volume::RECORDED_NOTE)).ok()?.trim().parse().ok()
}

/// Asks for the shard of each of these packs on volume [`V`], all at once; each answer.
async fn ask(node: &Node, replica: &Replica, packs: &[Pack]) -> Vec<Result<(), ReplicaError>> {
    let shards: Vec<_> = packs.iter().map(|pack| pack.header.shards[usize::from(index_on_it(node, pack))]).collect();
    futures::future::join_all(shards.iter().map(|shard| async { replica.get(shard, None).await.map(drop) })).await
}

/// From now on every read of these packs' shards on volume [`V`] hangs.
fn hang(node: &Node, packs: &[Pack]) -> Vec<Hanging> {
    let volume = VolumeId(u16::try_from(V).unwrap());
    let shard = |pack: &Pack| pack.header.shards[usize::from(index_on_it(node, pack))];
    packs.iter().map(|pack| Hanging::new(node.file(volume, &shard(pack)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_is_suspect_while_it_does_and_loses_nothing() {
    let (node, replica, packs) = node().await;
    let (last, hanging) = packs.split_last().unwrap();
    let pipes = hang(&node, hanging);
    for answer in ask(&node, &replica, hanging).await {
        assert!(matches!(answer, Err(ReplicaError::Slow { .. })), "{answer:?}");
    }
    eventually("suspect", || replica.status().volumes[V].state == VolumeState::Suspect).await;
    let [answer] = ask(&node, &replica, std::slice::from_ref(last)).await.try_into().unwrap();
    assert!(matches!(answer, Err(ReplicaError::Slow { .. })), "asked nothing more: {answer:?}");
    pipes.into_iter().for_each(Hanging::go_on);
    eventually("up", || replica.status().volumes[V].state == VolumeState::Up).await;
    node.check_all(&replica, &packs).await;
    let status = replica.status();
    assert_eq!((status.volumes[V].shards, status.repairs.shards), (PACKS, 0), "{status:?}");
    assert_eq!(node.directory.lost_calls.load(Ordering::SeqCst), 0, "nothing was reported lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_beside_a_disk_that_hangs() {
    let (mut node, replica, packs) = node().await;
    node.stop(replica).await;
    let marker = Hanging::new(node.config.volumes[V].join(VolumeMarker::FILE));
    let replica = node.start().await;
    assert_eq!(replica.status().volumes[V].state, VolumeState::Lost);
    eventually("its shards are rebuilt", || replica.status().repairs.shards == PACKS).await;
    node.check_all(&replica, &packs).await;
    marker.go_on();
    eventually("the disk answers again", || replica.status().volumes[V].state == VolumeState::Up).await;
    node.check_all(&replica, &packs).await;
}

#[test]
fn reads_that_wait_for_a_thread_say_nothing_of_the_disk() {
    const THREADS: usize = 4;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (node, replica, packs) = node().await;
        // Somebody else's long work takes all threads.
        let (end, ends) = mpsc::channel::<()>();
        let ends = std::sync::Arc::new(std::sync::Mutex::new(ends));
        let (begun, begins) = mpsc::channel();
        for _ in 0..THREADS {
            let (begun, ends) = (begun.clone(), ends.clone());
            tokio::task::spawn_blocking(move || {
                begun.send(()).unwrap();
                let _ = ends.lock().unwrap().recv();
            });
        }
        begins.iter().take(THREADS).for_each(drop);
        for answer in ask(&node, &replica, &packs).await {
            assert!(matches!(answer, Err(ReplicaError::Slow { .. })), "{answer:?}");
        }
        drop(end);
        // The actor hears of all that was seen before it ends the work that comes now.
        replica.scrub_now().await.unwrap();
        node.check_all(&replica, &packs).await;
        let status = replica.status();
        assert_eq!((status.volumes[V].state, status.volumes[V].shards), (VolumeState::Up, PACKS), "{status:?}");
        assert_eq!(node.directory.lost_calls.load(Ordering::SeqCst), 0, "nothing was reported lost");
    });
    runtime.shutdown_background();
}

#[test]
fn readers_of_a_disk_that_hangs_leave_threads_to_the_others() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Some more than one volume has readers at a time.
        .max_blocking_threads(40)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (node, replica, packs) = node_that_waits(PATIENCE).await;
        let shard = packs[0].header.shards[usize::from(index_on_it(&node, &packs[0]))];
        let elsewhere = (0..6u8).find(|index| usize::from(node.volume_of(&packs[0].id, *index).0) != V).unwrap();
        let elsewhere = packs[0].header.shards[usize::from(elsewhere)];
        let pipes = hang(&node, &packs[..1]);
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let replica = replica.clone();
                tokio::spawn(async move { replica.get(&shard, None).await.map(drop) })
            })
            .collect();
        while !readers.iter().all(tokio::task::JoinHandle::is_finished) {
            replica.get(&elsewhere, None).await.unwrap();
        }
        for reader in readers {
            let answer = reader.await.unwrap();
            assert!(matches!(answer, Err(ReplicaError::Slow { .. })), "{answer:?}");
        }
        pipes.into_iter().for_each(Hanging::go_on);
    });
    runtime.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_scrub_and_removal_go_on_beside_a_disk_that_hangs() {
    let (node, replica, packs) = node_that_waits(PATIENCE).await;
    let orphan = pack(Policy::ERASURE, 4096, 100);
    for (index, shard) in (0u8..).zip(&orphan.header.shards) {
        let bytes = orphan.shards[usize::from(index)].clone();
        let ack = replica.put(orphan.id, index, 6, *shard, bytes).await.unwrap();
        let file = fs::File::options().write(true).open(node.file(ack.volume, shard)).unwrap();
        file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    }
    let pipes = hang(&node, &packs);
    node.lose_volume(1);
    // More packs than are repaired at a time: each that begins asks the disk that hangs, until it counts as one.
    node.repaired_without(&[1], &packs).await;
    let on_it = VolumeId(u16::try_from(V).unwrap());
    for pack in &packs {
        assert!(node.volumes_of(&pack.id).contains(&on_it.0), "nothing that hangs counts as lost");
    }
    let scrubbed = replica.scrub_now().await.unwrap();
    assert_eq!(scrubbed.damaged, 0);
    let report = replica.remove_orphans_now(HOUR).await.unwrap();
    assert_eq!((report.removed, report.held_back), (4, false), "all but those on the two: {report:?}");
    eventually("suspect", || replica.status().volumes[V].state == VolumeState::Suspect).await;
    pipes.into_iter().for_each(Hanging::go_on);
    eventually("up", || replica.status().volumes[V].state == VolumeState::Up).await;
    node.check_all(&replica, &packs).await;
    assert_eq!(replica.remove_orphans_now(HOUR).await.unwrap().removed, 1, "the one that was on it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_in_the_place_of_one_whose_reads_never_came_back_is_used_as_any_other() {
    let (node, replica, packs) = node_that_waits(PATIENCE).await;
    let pipes = hang(&node, &packs);
    for answer in ask(&node, &replica, &packs).await {
        assert!(matches!(answer, Err(ReplicaError::Slow { .. })), "{answer:?}");
    }
    eventually("suspect", || replica.status().volumes[V].state == VolumeState::Suspect).await;
    // The cable is loose, and the system takes the disk for another one when it is back.
    node.unplug(V);
    eventually("lost", || replica.status().volumes[V].state == VolumeState::Lost).await;
    copy_volume(&node.volume_path(V).with_extension("unplugged"), &node.volume_path(V));
    let state = || replica.status().volumes[V].clone();
    eventually("up", || state().state == VolumeState::Up && state().announced).await;
    node.repaired_without(&[], &packs).await;
    node.check_all(&replica, &packs).await;
    let more = pack(Policy::ERASURE, 4096, 100);
    let volumes = put(&replica, &more).await;
    assert!(volumes.contains(&VolumeId(u16::try_from(V).unwrap())), "{volumes:?}");
    node.check(&replica, &more).await;
    assert_eq!(state().state, VolumeState::Up);
    // The readers that still wait let go of their threads.
    pipes.into_iter().for_each(|pipe| pipe.abandoned(&node.volume_path(V)));
}

/// A copy of a volume with other inodes. Pipes are left behind; what they stand for is beside them.
fn copy_volume(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, name) = (entry.file_type().unwrap(), entry.file_name());
        if kind.is_dir() {
            copy_volume(&entry.path(), &to.join(name));
        } else if kind.is_file() {
            let name = name.to_str().unwrap();
            fs::copy(entry.path(), to.join(name.strip_suffix(".aside").unwrap_or(name))).unwrap();
        }
    }
}

/// A node on a disk of its own for volume [`V`], whose writes can be made to hang, with an empty directory for another disk.
fn node_with_a_disk() -> Option<(Node, Mount)> {
    let mut node = Node::new(6);
    node.config.read_timeout = Duration::from_millis(500);
    let mount = Mount::ext4(&node.root.join("disk"), &node.root.join("image"), 24 << 20)?;
    fs::create_dir(mount.path().join("volume")).unwrap();
    symlink(mount.path().join("volume"), node.volume_path(V)).unwrap();
    Some((node, mount))
}

/// How many of these packs' shards have a file in the volume at `path`.
fn files_on(path: &Path, packs: &[Pack]) -> usize {
    let names = packs.iter().flat_map(|pack| &pack.header.shards).map(ShardId::to_string);
    names.filter(|name| path.join("shards").join(&name[..2]).join(name).exists()).count()
}

/// Puts this pack's shards.
async fn put(replica: &Replica, pack: &Pack) -> Vec<VolumeId> {
    let shards = (0u8..).zip(&pack.header.shards);
    let puts = shards.map(|(index, shard)| async move {
        let bytes = pack.shards[usize::from(index)].clone();
        replica.put(pack.id, index, 6, *shard, bytes).await.unwrap().volume
    });
    futures::future::join_all(puts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_to_the_next_volume_when_a_disk_hangs_and_what_ends_late_is_no_loss() {
    let Some((mut node, mount)) = node_with_a_disk() else { return };
    let replica = node.start().await;
    let it = VolumeId(u16::try_from(V).unwrap());
    let frozen: Frozen = mount.freeze();
    let packs = packs(4, 4096);
    for pack in &packs {
        let volumes = put(&replica, pack).await;
        assert!(!volumes.contains(&it), "{volumes:?}");
    }
    assert_eq!(replica.status().volumes[V].state, VolumeState::Suspect);
    drop(frozen);
    eventually("up", || replica.status().volumes[V].state == VolumeState::Up).await;
    let again = put(&replica, &pack(Policy::ERASURE, 4096, 100)).await;
    assert!(again.contains(&it), "{again:?}");
    eventually("the writes that nobody waited for end", || files_on(&node.volume_path(V), &packs) > 0).await;
    // They are beside the ones that were acknowledged.
    for (shard, bytes) in packs.iter().flat_map(|pack| pack.header.shards.iter().zip(&pack.shards)) {
        let until = Instant::now() + Duration::from_secs(20);
        let mut read = replica.get(shard, None).await;
        // A busy machine may have another disk seem to hang.
        while matches!(read, Err(ReplicaError::Slow { .. })) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
            read = replica.get(shard, None).await;
        }
        assert!(read.unwrap() == *bytes);
    }
    assert_eq!(replica.scrub_now().await.unwrap().damaged, 0);
    node.stop(replica).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_in_the_place_of_one_whose_writes_never_came_back_takes_shards() {
    let Some((mut node, mount)) = node_with_a_disk() else { return };
    let replica = node.start().await;
    let it = VolumeId(u16::try_from(V).unwrap());
    let frozen = mount.freeze();
    let packs = packs(4, 4096);
    for pack in &packs {
        let volumes = put(&replica, pack).await;
        assert!(!volumes.contains(&it), "{volumes:?}");
    }
    fs::remove_file(node.volume_path(V)).unwrap();
    eventually("lost", || replica.status().volumes[V].state == VolumeState::Lost).await;
    copy_volume(&mount.path().join("volume"), &node.volume_path(V));
    let state = || replica.status().volumes[V].clone();
    eventually("up", || state().state == VolumeState::Up && state().announced).await;
    let more = pack(Policy::ERASURE, 4096, 100);
    let volumes = put(&replica, &more).await;
    assert!(volumes.contains(&it), "{volumes:?}");
    drop(frozen);
    // Ends when the writes have that were under way.
    node.stop(replica).await;
    let old = mount.path().join("volume");
    assert!(files_on(&old, &packs) > 0, "they went to the disk that was here then");
    let replica = node.start().await;
    let status = replica.status();
    assert_eq!((status.volumes[V].shards, status.scrub.damaged), (1, 0), "and nothing says that they are on the other");
    node.check_all(&replica, &packs).await;
    node.check(&replica, &more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_whose_removal_hangs_is_taken_and_recorded_on_another_volume() {
    let Some((mut node, mount)) = node_with_a_disk() else { return };
    let replica = node.start().await;
    for pack in packs(3, 4096) {
        node.store(&replica, &pack).await;
    }
    let orphan = pack(Policy::ERASURE, 4096, 100);
    let index = put(&replica, &orphan).await.iter().position(|volume| usize::from(volume.0) == V).unwrap();
    let shard = orphan.header.shards[index];
    let file = node.file(VolumeId(u16::try_from(V).unwrap()), &shard);
    fs::File::options().write(true).open(&file).unwrap().set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    eventually("noted", || noted(&mount.path().join("volume")) == Some(3)).await;
    let shards = replica.status().volumes[V].shards;
    let frozen = mount.freeze();
    let removal = tokio::spawn({
        let replica = replica.clone();
        async move { replica.remove_orphans_now(HOUR).await }
    });
    eventually("its row is gone", || replica.status().volumes[V].shards < shards).await;
    // Its client is there again.
    let index = u8::try_from(index).unwrap();
    let put = replica.put(orphan.id, index, 6, shard, orphan.shards[usize::from(index)].clone());
    let ack = tokio::time::timeout(Duration::from_secs(20), put).await.expect("not held up").unwrap();
    assert_ne!(usize::from(ack.volume.0), V);
    let commit = replica.confirm(vec![(orphan.header.clone(), vec![ack])]);
    let confirmed = tokio::time::timeout(Duration::from_secs(20), commit).await.expect("not held up").unwrap();
    assert_eq!(confirmed.short(), [], "it is where the client was told");
    removal.await.unwrap().unwrap();
    assert!(file.exists(), "the disk hangs still");
    drop((frozen, confirmed));
    eventually("its file is gone", || !file.exists()).await;
    node.check(&replica, &orphan).await;
    assert_eq!(replica.scrub_now().await.unwrap().damaged, 0);
    node.stop(replica).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_a_commit_whose_answer_was_lost_stay_while_one_of_their_disks_hangs() {
    let Some((mut node, mount)) = node_with_a_disk() else { return };
    let replica = node.start().await;
    for pack in packs(3, 4096) {
        node.store(&replica, &pack).await;
    }
    eventually("noted", || noted(&mount.path().join("volume")) == Some(3)).await;
    let late = pack(Policy::ERASURE, 4096, 100);
    let puts = (0u8..).zip(late.header.shards.iter().zip(&late.shards));
    let puts = puts.map(|(index, (shard, bytes))| replica.put(late.id, index, 6, *shard, bytes.clone()));
    let mut acks = futures::future::try_join_all(puts).await.unwrap();
    // The disk that hangs comes first.
    acks.sort_by_key(|ack| usize::from(ack.volume.0) != V);
    let old = SystemTime::now() - 2 * HOUR;
    let files: Vec<_> = acks.iter().map(|ack| node.file(ack.volume, &ack.shard)).collect();
    for file in &files {
        fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
    }
    let is_young = |file: &PathBuf| fs::metadata(file).unwrap().modified().unwrap() > old + HOUR;
    let frozen = mount.freeze();
    let commit = replica.confirm(vec![(late.header.clone(), acks)]).await.unwrap();
    commit.unanswered().await.unwrap();
    assert!(!is_young(&files[0]), "its disk hangs");
    assert!(files[1..].iter().all(is_young), "the others do not wait for it");
    let report = replica.remove_orphans_now(Duration::ZERO).await.unwrap();
    assert_eq!((report.removed, report.held_back), (0, false), "the commit needs them yet: {report:?}");
    drop(frozen);
    eventually("young", || is_young(&files[0])).await;
    let until = Instant::now() + Duration::from_secs(20);
    while files.iter().any(|file| file.exists()) {
        assert!(Instant::now() < until, "nobody needs them now, and they stay");
        replica.remove_orphans_now(Duration::ZERO).await.unwrap();
    }
    node.stop(replica).await;
}
