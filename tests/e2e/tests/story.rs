//! The whole job: back up, commit, prove, lose two of six disks, restore, repair.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::os::unix::fs::PermissionsExt;

use e2e::{Node, Owner, World, eventually, make_tree, same_tree};

/// Waits until the node has rebuilt shards and reports no degraded pack.
fn wait_until_repaired(owner: &Owner) {
    let status = || owner.run(&["status"]).done();
    let repaired = || {
        let status = status();
        let rebuilt = status["replica"]["repairs"]["done"].as_u64().unwrap();
        (rebuilt > 0 && status["health"]["degradedPacks"] == 0).then_some(())
    };
    eventually(repaired, || format!("not repaired: {}", status()));
}

#[test]
fn two_of_six_disks_die_and_every_byte_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    make_tree(&source, 48);
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let _phrase = owner.make_key();
    let vault = owner.run(&["vault", "create", "papers"]).done();
    assert_eq!(vault["policy"], "4+2");

    let backup = owner.run(&["backup", "papers", source.to_str().unwrap()]).done();
    assert_eq!(backup["snapshot"]["seq"], 1);
    assert!(backup["height"].as_u64().unwrap() > 0, "the snapshot is final: {backup}");
    assert!(backup["errors"].as_array().unwrap().is_empty());

    // Again: nothing new is stored, and the stream goes on.
    let again = owner.run(&["backup", "papers", source.to_str().unwrap()]).done();
    assert_eq!(again["snapshot"]["seq"], 2);
    assert_eq!(again["newBytes"], 0);

    for volume in [1, 4] {
        node.lose_volume(volume);
    }
    let target = place.path().join("restored");
    let restore = owner.run(&["restore", "papers", "--target", target.to_str().unwrap()]).done();
    assert!(restore["lost"].as_array().unwrap().is_empty());
    same_tree(&source, &target).unwrap();

    // The receipt convinces a stranger: no node, no key.
    let receipt = place.path().join("receipt.json");
    let _ = owner.run(&["receipt", "papers", "--output", receipt.to_str().unwrap()]).done();
    let stranger = Owner::new(&place.path().join("stranger"), "http://127.0.0.1:1");
    assert_eq!(stranger.run(&["verify", receipt.to_str().unwrap()]).done()["valid"], true);
    // And the owner proves that the restored files are the ones committed.
    let restored = target;
    let proof = owner.at("http://127.0.0.1:1").run(&[
        "verify",
        receipt.to_str().unwrap(),
        "--files",
        restored.to_str().unwrap(),
    ]);
    assert_eq!(proof.done()["filesMatch"], true);
    std::fs::write(restored.join("empty file"), b"no longer").unwrap();
    let verify = ["verify", receipt.to_str().unwrap(), "--files", restored.to_str().unwrap()];
    let refuted = owner.run(&verify);
    let differences = refuted.json["error"]["differences"].clone();
    let _ = refuted.failed(4);
    assert_eq!(differences.as_array().unwrap().len(), 1, "{differences}");
    assert_eq!((&differences[0]["path"], &differences[0]["expected"]["size"]), (&"empty file".into(), &0.into()));
    assert_eq!(differences[0]["found"]["size"], 9);
    // Without a node it is known that something differs, and not what.
    let alone = owner.at("http://127.0.0.1:1").run(&verify).failed(4);
    assert!(alone.contains("only be told with the node"), "{alone}");

    // A name that is no UTF-8 comes with its exact bytes.
    let listed = owner.run(&["ls", "papers"]).done();
    let odd = listed.as_array().unwrap().iter().find(|entry| !entry["pathHex"].is_null()).unwrap();
    assert_eq!((odd["path"].as_str(), odd["pathHex"].as_str()), (Some("n\u{fffd}\u{fffd}"), Some("6efffe")));

    wait_until_repaired(&owner);
    // Two disks are gone for good, which an operator has to hear of.
    assert_eq!(owner.run(&["health"]).code, 3);
    assert_eq!(node.stop(), 0);
}

#[test]
fn a_changed_receipt_is_refused() {
    let World { place, node: _node, owner } = World::new("v");
    let file = place.path().join("file");
    std::fs::write(&file, b"content").unwrap();
    let _ = owner.run(&["backup", "v", file.to_str().unwrap()]).done();
    let receipt = place.path().join("receipt.json");
    let _ = owner.run(&["receipt", "v", "--output", receipt.to_str().unwrap()]).done();
    let mut document: serde_json::Value = serde_json::from_slice(&std::fs::read(&receipt).unwrap()).unwrap();
    assert_eq!(document["commitment"]["seq"], "1");
    document["commitment"]["seq"] = "2".into();
    std::fs::write(&receipt, document.to_string()).unwrap();
    let message = owner.run(&["verify", receipt.to_str().unwrap()]).failed(4);
    assert!(message.contains("expected"), "{message}");
    // A file without an end is read as far as a receipt can go.
    let message = owner.run(&["verify", "/dev/zero"]).failed(4);
    assert!(message.contains("at most"), "{message}");
}

#[test]
fn the_phrase_alone_brings_everything_back() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    make_tree(&source, 8);
    let node = Node::start(&place.path().join("node"));
    let owner = Owner::new(&place.path().join("alice"), node.url());
    let phrase = owner.make_key();
    let _ = owner.run(&["vault", "create", "papers"]).done();
    let _ = owner.run(&["backup", "papers", source.to_str().unwrap()]).done();
    std::fs::remove_dir_all(place.path().join("alice")).unwrap();

    let machine = Owner::new(&place.path().join("new machine"), node.url());
    let target = place.path().join("back");
    let recovered = machine.run(&["recover", "--phrase", &phrase, "--target", target.to_str().unwrap()]).done();
    assert_eq!(recovered["vaults"][0]["name"], "papers");
    same_tree(&source, &target.join("papers")).unwrap();
}

#[test]
fn two_owners_cannot_read_each_other() {
    let place = tempfile::tempdir().unwrap();
    let node = Node::start(&place.path().join("node"));
    let file = place.path().join("diary");
    std::fs::write(&file, b"the treasure is under the oak tree, the treasure is under the oak tree").unwrap();
    let alice = Owner::new(&place.path().join("alice"), node.url());
    let bob = Owner::new(&place.path().join("bob"), node.url());
    for owner in [&alice, &bob] {
        let _ = owner.make_key();
        let _ = owner.run(&["vault", "create", "mine"]).done();
    }
    let _ = alice.run(&["backup", "mine", file.to_str().unwrap()]).done();
    let message = bob.run(&["restore", "mine", "--target", place.path().join("b").to_str().unwrap()]).failed(1);
    assert!(message.contains("no snapshot"), "{message}");
    assert_eq!(bob.run(&["vault", "list"]).done().as_array().unwrap().len(), 1);
    // Nothing that the node keeps contains the text.
    let mut open = vec![node.data_dir().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let bytes = std::fs::read(entry.path()).unwrap();
                assert!(!bytes.windows(18).any(|window| window == b"under the oak tree"), "{}", entry.path().display());
            }
        }
    }
}

#[test]
fn objects_come_back_with_their_names_and_versions() {
    let World { place, node: _node, owner } = World::new("box");
    let file = place.path().join("report.pdf");
    std::fs::write(&file, vec![7u8; 3 << 20]).unwrap();
    let put = owner.run(&["put", "box", file.to_str().unwrap()]).done();
    assert_eq!(put["key"], "report.pdf");
    let out = place.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let _ = owner.run(&["get", "box", "report.pdf", "--output", out.to_str().unwrap()]).done();
    assert_eq!(std::fs::read(out.join("report.pdf")).unwrap(), std::fs::read(&file).unwrap());
    // Others may read it, as any new file that the umask leaves to them; and it is not replaced unasked.
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let new = place.path().join("new");
    std::fs::write(&new, b"").unwrap();
    assert_eq!(mode(&out.join("report.pdf")), mode(&new));
    let again = owner.run(&["get", "box", "report.pdf", "--output", out.to_str().unwrap()]).failed(1);
    assert!(again.contains("--overwrite"), "{again}");
    let list = owner.run(&["list", "box"]).done();
    assert_eq!(list[0]["key"], "report.pdf");
    assert_eq!(list[0]["size"], 3 << 20);
    let message = owner.run(&["get", "box", "other", "--output", out.to_str().unwrap()]).failed(1);
    assert!(message.contains("other"), "{message}");
}
