//! What a client left behind and nobody recorded is removed; what was recorded stays.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use e2e::{Node, Owner, eventually, make_tree, same_tree};
use primitives::ShardId;

#[test]
fn old_shards_that_no_pack_has_are_removed_at_the_next_start() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    make_tree(&source, 16);
    let data = place.path().join("node");
    let node = Node::start(&data);
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let volumes: Vec<PathBuf> = (0..6).map(|volume| node.volume(volume)).collect();
    assert_eq!(node.stop(), 0);
    // Two shards as a client that died left them: one a day and a half ago, one just now.
    let leave = |volume: &PathBuf, bytes: &[u8], hours: u64| {
        let name = ShardId::of(bytes).to_string();
        let path = volume.join("shards").join(&name[..2]).join(&name);
        std::fs::write(&path, bytes).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        path
    };
    let old = leave(&volumes[1], &[1; 64_000], 36);
    let young = leave(&volumes[2], &[2; 64_000], 1);
    let node = Node::start(&data);
    let owner = owner.at(node.url());
    eventually(|| (!old.exists()).then_some(()), || format!("not removed: {}", node.log()));
    assert!(young.exists());
    let target = place.path().join("restored");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    same_tree(&source, &target).unwrap();
}
