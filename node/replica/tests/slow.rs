//! Reads that do not come back in time, because the disk hangs or because nobody gets to read.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use primitives::VolumeId;
use replica::{Replica, ReplicaError, VolumeState};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use support::{Node, Pack, eventually, packs};

const V: usize = 3;
/// More than the failed reads for which a disk is given up.
const PACKS: u64 = 12;

/// A node whose readers are impatient, with packs on it.
async fn node() -> (Node, Replica, Vec<Pack>) {
    let mut node = Node::new(6);
    node.config.read_timeout = Duration::from_millis(300);
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
        // Opens at once because readers wait for it.
        drop(fs::File::options().write(true).open(&pipe).unwrap());
        fs::remove_file(pipe).unwrap();
    }
}

/// Asks for the shard of each of these packs on volume [`V`], all at once; each answer.
async fn ask(node: &Node, replica: &Replica, packs: &[Pack]) -> Vec<Result<(), ReplicaError>> {
    let shards: Vec<_> = packs.iter().map(|pack| pack.header.shards[usize::from(index_on_it(node, pack))]).collect();
    futures::future::join_all(shards.iter().map(|shard| async { replica.get(shard, None).await.map(drop) })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_is_suspect_while_it_does_and_loses_nothing() {
    let (node, replica, packs) = node().await;
    let (last, hanging) = packs.split_last().unwrap();
    let pipes: Vec<Hanging> = hanging
        .iter()
        .map(|pack| {
            let index = index_on_it(&node, pack);
            let volume = VolumeId(u16::try_from(V).unwrap());
            Hanging::new(node.file(volume, &pack.header.shards[usize::from(index)]))
        })
        .collect();
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
