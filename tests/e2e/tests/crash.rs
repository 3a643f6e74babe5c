//! kill -9 of client and node at any moment: nothing acknowledged is missing, and the work goes on where it stopped.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::time::Duration;

use e2e::{Node, Owner, make_tree, same_tree};

#[test]
fn a_killed_backup_goes_on_where_it_stopped() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    make_tree(&source, 256);
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    // Killed after ever longer times: before anything is stored, amid packs, near the end.
    for milliseconds in [50, 200, 400, 800] {
        let mut child = owner.command(&["backup", "v", source.to_str().unwrap()]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().ok();
        child.wait().unwrap();
    }
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
        // While the next backup runs, the node dies.
        std::fs::write(source.join("more"), vec![100 + round; 4 << 20]).unwrap();
        let mut child = owner.command(&["backup", "v", source.to_str().unwrap()]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 * u64::from(round)));
        node.kill();
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
