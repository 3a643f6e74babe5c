//! Full disks: the node's, nearly and wholly, and the one that is restored to.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::io::Write;

use e2e::{Node, Owner, World, make_tree, noise, rpc, same_tree};
use mounts::Mount;
use primitives::ShardId;
use serde_json::{Value, json};

#[test]
fn below_the_mark_shards_are_refused_health_says_so_and_reads_go_on() {
    let World { node, owner, place } = World::new("v");
    let source = place.path().join("source");
    make_tree(&source, 16);
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    assert_eq!(owner.run(&["health"]).done()["healthy"], true);
    let data = node.data_dir().to_owned();
    assert_eq!(node.stop(), 0);

    // A mark that no disk is above: 1 PiB.
    let node = Node::start_with(&data, &["--set", "store.free_mib_min=1073741824"]);
    let owner = owner.at(node.url());
    let bytes = [7; 64_000];
    let (shard, pack) = (ShardId::of(&bytes), "ab".repeat(32));
    let put = format!("{}/shards/{shard}?pack={pack}&index=0&width=6", node.url());
    let mut refused = ureq::put(&put).config().http_status_as_error(false).build().send(&bytes[..]).unwrap();
    let why = refused.body_mut().read_to_string().unwrap();
    assert_eq!(refused.status(), 507, "{why}");
    assert!(why.contains("takes nothing new") && why.contains("store.free_mib_min"), "{why}");
    let there = ureq::head(&format!("{}/shards/{shard}", node.url())).config().http_status_as_error(false).build();
    assert_eq!(there.call().unwrap().status(), 404, "nothing of it is stored");

    let health = owner.run(&["health"]);
    assert_eq!((health.code, &health.json["healthy"]), (3, &json!(false)), "{}", health.json);
    let problems = health.json["problems"].as_array().unwrap();
    let told = |problem: &&Value| problem.as_str().unwrap().contains("store.free_mib_min");
    assert_eq!(problems.iter().filter(told).count(), 1, "{problems:?}");
    let status = rpc::result(node.url(), "ledger_status", &json!([]));
    assert_eq!(status["refusing"], *problems.iter().find(told).unwrap());

    let target = place.path().join("restored");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    same_tree(&source, &target).unwrap();
}

#[test]
fn a_restore_onto_a_full_disk_ends_at_once_and_goes_on_when_there_is_room() {
    let World { node: _node, owner, place } = World::new("v");
    let Some(disk) = Mount::tmpfs(&place.path().join("disk"), "24m") else { return };
    let source = place.path().join("source");
    make_tree(&source, 64);
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let target = disk.path().join("restored");
    let restore = ["restore", "v", "--target", target.to_str().unwrap()];
    let message = owner.run(&restore).failed(1);
    assert!(message.contains("no room is left") && message.contains("same command again"), "{message}");
    let big = target.join("deep/er/and");
    let names = || std::fs::read_dir(&big).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    let parts: Vec<_> = names().filter(|name| name.to_str().unwrap().starts_with('.')).collect();
    assert!(parts.is_empty(), "{parts:?}");

    disk.resize("256m");
    let _ = owner.run(&restore).done();
    same_tree(&source, &target).unwrap();
}

#[test]
fn a_node_whose_whole_disk_is_full_loses_nothing_that_it_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    let Some(disk) = Mount::tmpfs(&place.path().join("disk"), "512m") else { return };
    let data = disk.path().join("node");
    let mark = ["--set", "store.free_mib_min=32"];
    let node = Node::start_with(&data, &mark);
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _phrase = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let sources: Vec<_> = ["first", "second"].map(|name| place.path().join(name)).into();
    make_tree(&sources[0], 24);
    make_tree(&sources[1], 48);
    std::fs::write(sources[1].join("only here"), noise(7, 48 << 20)).unwrap();
    let backup = |owner: &Owner, number: usize| owner.run(&["backup", "v", sources[number].to_str().unwrap()]);
    let first = backup(&owner, 0).done();

    // Somebody else fills the disk to the last byte.
    let ballast = disk.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    let full = loop {
        match file.write_all(&[1; 1 << 16]) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let failed = backup(&owner, 1);
    assert!(![0, 3].contains(&failed.code), "{failed:?}");
    assert_ne!(owner.run(&["health"]).code, 0, "a full disk is no health");
    node.kill();

    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    let node = Node::start_with(&data, &mark);
    let owner = owner.at(node.url());
    let snapshots = owner.run(&["snapshots", "v"]).done();
    assert_eq!(snapshots[0]["commitment"], first["snapshot"]["commitment"]);
    assert_eq!(snapshots.as_array().unwrap().len(), 1, "nothing was committed on the full disk");
    let _ = backup(&owner, 1).done();
    for (number, source) in sources.iter().enumerate() {
        let target = place.path().join(format!("restored {number}"));
        let snapshot = format!("v@{}", number + 1);
        let _ = owner.run(&["restore", &snapshot, "--target", target.to_str().unwrap()]).done();
        same_tree(source, &target).unwrap();
    }
}
