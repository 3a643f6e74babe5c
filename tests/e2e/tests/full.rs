//! The disk of the data directory is nearly full: nothing new is taken, and everybody is told why.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use e2e::{Node, World, make_tree, rpc, same_tree};
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

    // A mark that no disk is above: 1 TiB.
    let node = Node::start_with(&data, &["--set", "store.free_mib_min=1048576"]);
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
