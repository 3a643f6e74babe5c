//! kill -9 of client and node at any moment: nothing acknowledged is missing, and the work goes on where it stopped.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::{Node, Owner, World, eventually, make_tree, noise, same_tree};
use rustix::process::{Pid, Signal, kill_process};

/// Waits until `reached` holds or the process has ended.
fn wait_for(child: &mut Child, reached: impl Fn() -> bool) {
    let done = || (reached() || child.try_wait().unwrap().is_some()).then_some(());
    eventually(done, || "the process neither ends nor gets there");
}

/// kill -9 as soon as `reached` holds; whether the process had not ended by itself before.
fn kill_when(mut child: Child, reached: impl Fn() -> bool) -> bool {
    wait_for(&mut child, reached);
    child.kill().ok();
    !child.wait().unwrap().success()
}

/// Files below a directory, hidden ones too.
fn files_in(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let count = |path: std::path::PathBuf| if path.is_dir() { files_in(&path) } else { 1 };
    entries.filter_map(Result::ok).map(|entry| count(entry.path())).sum()
}

#[test]
fn a_killed_backup_goes_on_where_it_stopped() {
    let World { place, node, owner } = World::new("v");
    let source = place.path().join("source");
    make_tree(&source, 256);
    // Killed with the first shard, amid packs, near the end.
    let shards = || (0..6).map(|id| files_in(&node.volume(id))).sum::<usize>();
    let empty = shards();
    let killed = [1, 8, 30].map(|more| {
        let child = owner.command(&["backup", "v", source.to_str().unwrap()]).spawn().unwrap();
        kill_when(child, || shards() >= empty + more)
    });
    assert!(killed[0], "the first one ended before its first shard could be seen");
    assert!(shards() > empty, "what the killed runs have sent is there");
    let backup = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    assert!(backup["snapshot"]["seq"].as_u64().unwrap() >= 1);
    let target = place.path().join("restored");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    same_tree(&source, &target).unwrap();
    // What was stored by the killed runs was used: the vault holds the tree about once, not five times.
    let info = owner.run(&["vault", "info", "v"]).done();
    let stored = info["storedBytes"].as_u64().unwrap();
    assert!(stored < 3 * 256 * (1 << 20), "stored {stored} bytes");
}

#[test]
fn a_killed_restore_goes_on_where_it_stopped() {
    let World { place, node: _node, owner } = World::new("v");
    let source = place.path().join("source");
    make_tree(&source, 128);
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let target = place.path().join("restored");
    let restore = ["restore", "v", "--target", target.to_str().unwrap()];
    let all = files_in(&source);
    let kill_at = |part| kill_when(owner.command(&restore).spawn().unwrap(), || files_in(&target) >= part);
    assert!(kill_at(1), "the first one ended before its first file could be seen");
    // One that ends before it can be killed has done what the last one is for.
    if [all / 3, all / 2].into_iter().all(kill_at) {
        let _ = owner.run(&restore).done();
    }
    same_tree(&source, &target).unwrap();
}

#[test]
fn a_stopped_get_leaves_the_whole_object_or_nothing() {
    let World { place, node: _node, owner } = World::new("v");
    let object = place.path().join("object");
    std::fs::write(&object, noise(1, 96 << 20)).unwrap();
    let _ = owner.run(&["put", "v", object.to_str().unwrap()]).done();
    let out = place.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut child = owner.command(&["get", "v", "object", "--output", out.to_str().unwrap()]).spawn().unwrap();
    let written =
        || std::fs::read_dir(&out).unwrap().flatten().any(|entry| entry.metadata().is_ok_and(|m| m.len() > 0));
    wait_for(&mut child, written);
    let stopped = kill_process(Pid::from_child(&child), Signal::TERM).is_ok() && !child.wait().unwrap().success();
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    if stopped {
        assert!(left.is_empty(), "{left:?}");
    } else {
        assert_eq!(left, [out.join("object")]);
        assert_eq!(std::fs::read(&left[0]).unwrap(), std::fs::read(&object).unwrap());
    }
}

#[test]
fn files_that_change_vanish_and_appear_while_they_are_read_harm_nothing_else() {
    let World { place, node: _node, owner } = World::new("v");
    let source = place.path().join("source");
    make_tree(&source.join("calm"), 16);
    let restless = source.join("restless");
    std::fs::create_dir_all(&restless).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..usize::MAX {
                if stop.load(Ordering::Relaxed) {
                    return round;
                }
                let path = |n: usize| restless.join(format!("file {}", n % 40));
                std::fs::write(path(round), vec![round.to_le_bytes()[0]; 75_000 * (round % 40)]).unwrap();
                std::fs::remove_file(path(round + 20)).ok();
                std::fs::rename(path(round + 7), path(round + 9)).ok();
            }
            0
        });
        for _ in 0..4 {
            let reply = owner.run(&["backup", "v", source.to_str().unwrap()]);
            assert!([0, 3].contains(&reply.code), "{reply:?}");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0, "files did change");
    });
    for snapshot in ["v@1", "v@4"] {
        let target = place.path().join(snapshot);
        let _ = owner.run(&["restore", snapshot, "--target", target.to_str().unwrap()]).done();
        same_tree(&source.join("calm"), &target.join("calm")).unwrap();
    }
    // At rest, everything is read again where a change may have been missed.
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let target = place.path().join("at rest");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    same_tree(&source, &target).unwrap();
}

#[test]
fn a_killed_node_comes_back_with_all_that_it_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("node");
    let mut node = Node::start(&data);
    let mut owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let source = place.path().join("source");
    let mut acknowledged = Vec::new();
    for round in 0..5u8 {
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join(format!("file {round}")), vec![round; 1 << 20]).unwrap();
        let backup = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
        acknowledged.push(backup["snapshot"]["commitment"].as_str().unwrap().to_owned());
        // While the next backup runs, the node dies: before its first shard, amid shards, after them.
        let shards = || (0..6).map(|id| files_in(&node.volume(id))).sum::<usize>();
        let before = shards();
        std::fs::write(source.join("more"), vec![100 + round; 4 << 20]).unwrap();
        let mut child = owner.command(&["backup", "v", source.to_str().unwrap()]).spawn().unwrap();
        wait_for(&mut child, || shards() >= before + 3 * usize::from(round));
        node.kill();
        // It would be patient with a node that might come back under this address.
        let _ = child.kill();
        let _ = child.wait().unwrap();
        node = Node::start(&data);
        owner = owner.at(node.url());
        let listed = owner.run(&["snapshots", "v"]).done();
        let listed: Vec<&str> =
            listed.as_array().unwrap().iter().filter_map(|row| row["commitment"].as_str()).collect();
        for commitment in &acknowledged {
            assert!(listed.contains(&commitment.as_str()), "{commitment} is missing from {listed:?}");
        }
        std::fs::remove_file(source.join("more")).unwrap();
    }
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let target = place.path().join("restored");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    same_tree(&source, &target).unwrap();
}
