//! Looks into vaults: snapshots, objects, proofs of files; and what others see.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::{BackupOptions, Client, ClientError, Owner, RestoreOptions, SnapshotRef, VaultOptions};
use fake::world::{World, odd_tree, random};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use seal::OwnerSecret;

#[test]
fn nothing_that_a_node_holds_shows_names_or_contents() {
    let world = World::new();
    world.write("secret-name.txt", b"secret content that is long enough to be found again");
    world.backup();
    let all = world.node.everything();
    for needle in [&b"secret-name"[..], b"secret content", b"SRF1", b"SRP1"] {
        assert!(!all.windows(needle.len()).any(|window| window == needle), "{}", String::from_utf8_lossy(needle));
    }
    // Another owner cannot open the vault.
    let other = OwnerSecret::generate(&mut ChaCha20Rng::seed_from_u64(99));
    let node: Arc<dyn client::Node> = world.node.clone();
    let stranger = Client::with_node(node).unwrap().owner(other);
    assert!(stranger.vault_list().unwrap().is_empty());
    let refused = stranger.restore(RestoreOptions::new("v", world.path("stolen")));
    assert!(matches!(refused, Err(ClientError::UnknownVault { .. })));
}

#[test]
fn a_vault_that_is_there_with_other_options_is_named_as_the_owner_named_it() {
    let world = World::new();
    world.owner().vault_create("v", VaultOptions::default()).unwrap();
    let other = VaultOptions { retention_ms: 1, ..VaultOptions::default() };
    let refused = world.owner().vault_create("v", other).unwrap_err().to_string();
    assert!(refused.contains("vault \"v\" exists with other options"), "{refused}");
}

#[test]
fn objects_are_put_listed_and_got_back_by_version() {
    let world = World::new();
    let owner = world.owner();
    let quiet = || Arc::new(client::Quiet);
    let first = owner.put("v", "reports/may", "may.pdf", None, &mut &b"first"[..], quiet()).unwrap();
    assert_eq!((first.version, first.size, first.media_type.as_str()), (1, 5, "application/pdf"));
    let mut large = random(5, 13 << 20);
    large[1 << 20..9 << 20].fill(0);
    owner.put("v", "large", "large.bin", Some("application/x-mine"), &mut &large[..], quiet()).unwrap();
    owner.put("v", "empty", "empty", None, &mut &b""[..], quiet()).unwrap();
    let second = owner.put("v", "reports/may", "may.pdf", None, &mut &b"second"[..], quiet()).unwrap();
    assert_eq!(second.version, 2);
    let listed = owner.list("v").unwrap();
    let names: Vec<&str> = listed.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(names, ["empty", "large", "reports/may"]);
    // From a machine that knows nothing.
    let other = world.owner_with("other");
    for (name, expected) in [("reports/may", &b"second"[..]), ("large", &large), ("empty", b"")] {
        let mut got = Vec::new();
        let info = other.get("v", name, &mut got, quiet()).unwrap();
        assert_eq!(got, expected, "{name}");
        assert_eq!(info, other.object("v", name).unwrap());
    }
    assert!(matches!(other.object("v", "none"), Err(ClientError::UnknownObject { .. })));
}

#[test]
fn an_object_is_put_again_after_the_ledger_has_forgotten_packs_that_the_index_names() {
    let world = World::new();
    let quiet = || Arc::new(client::Quiet);
    let put = |owner: &Owner, name, bytes: &[u8]| owner.put("v", name, name, None, &mut &*bytes, quiet());
    put(&world.owner(), "first", b"first").unwrap();
    world.node.reset();
    world.owner().vault_create("v", VaultOptions::default()).unwrap();
    // As many packs as before, so that the index looks complete.
    put(&world.owner_with("other"), "second", b"second").unwrap();
    let stale = put(&world.owner(), "first", b"first");
    assert!(matches!(stale, Err(ClientError::StaleIndex)), "{stale:?}");
    assert_eq!(put(&world.owner(), "first", b"first").unwrap().version, 1);
}

#[test]
fn a_path_in_a_snapshot_may_be_written_as_in_a_shell() {
    let world = World::new();
    world.write("src/main.rs", b"main");
    world.backup();
    let names = |path: &str| {
        let mut names = Vec::new();
        let listed = world.owner().ls("v", SnapshotRef::Latest, Path::new(path), false, &mut |entry| {
            names.push(entry.path.to_str().unwrap().to_owned());
            Ok(())
        });
        listed.map(|()| names)
    };
    for path in ["src", "src/", "./src", "./src/", "/src", "src/.", "src/../src", "../src"] {
        assert_eq!(names(path).unwrap(), ["src/main.rs"], "{path}");
        let file = format!("{path}/main.rs");
        assert_eq!(names(&file).unwrap(), ["src/main.rs"], "{file}");
    }
    for path in ["", ".", "./", "/", "src/.."] {
        assert_eq!(names(path).unwrap(), ["src"], "{path}");
    }
    for path in ["./lib", "src/main.rs/more"] {
        assert!(matches!(names(path), Err(ClientError::Path { .. })), "{path}");
    }
}

#[test]
fn snapshots_can_be_listed_looked_into_and_compared() {
    let world = World::new();
    let owner = world.owner();
    world.write("same", b"same");
    world.write("sub/changes", b"before");
    world.write("sub/goes", b"goes");
    let mut options = BackupOptions::new("v", vec![world.source()]);
    options.tags = vec!["nightly".to_owned()];
    owner.backup(options).unwrap();
    world.write("sub/changes", b"after it all");
    world.write("comes/new", b"new");
    std::fs::remove_file(world.source().join("sub/goes")).unwrap();
    std::fs::set_permissions(world.source().join("same"), std::fs::Permissions::from_mode(0o600)).unwrap();
    for _ in 0..2 {
        owner.backup(BackupOptions::new("v", vec![world.source()])).unwrap();
    }
    let snapshots = owner.snapshots("v").unwrap();
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.seq).collect::<Vec<_>>(), [1, 2, 3]);
    owner.vault_create("fresh", VaultOptions::default()).unwrap();
    let none = owner.restore(RestoreOptions::new("fresh", world.path("none"))).unwrap_err();
    assert!(matches!(none, ClientError::NoSnapshot { .. }), "{none}");
    assert_eq!(snapshots[0].tags, ["nightly"]);
    assert_eq!(snapshots[0].paths, [world.source().canonicalize().unwrap().to_str().unwrap()]);

    let ls = |snapshot, path: &str, recursive| {
        let mut found = Vec::new();
        let mut each = |entry: client::ListedEntry| {
            found.push(entry.path.to_str().unwrap().to_owned());
            Ok(())
        };
        owner.ls("v", snapshot, Path::new(path), recursive, &mut each).map(|()| found)
    };
    let all = ls(SnapshotRef::Seq(1), "", true).unwrap();
    assert_eq!(all, ["same", "sub", "sub/changes", "sub/goes"]);
    assert_eq!(ls(SnapshotRef::Latest, "/sub", false).unwrap(), ["sub/changes"]);
    assert_eq!(ls(SnapshotRef::Latest, "sub/changes", false).unwrap(), ["sub/changes"]);
    assert!(ls(SnapshotRef::Latest, "sub/goes", false).is_err());
    assert!(matches!(ls(SnapshotRef::Seq(9), "", false), Err(ClientError::UnknownSnapshot { .. })));

    let differences = owner.diff("v", SnapshotRef::Seq(1), SnapshotRef::Seq(2)).unwrap();
    let found: Vec<_> = differences.iter().map(|it| (it.path.to_str().unwrap(), it.change)).collect();
    use client::Change::{Added, Content, Metadata, Removed};
    let expected =
        [("comes", Added), ("comes/new", Added), ("same", Metadata), ("sub/changes", Content), ("sub/goes", Removed)];
    assert_eq!(found, expected);
    assert!(owner.diff("v", SnapshotRef::Seq(2), SnapshotRef::Seq(3)).unwrap().is_empty());
}

#[test]
fn restored_files_are_proved_to_be_the_committed_ones() {
    let world = World::new();
    odd_tree(&world);
    let report = world.backup();
    world.restore("target");
    let verify = |path: &str| {
        Owner::verify_files(&world.secret, &report.vault, &report.content_root, &world.path(path), &client::Quiet)
    };
    let verdict = verify("target").unwrap();
    assert!(verdict.holds(), "{verdict:?}");
    let commitment = client::Node::snapshot(&*world.node, &report.vault, Some(1)).unwrap().unwrap().commitment;
    let owner = world.owner_with("another machine");
    let differing = |max| owner.differing_files(&commitment, &world.path("target"), max, &client::Quiet).unwrap();
    assert_eq!(differing(10), []);
    assert_eq!(verdict.files, report.files);
    let changed = world.path("target/deep/er/and/deeper/file");
    std::fs::write(&changed, random(1, 2_999)).unwrap();
    assert!(!verify("target").unwrap().holds());
    let [only] = &differing(10)[..] else { panic!("{:?}", differing(10)) };
    let (expected, found) = (only.expected.unwrap(), only.found.unwrap());
    assert_eq!(only.path, Path::new("deep/er/and/deeper/file"));
    assert_eq!((expected.size, found.size), (3_000, 2_999));
    assert_ne!(expected.digest, found.digest);
    std::fs::write(&changed, random(1, 3_000)).unwrap();
    assert!(verify("target").unwrap().holds());
    std::fs::rename(&changed, world.path("target/deep/er/and/deeper/file2")).unwrap();
    assert!(!verify("target").unwrap().holds());
    assert!(verify("nowhere").is_err());

    // One of every kind of difference, in the order of names, and no more than were asked for.
    std::fs::remove_file(world.path("target/empty")).unwrap();
    std::fs::create_dir(world.path("target/empty")).unwrap();
    std::fs::remove_file(world.path("target/dangling")).unwrap();
    std::os::unix::fs::symlink("/elsewhere", world.path("target/dangling")).unwrap();
    std::fs::remove_dir(world.path("target/empty directory")).unwrap();
    let told: Vec<_> = differing(10)
        .into_iter()
        .map(|it| (it.path, it.expected.map(|state| state.kind), it.found.map(|state| state.kind)))
        .collect();
    use client::EntryKind::{Directory, File, Symlink};
    let expected = [
        ("dangling", Some(Symlink), Some(Symlink)),
        ("deep/er/and/deeper/file", Some(File), None),
        ("deep/er/and/deeper/file2", None, Some(File)),
        ("empty", Some(File), Some(Directory)),
        ("empty directory", Some(Directory), None),
    ];
    assert_eq!(told, expected.map(|(path, a, b)| (PathBuf::from(path), a, b)));
    assert_eq!(differing(2).len(), 2);
    let mut other = commitment;
    other.files += 1;
    let refused = owner.differing_files(&other, &world.path("target"), 10, &client::Quiet);
    assert!(matches!(refused, Err(ClientError::Damaged { .. })), "{refused:?}");
}
