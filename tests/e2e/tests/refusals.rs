//! Bad input and bad luck: a clear error, the right exit code, and nothing lost.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::os::unix::fs::PermissionsExt;

use e2e::{Node, Owner};

#[test]
fn mistakes_are_told_with_a_remedy() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let file = place.path().join("file");
    std::fs::write(&file, b"content").unwrap();
    let file = file.to_str().unwrap();

    assert!(owner.run(&["vault", "list"]).failed(1).contains("strongroom key new"));
    let _ = owner.make_key();
    assert!(owner.with_passphrase("wrong passphrase").run(&["vault", "list"]).failed(1).contains("passphrase"));
    assert!(owner.run(&["backup", "nowhere", file]).failed(1).contains("vault create nowhere"));
    let _ = owner.run(&["vault", "create", "v"]).done();
    assert!(owner.run(&["vault", "create", "w", "--policy", "9000"]).code == 2);
    assert!(
        owner
            .run(&["restore", "v", "--target", place.path().join("r").to_str().unwrap()])
            .failed(1)
            .contains("no snapshot")
    );
    let _ = owner.run(&["backup", "v", file]).done();
    assert!(
        owner
            .run(&["restore", "v@7", "--target", place.path().join("r").to_str().unwrap()])
            .failed(1)
            .contains("snapshot 7")
    );
    assert!(owner.at("http://127.0.0.1:1").run(&["snapshots", "v"]).failed(5).contains("strongroom run"));
    assert!(owner.run(&["backup", "v", "/no/such/path"]).failed(1).contains("/no/such/path"));
    assert_eq!(owner.run(&["nonsense"]).code, 2);
}

#[test]
fn a_restore_does_not_overwrite_unless_told() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a"), b"old").unwrap();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    let target = place.path().join("target");
    let restored = target.join("a");
    std::fs::create_dir_all(restored.parent().unwrap()).unwrap();
    std::fs::write(&restored, b"precious").unwrap();
    let message = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).failed(1);
    assert!(message.contains("--overwrite"), "{message}");
    assert_eq!(std::fs::read(&restored).unwrap(), b"precious");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap(), "--overwrite"]).done();
    assert_eq!(std::fs::read(&restored).unwrap(), b"old");
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_backed_up() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("good"), b"good").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
    let backup = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    assert_eq!(backup["skipped"].as_array().unwrap().len(), 1, "{backup}");
    // Root reads everything, so only others can see a file that they cannot read.
    if !rustix::process::geteuid().is_root() {
        std::fs::write(source.join("bad"), b"bad").unwrap();
        std::fs::set_permissions(source.join("bad"), std::fs::Permissions::from_mode(0o0)).unwrap();
        let reply = owner.run(&["backup", "v", source.to_str().unwrap()]);
        assert_eq!(reply.code, 3);
        assert_eq!(reply.json["errors"].as_array().unwrap().len(), 1);
    }
    let target = place.path().join("t");
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    assert_eq!(std::fs::read(target.join("good")).unwrap(), b"good");
}

#[test]
fn a_second_process_on_the_same_data_directory_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let output = std::process::Command::new(e2e::binary())
        .args(["run", "--dev", "--rpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--data-dir"])
        .arg(node.data_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("another process"), "{stderr}");
}

#[test]
fn more_than_m_lost_shards_are_told_and_end_nothing() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("first"), vec![1u8; 100_000]).unwrap();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    // Three of six volumes: of the 4+2 shards of a pack three are left, one too few.
    for volume in [0, 2, 5] {
        std::fs::remove_dir_all(node.volume(volume)).unwrap();
    }
    let reply = owner.run(&["restore", "v", "--target", place.path().join("t").to_str().unwrap()]);
    assert_eq!(reply.code, 3, "{}", reply.json);
    assert!(!reply.json["lost"].as_array().unwrap().is_empty(), "{}", reply.json);
    assert_eq!(owner.run(&["health"]).code, 3);
    // What was committed can still be proven, and the node goes on.
    let _ = owner.run(&["receipt", "v"]).done();
    assert_eq!(node.stop(), 0);
}
