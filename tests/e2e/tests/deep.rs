//! Directories nested so deep that no path to them fits into one system call.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use e2e::{World, descend, dig, same_tree, short};

#[test]
fn a_tree_deeper_than_any_path_is_backed_up_proven_and_restored() {
    let World { place, node: _node, owner } = World::new("v");
    let source = place.path().join("source");
    let innermost = dig(&source, 40);
    assert!(innermost.as_os_str().len() > 2 * 4096 - 200);
    let backup = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    assert_eq!(backup["files"], 40, "{backup}");

    let target = place.path().join("target");
    let restore = ["restore", "v", "--target", target.to_str().unwrap()];
    let _ = owner.run(&restore).done();
    same_tree(&source, &target).unwrap();
    let receipt = place.path().join("receipt");
    let _ = owner.run(&["receipt", "v", "--output", receipt.to_str().unwrap()]).done();
    let verify = ["verify", receipt.to_str().unwrap(), "--files", target.to_str().unwrap()];
    assert_eq!(owner.run(&verify).done()["filesMatch"], true);

    // A change at the bottom is seen, named, and mended.
    let bottom = descend(&target, &innermost);
    std::fs::write(short(&bottom).join("file"), b"changed").unwrap();
    let refuted = owner.run(&verify);
    let named = refuted.json["error"]["differences"][0]["path"].as_str().map(str::to_owned);
    let _ = refuted.failed(4);
    assert_eq!(named.as_deref(), innermost.join("file").to_str());
    let _ = owner.run(&[&restore[..], &["--overwrite"]].concat()).done();
    assert_eq!(owner.run(&verify).done()["filesMatch"], true);

    std::fs::write(short(&descend(&source, &innermost)).join("new"), b"new").unwrap();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let diff = owner.run(&["diff", "v@1", "v@2"]).done();
    assert_eq!(diff[0]["path"].as_str(), innermost.join("new").to_str(), "{diff}");
}
