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

#[test]
fn what_only_root_may_restore_is_told_and_closed_directories_of_ones_own_are_no_obstacle() {
    let (node_place, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Node::start(&node_place.path().join("node"));
    let source = place.path().join("source");
    std::fs::create_dir_all(source.join("closed")).unwrap();
    // Only root backs up what nobody may read.
    let is_root = rustix::process::geteuid().is_root();
    let secret = if is_root { 0o000 } else { 0o600 };
    for (path, bits) in [("closed/file", 0o644), ("tool", 0o4755), ("secret", secret)] {
        std::fs::write(source.join(path), path).unwrap();
        mode(&source.join(path), bits);
    }
    std::os::unix::fs::symlink("tool", source.join("link")).unwrap();
    let root = Owner::new(&place.path().join("alice"), node.url());
    let _ = root.make_key();
    let _ = root.run(&["vault", "create", "v"]).done();
    let _ = root.run(&["backup", "v", source.to_str().unwrap()]).done();
    let owner = root.without_root(place.path());

    let target = place.path().join("target");
    let restore = ["restore", "v", "--target", target.to_str().unwrap(), "--overwrite"];
    let report = owner.run(&restore).done();
    // Run by root, the test backs up files of root's; else they are the restorer's own already.
    let owners = if is_root { 6 } else { 0 };
    assert_eq!(report["leftOut"], serde_json::json!({ "owners": owners, "setIds": 1, "attributes": 0 }));
    let bits = |path: &str| std::fs::symlink_metadata(target.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((bits("tool"), bits("secret"), bits("closed/file")), (0o755, secret, 0o644));

    // Closed to themselves by the owner, as a stopped restore may have left it: what is inside is compared and mended.
    std::fs::remove_file(target.join("closed/file")).unwrap();
    mode(&target.join("closed"), 0o000);
    mode(&target.join("secret"), 0o000);
    let again = owner.run(&restore).done();
    assert_eq!((again["errors"].as_array().unwrap().len(), again["kept"].as_u64()), (0, Some(2)), "{again}");
    assert_eq!((bits("closed"), bits("secret")), (bits_of(&source.join("closed")), secret));
    assert_eq!(std::fs::read(target.join("closed/file")).unwrap(), b"closed/file");
}

fn bits_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_cannot_be_read_fails_alone_and_is_no_snapshot() {
    let (node_place, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Node::start(&node_place.path().join("node"));
    let passage = place.path().join("passage");
    std::fs::create_dir_all(passage.join("tree")).unwrap();
    for name in ["open", "closed", "tree/file"] {
        std::fs::write(passage.join(name), name).unwrap();
    }
    mode(&passage.join("closed"), 0o000);
    let owner = Owner::new(&place.path().join("alice"), node.url()).without_root(place.path());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    // Whoever may not list a directory may still pass through it.
    mode(&passage, 0o311);
    let path = |name: &str| passage.join(name).to_str().unwrap().to_owned();
    let message = owner.run(&["backup", "v", &path("closed")]).failed(1);
    assert!(message.contains("closed") && message.contains("ermission denied"), "{message}");
    assert_eq!(owner.run(&["snapshots", "v"]).done().as_array().unwrap().len(), 0);

    let alone = owner.run(&["backup", "v", &path("open")]).done();
    assert_eq!((alone["files"].as_u64(), alone["errors"].as_array().unwrap().len()), (Some(1), 0), "{alone}");
    let partial = owner.run(&["backup", "v", &path("open"), &path("closed"), &path("tree")]);
    let errors = partial.json["errors"].as_array().unwrap().clone();
    assert_eq!((partial.code, partial.json["files"].as_u64(), errors.len()), (3, Some(2), 1), "{partial:?}");
    assert!(errors[0]["path"].as_str().unwrap().ends_with("/closed"), "{errors:?}");
    mode(&passage, 0o755);
}
