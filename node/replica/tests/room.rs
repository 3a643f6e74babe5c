//! Full disks, wrong disks, and a process that dies.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use mounts::Mount;
use primitives::{Policy, ShardId};
use replica::{ReplicaError, VolumeState};
use store::VolumeMarker;
use support::{Node, eventually, pack, packs};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_volume_is_passed_over_and_repair_may_go_a_little_further() {
    let dir = tempfile::tempdir().unwrap();
    let mut mounts = Vec::new();
    for volume in 0..6 {
        let size = if volume == 2 { "8m" } else { "64m" };
        let Some(mount) = Mount::tmpfs(&dir.path().join(format!("v{volume}")), size) else { return };
        mounts.push(mount);
    }
    let mut node = Node::at(dir.path(), 6);
    node.config.full_permille = 800;
    node.config.repair_full_permille = 900;
    let replica = node.start().await;
    let packs = packs(12, 1 << 20);
    for pack in &packs {
        assert_eq!(node.store(&replica, pack).await.len(), 6, "every shard finds a place");
    }
    let status = replica.status();
    assert!(status.volumes[2].full && status.volumes[2].state == VolumeState::Up, "{status:?}");
    assert!((5..=6).contains(&status.volumes[2].shards), "below its mark of 6.4 MiB: {status:?}");
    assert!(!status.volumes[1].full);
    for pack in &packs {
        node.check(&replica, pack).await;
        let volumes = node.volumes_of(&pack.id);
        assert!([0, 1, 3, 4, 5].iter().all(|volume| volumes.contains(volume)), "{volumes:?}");
    }
    // Until no volume has room.
    let mut refused = None;
    for seed in 100..200 {
        let more = pack(Policy::ERASURE, 1 << 20, seed);
        let put = replica.put(more.id, 0, 6, more.header.shards[0], more.shards[0].clone()).await;
        if let Err(error) = put {
            refused = Some(error);
            break;
        }
        for index in 1..6u8 {
            let at = usize::from(index);
            let _ = replica.put(more.id, index, 6, more.header.shards[at], more.shards[at].clone()).await;
        }
    }
    assert!(matches!(refused, Some(ReplicaError::Full { needed: 1_048_576, mark_percent: 80 })), "{refused:?}");
    node.stop(replica).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_marks_new_shards_are_refused_with_the_mark_and_repair_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut mounts = Vec::new();
    for volume in 0..6 {
        let Some(mount) = Mount::tmpfs(&dir.path().join(format!("v{volume}")), "64m") else { return };
        mounts.push(mount);
    }
    let mut node = Node::at(dir.path(), 6);
    node.config.full_permille = 500;
    node.config.repair_full_permille = 900;
    // Nothing looks at the disks but those who write to them.
    node.config.check_interval = std::time::Duration::from_secs(3600);
    let replica = node.start().await;
    let first = pack(Policy::ERASURE, 1 << 20, 1);
    node.store(&replica, &first).await;
    // Somebody else's file, after the node's last look.
    for volume in 0..6 {
        fs::write(node.volume_path(volume).join("other"), vec![0; 40 << 20]).unwrap();
    }
    let more = pack(Policy::ERASURE, 1 << 20, 2);
    for _ in 0..2 {
        let refused = replica.put(more.id, 0, 6, more.header.shards[0], more.shards[0].clone()).await.unwrap_err();
        assert!(matches!(refused, ReplicaError::Full { needed: 1_048_576, mark_percent: 50 }), "{refused:?}");
        let text = refused.to_string();
        assert!(
            text.contains("1048576 bytes") && text.contains("50 %") && text.contains("storage.full_percent"),
            "{text}"
        );
    }
    fs::remove_file(node.file(node.volume_of(&first.id, 3), &first.header.shards[3])).unwrap();
    assert!(replica.get(&first.header.shards[3], None).await.is_err());
    eventually("repaired", || replica.status().repairs.shards == 1 && node.directory.is_whole(&first.id)).await;
    node.check(&replica, &first).await;
    node.stop(replica).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_of_other_nodes_copies_of_disks_and_used_directories_are_refused_at_start() {
    let mut node = Node::new(2);
    let replica = node.start().await;
    node.stop(replica).await;
    let marker = node.volume_path(1).join(VolumeMarker::FILE);
    let text = fs::read_to_string(&marker).unwrap();

    fs::write(&marker, text.replace("network 09", "network 0a")).unwrap();
    let error = node.try_start().await.unwrap_err();
    assert!(matches!(&error, ReplicaError::Foreign { what: "network", .. }), "{error}");

    fs::copy(node.volume_path(0).join(VolumeMarker::FILE), &marker).unwrap();
    let error = node.try_start().await.unwrap_err();
    assert!(matches!(&error, ReplicaError::Duplicate { .. }), "{error}");
    fs::write(&marker, &text).unwrap();

    let used = node.root.join("home");
    fs::create_dir(&used).unwrap();
    fs::write(used.join("thesis.tex"), b"x").unwrap();
    node.config.volumes.push(used.clone());
    let error = node.try_start().await.unwrap_err();
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert_eq!(fs::read_dir(&used).unwrap().count(), 1, "and left as they were");
    node.config.volumes.pop();

    let replica = node.start().await;
    assert!(replica.status().volumes.iter().all(|volume| volume.state == VolumeState::Up));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_is_made_again_from_the_files() {
    let (mut node, replica) = Node::running(6).await;
    let packs = packs(3, 70_016);
    for pack in &packs {
        node.store(&replica, pack).await;
    }
    node.stop(replica).await;
    fs::remove_dir_all(node.root.join("db")).unwrap();
    // A stray file with wrong bytes gets no row.
    let stray = node.file(primitives::VolumeId(0), &ShardId::of(b"nobody"));
    fs::write(&stray, b"somebody").unwrap();
    let replica = node.start().await;
    assert!(!stray.exists());
    assert!(matches!(replica.get(&ShardId::of(b"nobody"), None).await, Err(ReplicaError::Unknown { .. })));
    node.check_all(&replica, &packs).await;
    // Their packs are known again too: a loss is repaired.
    node.lose_volume(4);
    node.repaired_without(&[4], &packs).await;
}

/// What the child process of the next test does; in a plain run of all tests there is nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(path) = std::env::var("STRONGROOM_TEST_CHILD") else { return };
    let mut node = Node::at(Path::new(&path), 6);
    let replica = node.start().await;
    for seed in 0.. {
        let pack = pack(Policy::ERASURE, 300_032, seed);
        for (index, shard) in (0u8..).zip(&pack.header.shards) {
            let bytes = pack.shards[usize::from(index)].clone();
            replica.put(pack.id, index, 6, *shard, bytes).await.unwrap();
            println!("acknowledged {seed} {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_kill_9_is_served_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, usize)> = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("STRONGROOM_TEST_CHILD", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            let Some(numbers) = line.strip_prefix("acknowledged ") else { continue };
            let (seed, index) = numbers.split_once(' ').unwrap();
            acknowledged.push((seed.parse().unwrap(), index.parse().unwrap()));
            seen += 1;
            if seen == 23 + 9 * round {
                // SIGKILL, in the middle of whatever it does.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= 23);
    }
    let mut node = Node::at(dir.path(), 6);
    let replica = node.start().await;
    for (seed, index) in acknowledged {
        let pack = pack(Policy::ERASURE, 300_032, seed);
        let read = replica.get(&pack.header.shards[index], None).await.unwrap();
        assert!(read == pack.shards[index], "{seed} {index}");
    }
}
