//! Bad input and bad luck: a clear error, the right exit code, and nothing lost.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::os::unix::fs::PermissionsExt;

use e2e::{Node, Owner, World, eventually, noise};

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
    let other = owner.run(&["vault", "create", "v", "--policy", "mirror"]).failed(1);
    assert!(other.contains("\"v\" exists with other options"), "{other}");
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
    let partly = owner.run(&["backup", "v", "/no/such/path", file]);
    assert_eq!((partly.code, partly.json["errors"][0]["path"].as_str()), (3, Some("/no/such/path")), "{}", partly.json);
    let target = place.path().join("r");
    let nothing = owner.run(&["restore", "v", "--target", target.to_str().unwrap(), "--include", "*.pdf"]);
    assert!(nothing.failed(1).contains("*.pdf"));
    let restore = ["restore", "v", "--target", target.to_str().unwrap(), "--include", "*.pdf", "--include", "file"];
    let some = owner.run(&restore);
    assert_eq!((some.code, &some.json["unmatched"]), (3, &serde_json::json!(["*.pdf"])), "{}", some.json);
    let other = owner.run(&["--account", "0xffff", "vault", "list"]).failed(1);
    assert!(other.contains("begins with 0xffff"), "{other}");
}

#[test]
fn wrong_usage_is_told_in_the_form_that_was_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let owner = Owner::new(&place.path().join("alice"), "http://127.0.0.1:1");
    for (args, word) in [
        (&["nonsense"][..], "nonsense"),
        (&["backup", "v"], "<PATHS>"),
        (&["vault", "create", "v", "--policy", "9000"], "9000"),
        (&["restore", "v@x", "--target", "t"], "v@x"),
    ] {
        let reply = owner.run(args);
        assert_eq!((reply.code, reply.json["error"]["kind"].as_str()), (2, Some("usage")), "{args:?} {}", reply.stderr);
        let message = reply.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(word) && !message.contains('\n'), "{message}");
        // For people: text with the usage, on standard error.
        let text = std::process::Command::new(e2e::binary()).args(args).output().unwrap();
        assert_eq!((text.status.code(), text.stdout.len()), (Some(2), 0));
        assert!(String::from_utf8_lossy(&text.stderr).contains(word));
    }
    let help = owner.command(&["status", "--help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    for command in [&["status"][..], &["health"], &["key"], &["vault"], &["config"]] {
        let help = std::process::Command::new(e2e::binary()).args(command).arg("--help").output().unwrap();
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(text.contains("Example") && text.contains(&format!("strongroom {}", command[0])), "{text}");
    }
}

#[test]
fn a_restore_does_not_overwrite_unless_told() {
    let World { place, node: _node, owner } = World::new("v");
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
    let World { place, node: _node, owner } = World::new("v");
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
    let World { place, node, owner } = World::new("v");
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    // In every data shard of its pack, so that whichever is lost, something of the file is.
    std::fs::write(source.join("first"), noise(1, 3_500_000)).unwrap();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    // Three of six volumes: of the 4+2 shards of a pack three are left, one too few.
    for volume in [0, 2, 5] {
        node.lose_volume(volume);
    }
    // Until the node is sure that the volumes are gone, it says that they are not there, and to try again.
    let target = place.path().join("t");
    let restore = || owner.run(&["restore", "v", "--target", target.to_str().unwrap()]);
    let reply = eventually(|| Some(restore()).filter(|reply| reply.code != 1), || restore().stderr);
    assert_eq!(reply.code, 3, "{}", reply.json);
    assert!(!reply.json["lost"].as_array().unwrap().is_empty(), "{}", reply.json);
    assert_eq!(owner.run(&["health"]).code, 3);
    // What was committed can still be proven, and the node goes on.
    let _ = owner.run(&["receipt", "v"]).done();
    assert_eq!(node.stop(), 0);
}

#[test]
fn an_incomplete_restore_goes_on_with_the_same_command() {
    let World { place, node: _node, owner } = World::new("v");
    let source = place.path().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a"), b"first").unwrap();
    std::fs::write(source.join("b"), b"second").unwrap();
    let _ = owner.run(&["backup", "v", source.to_str().unwrap()]).done();
    // A directory is never replaced by a file.
    let target = place.path().join("target");
    std::fs::create_dir_all(target.join("a/mine")).unwrap();
    let reply = owner.run(&["restore", "v", "--target", target.to_str().unwrap(), "--overwrite"]);
    assert_eq!(reply.code, 3, "{}", reply.json);
    assert_eq!(reply.json["errors"].as_array().unwrap().len(), 1, "{}", reply.json);
    std::fs::remove_dir_all(target.join("a")).unwrap();
    let _ = owner.run(&["restore", "v", "--target", target.to_str().unwrap()]).done();
    let mut names: Vec<_> = std::fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(std::fs::read(target.join("a")).unwrap(), b"first");
}
