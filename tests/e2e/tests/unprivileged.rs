//! What works without the powers of root, which pass over every permission.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::{Node, Owner, same_tree};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn directories_that_nobody_may_write_to_are_restored() {
    let (node_place, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Node::start(&node_place.path().join("node"));
    let source = place.path().join("source");
    std::fs::create_dir_all(source.join("closed/inner")).unwrap();
    std::fs::write(source.join("closed/file"), b"content").unwrap();
    std::fs::write(source.join("closed/inner/file"), vec![7; 300_000]).unwrap();
    std::fs::hard_link(source.join("closed/file"), source.join("closed/inner/second name")).unwrap();
    for (path, bits) in [("closed/file", 0o400), ("closed/inner", 0o555), ("closed", 0o555), ("", 0o555)] {
        mode(&source.join(path), bits);
    }
    let owner = Owner::new(&place.path().join("alice"), node.url()).without_root(place.path());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();

    let target = place.path().join("target");
    let restore = ["restore", "v", "--target", target.to_str().unwrap()];
    let report = owner.run(&restore).done();
    assert_eq!(report["errors"].as_array().unwrap().len(), 0, "{report}");
    same_tree(&source, &target).unwrap();
    assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o555);

    // Again over what is there, with something missing in a closed directory.
    mode(&target.join("closed/inner"), 0o755);
    std::fs::remove_file(target.join("closed/inner/file")).unwrap();
    mode(&target.join("closed/inner"), 0o555);
    let over = place.path().join("over");
    std::fs::rename(&target, &over).unwrap();
    mode(&over, 0o755);
    let _ = owner.run(&["restore", "v", "--target", over.to_str().unwrap(), "--overwrite"]).done();
    mode(&over, 0o555);
    same_tree(&source, &over).unwrap();

    // A directory of the user's own that they may not write to is left as it is, and named.
    let closed = place.path().join("closed target");
    std::fs::create_dir(&closed).unwrap();
    let _ = owner.without_root(place.path());
    mode(&closed, 0o555);
    let message = owner.run(&["restore", "v", "--target", closed.to_str().unwrap()]).failed(1);
    assert!(message.contains("closed target") && message.contains("ermission denied"), "{message}");
    // What is closed cannot be cleaned up by others than root.
    for path in ["", "closed", "closed/inner"] {
        for root in [&source, &over] {
            mode(&root.join(path), 0o755);
        }
    }
}
