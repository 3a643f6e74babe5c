//! Everything comes back from the phrase alone, also in two attempts.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use e2e::{Node, Owner};

#[test]
fn a_phrase_brings_files_and_objects_back_in_two_attempts() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let phrase = owner.make_key();
    for vault in ["one", "two"] {
        let _ = owner.run(&["vault", "create", vault]).done();
        let source = place.path().join(vault);
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join("file"), vault).unwrap();
        let _ = owner.run(&["backup", vault, source.to_str().unwrap()]).done();
    }
    let file = place.path().join("file");
    for content in ["old", "new"] {
        std::fs::write(&file, content).unwrap();
        let _ = owner.run(&["put", "one", file.to_str().unwrap(), "--key", "../dumps/shop.sql"]).done();
    }

    // Looking writes nothing, with a target either.
    let home = place.path().join("empty machine");
    let machine = Owner::new(&home, node.url());
    let target = place.path().join("back");
    let back = target.to_str().unwrap();
    let list = machine.run(&["recover", "--phrase", &phrase, "--list", "--target", back]).done();
    assert_eq!(list["vaults"][0]["objects"][0]["key"], "../dumps/shop.sql", "{list}");
    assert!(!target.exists() && !home.join("keystore").exists());

    // What is in the way of one vault does not keep the other away.
    std::fs::create_dir_all(target.join("one")).unwrap();
    std::fs::write(target.join("one/mine"), b"mine").unwrap();
    let reply = machine.run(&["recover", "--phrase", &phrase, "--target", back]);
    assert_eq!(reply.code, 3, "{}", reply.json);
    let message = reply.json["vaults"][0]["error"].as_str().unwrap();
    assert!(message.contains("not empty") && message.contains("--overwrite"), "{message}");
    assert_eq!(std::fs::read(target.join("two/file")).unwrap(), b"two");
    assert_eq!(std::fs::read(target.join("one/mine")).unwrap(), b"mine");

    // The same command again: the finished vault is passed over, the other comes.
    std::fs::remove_file(target.join("one/mine")).unwrap();
    for _ in 0..2 {
        let done = machine.run(&["recover", "--phrase", &phrase, "--target", back]).done();
        assert_eq!(done["vaults"][1]["restoredBefore"], true, "{done}");
        assert_eq!(std::fs::read(target.join("one/file")).unwrap(), b"one");
        assert_eq!(std::fs::read(target.join("one.objects/%2E.%2Fdumps%2Fshop.sql")).unwrap(), b"new");
    }
    // An object that would replace something is told, and does not.
    std::fs::write(target.join("one.objects/%2E.%2Fdumps%2Fshop.sql"), b"bad").unwrap();
    let reply = machine.run(&["recover", "--phrase", &phrase, "--target", back]);
    assert_eq!(reply.code, 3, "{}", reply.json);
    assert!(reply.json["vaults"][0]["objects"][0]["error"].as_str().unwrap().contains("other content"));
    assert_eq!(std::fs::read(target.join("one.objects/%2E.%2Fdumps%2Fshop.sql")).unwrap(), b"bad");
}

#[test]
fn a_phrase_that_owns_nothing_is_refused_and_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let phrase = Owner::new(&place.path().join("nobody"), node.url()).make_key();
    let home = place.path().join("machine");
    let target = place.path().join("back");
    let message = Owner::new(&home, node.url())
        .run(&["recover", "--phrase", &phrase, "--target", target.to_str().unwrap()])
        .failed(1);
    assert!(message.contains("owns no vault"), "{message}");
    assert!(!home.join("keystore").exists() && !target.exists());
}

#[test]
fn another_chain_is_refused_by_status_and_health_too() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    for command in ["status", "health"] {
        let _ = owner.run(&[command]).done();
        let message = owner.run(&[command, "--chain-id", "424242"]).failed(1);
        assert!(message.contains("424242"), "{message}");
    }
}
