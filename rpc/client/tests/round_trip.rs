//! Whole backups and restores against a node in memory.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use client::{BackupOptions, Client, ClientError, Owner, RestoreOptions, VaultOptions};
use fake::tree_of;
use fake::world::{World, age, find, marker, random};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use seal::OwnerSecret;

/// One of everything.
fn odd_tree(world: &World) {
    world.write("plain.txt", b"hello");
    world.write("empty", b"");
    world.write("deep/er/and/deeper/file", &random(1, 3_000));
    world.write("large", &random(2, 9_000_001));
    world.write("text", "all work and no play ".repeat(400_000).as_bytes());
    world.write("zeros", &vec![0; 11 << 20]);
    world.write("name with\nnewline", b"1");
    std::fs::write(world.source().join(OsStr::from_bytes(b"not-utf8-\xff\xfe")), b"2").unwrap();
    std::fs::create_dir(world.source().join("empty directory")).unwrap();
    symlink("plain.txt", world.source().join("link")).unwrap();
    symlink("/nowhere/at/all", world.source().join("dangling")).unwrap();
    std::fs::hard_link(world.source().join("large"), world.source().join("deep/large-too")).unwrap();
    let sparse = std::fs::File::create(world.source().join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, b"begin", 0).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, &random(3, 700_000), 40_000_123).unwrap();
    sparse.set_len(60_000_000).unwrap();
    let locked = world.write("mode/suid", b"x");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(world.source().join("mode"), std::fs::Permissions::from_mode(0o1555)).unwrap();
    let attributes = world.source().join("plain.txt");
    let _ = rustix::fs::setxattr(&attributes, "user.note", b"\x00value", rustix::fs::XattrFlags::empty());
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.source().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
}

#[test]
fn one_of_everything_comes_back_as_it_was() {
    let world = World::new();
    odd_tree(&world);
    let report = world.backup();
    assert_eq!(report.errors, []);
    assert_eq!(report.skipped.len(), 1, "{:?}", report.skipped);
    assert_eq!(report.snapshot, 1);
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    let restored = world.assert_restores("target");
    assert_eq!(restored.files, report.files);
    assert_eq!(restored.bytes + 9_000_001, report.bytes, "the second name of a file is a link");
    let sparse = std::fs::metadata(world.path("target/sparse")).unwrap();
    assert!(sparse.blocks() * 512 < 10_000_000, "{} blocks", sparse.blocks());
    let (a, b) = (world.path("target/large"), world.path("target/deep/large-too"));
    assert_eq!(std::fs::metadata(a).unwrap().ino(), std::fs::metadata(b).unwrap().ino());
    assert!(!world.path("target").join(marker(&report)).exists());
}

#[test]
fn an_unchanged_tree_is_neither_read_nor_stored_again() {
    let world = World::new();
    odd_tree(&world);
    age(&world.source());
    let first = world.backup();
    let put = world.node.put_bytes.load(Ordering::Relaxed);
    let second = world.backup();
    assert_eq!((second.files_read, second.new_bytes, second.packs), (0, 0, 0));
    assert_eq!(second.content_root, first.content_root);
    assert_eq!((second.files, second.bytes, second.snapshot), (first.files, first.bytes, 2));
    let manifest = world.node.put_bytes.load(Ordering::Relaxed) - put;
    assert!(manifest <= 4 * 16_384, "{manifest} bytes for an unchanged tree");
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    world.assert_restores("target");
}

#[test]
fn a_change_costs_what_has_changed() {
    let world = World::new();
    odd_tree(&world);
    let large = world.write("big/file", &random(8, 30 << 20));
    age(&large);
    world.backup();
    use std::os::unix::fs::FileExt;
    std::fs::OpenOptions::new().write(true).open(&large).unwrap().write_at(b"!", 17 << 20).unwrap();
    world.write("new", b"new file");
    std::fs::remove_file(world.source().join("empty")).unwrap();
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    let report = world.backup();
    assert_eq!(report.files_read, 2);
    assert!(report.new_bytes < 5 << 20, "{} new bytes", report.new_bytes);
    world.assert_restores("target");
}

#[test]
fn a_rename_of_a_directory_stores_no_file_again() {
    let world = World::new();
    world.write("a/large", &random(4, 5 << 20));
    world.backup();
    std::fs::rename(world.source().join("a"), world.source().join("b")).unwrap();
    let report = world.backup();
    assert!(report.new_bytes < 4096, "{} new bytes", report.new_bytes);
    world.assert_restores("target");
}

#[test]
fn two_of_six_volumes_may_be_lost_and_others_may_rot() {
    let world = World::new();
    odd_tree(&world);
    world.backup();
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    world.node.lose_volumes(&[0, 3]);
    let report = world.assert_restores("lost");
    assert!(report.decoded_packs > 0);

    let world = World::new();
    world.write("large", &random(2, 9_000_001));
    world.write("small", b"small");
    world.backup();
    world.node.rot(0, 1000);
    world.node.rot(4, 1000);
    let report = world.assert_restores("rotten");
    assert!(report.decoded_packs > 0);
}

#[test]
fn a_cache_is_only_a_cache() {
    let world = World::new();
    odd_tree(&world);
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    world.backup();
    // Another machine with nothing but the secret.
    let owner = world.owner_with("other-cache");
    assert_eq!(owner.vault_list().unwrap().len(), 1);
    let report = owner.restore(RestoreOptions::new("v", world.path("target"))).unwrap();
    assert!(report.lost.is_empty() && report.errors.is_empty(), "{report:?}");
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
    // It backs up the same tree without storing it again.
    let again = owner.backup(BackupOptions::new("v", vec![world.source()])).unwrap();
    assert_eq!((again.new_bytes, again.packs), (0, 0));
    // With a damaged index too.
    let index = find(&world.path("other-cache"), "index");
    let mut bytes = std::fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
    std::fs::write(&index, bytes).unwrap();
    world.write("another", b"file");
    let again = owner.backup(BackupOptions::new("v", vec![world.source()])).unwrap();
    assert!(again.new_bytes < 20_000, "{} new bytes", again.new_bytes);
    let report = owner.restore(RestoreOptions::new("v", world.path("target-2"))).unwrap();
    assert!(report.lost.is_empty() && report.errors.is_empty(), "{report:?}");
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target-2")));
}

#[test]
fn what_an_interrupted_run_has_stored_is_used() {
    let world = World::new();
    for n in 0..6 {
        world.write(&format!("file-{n}"), &random(n, 40 << 20));
    }
    // The disk of the node fills up on the way: the packs before are recorded.
    world.node.puts_left.store(22, Ordering::Relaxed);
    let failed = world.owner().backup(BackupOptions::new("v", vec![world.source()]));
    assert!(matches!(failed, Err(ClientError::Node(_))), "{failed:?}");
    let vault = world.owner().vault_info("v").unwrap();
    assert!(vault.packs >= 1 && vault.snapshots == 0);
    world.node.puts_left.store(usize::MAX, Ordering::Relaxed);
    // A machine that has lost even its cache.
    let owner = world.owner_with("fresh");
    let report = owner.backup(BackupOptions::new("v", vec![world.source()])).unwrap();
    let total = 6 * (40 << 20);
    assert!(report.new_bytes < total - (20 << 20), "{} new bytes", report.new_bytes);
    world.assert_restores("target");
}

#[test]
fn lost_packs_lose_their_files_and_no_others() {
    let world = World::new();
    for n in 0..4 {
        world.write(&format!("file-{n}"), &random(n, 9 << 20));
        world.backup();
    }
    let packs = world.node.packs_of(&world.owner().vault_info("v").unwrap().vault);
    let data = packs.iter().filter(|pack| u64::from(pack.header.shard_len) * 4 >= 8 << 20).nth(1).unwrap();
    world.node.lose_pack(&data.header.id());
    let report = world.restore("target");
    assert_eq!(report.lost.len(), 1, "{report:?}");
    assert_eq!(report.files, 3);
    let lost = &report.lost[0].path;
    assert!(!world.path("target").join(lost).exists());
    let (mut before, after) = (tree_of(&world.source()), tree_of(&world.path("target")));
    before.remove(lost);
    assert_eq!(before, after);
}

#[test]
fn a_restore_goes_on_where_it_stopped_and_overwrites_only_when_told() {
    let world = World::new();
    odd_tree(&world);
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    let report = world.backup();
    std::fs::create_dir(world.path("target")).unwrap();
    std::fs::write(world.path("target/mine"), b"precious").unwrap();
    let refused = world.owner().restore(RestoreOptions::new("v", world.path("target")));
    assert!(matches!(refused, Err(ClientError::TargetNotEmpty { .. })), "{refused:?}");
    std::fs::remove_file(world.path("target/mine")).unwrap();
    world.assert_restores("target");
    // As if it had been stopped: one file is missing, one is half written, and the marker is there.
    std::fs::write(world.path("target").join(marker(&report)), report.commitment.to_string()).unwrap();
    std::fs::remove_file(world.path("target/plain.txt")).unwrap();
    std::fs::write(world.path("target/text"), b"half").unwrap();
    let again = world.assert_restores("target");
    assert!(again.kept > 0 && again.kept < again.files, "{again:?}");
    // Same length and time, other content: verified, not believed.
    let large = world.path("target/zeros");
    let time = std::fs::metadata(&large).unwrap().modified().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&large).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"rot", 5 << 20).unwrap();
    file.set_modified(time).unwrap();
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.overwrite = true;
    let again = world.owner().restore(options).unwrap();
    assert!(again.lost.is_empty() && again.errors.is_empty(), "{again:?}");
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
}

#[test]
fn only_what_is_included_is_restored_with_what_is_around_it() {
    let world = World::new();
    odd_tree(&world);
    world.backup();
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.include = vec!["deep/er".to_owned(), "*.txt".to_owned()];
    let report = world.owner().restore(options).unwrap();
    assert_eq!(report.files, 2, "{report:?}");
    let restored: Vec<PathBuf> = tree_of(&world.path("target")).into_keys().collect();
    let expected = ["deep", "deep/er", "deep/er/and", "deep/er/and/deeper", "deep/er/and/deeper/file", "plain.txt"];
    assert_eq!(restored, expected.map(PathBuf::from));
}

#[test]
fn unreadable_and_vanishing_files_are_reported_and_the_rest_is_stored() {
    let world = World::new();
    world.write("good", b"good");
    world.write("bad", b"bad");
    // A directory that is excluded is not even looked into.
    world.write("cache/junk", b"junk");
    let mut options = BackupOptions::new("v", vec![world.source()]);
    options.excludes = vec!["cache".to_owned()];
    let report = world.owner().backup(options).unwrap();
    assert_eq!((report.files, report.errors.len()), (2, 0));
    let missing = world.owner().backup(BackupOptions::new("v", vec![world.path("nowhere")]));
    assert!(matches!(missing, Err(ClientError::Path { .. })), "{missing:?}");
}

#[test]
fn several_paths_keep_their_full_names() {
    let world = World::new();
    world.write("a/one", b"1");
    world.write("b/two", b"2");
    let paths = vec![world.source().join("a"), world.source().join("b/two")];
    let report = world.owner().backup(BackupOptions::new("v", paths)).unwrap();
    assert_eq!(report.files, 2);
    world.restore("target");
    let inside = world.source().canonicalize().unwrap();
    let inside = inside.strip_prefix("/").unwrap();
    assert_eq!(std::fs::read(world.path("target").join(inside).join("a/one")).unwrap(), b"1");
    assert_eq!(std::fs::read(world.path("target").join(inside).join("b/two")).unwrap(), b"2");
}

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
fn hiccups_are_waited_out_and_a_reset_ledger_is_noticed() {
    let world = World::new();
    world.write("file", &random(1, 3 << 20));
    world.node.hiccups.store(3, Ordering::Relaxed);
    world.backup();
    age(&world.source());
    world.backup();
    world.node.reset();
    world.owner().vault_create("v", VaultOptions::default()).unwrap();
    let report = world.backup();
    assert_eq!((report.snapshot, report.files), (1, 1));
    world.assert_restores("target");
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
    let all = ls(client::SnapshotRef::Seq(1), "", true).unwrap();
    assert_eq!(all, ["same", "sub", "sub/changes", "sub/goes"]);
    assert_eq!(ls(client::SnapshotRef::Latest, "/sub", false).unwrap(), ["sub/changes"]);
    assert_eq!(ls(client::SnapshotRef::Latest, "sub/changes", false).unwrap(), ["sub/changes"]);
    assert!(ls(client::SnapshotRef::Latest, "sub/goes", false).is_err());
    assert!(matches!(ls(client::SnapshotRef::Seq(9), "", false), Err(ClientError::UnknownSnapshot { .. })));

    let differences = owner.diff("v", client::SnapshotRef::Seq(1), client::SnapshotRef::Seq(2)).unwrap();
    let found: Vec<_> = differences.iter().map(|it| (it.path.to_str().unwrap(), it.change)).collect();
    use client::Change::{Added, Content, Metadata, Removed};
    let expected =
        [("comes", Added), ("comes/new", Added), ("same", Metadata), ("sub/changes", Content), ("sub/goes", Removed)];
    assert_eq!(found, expected);
    assert!(owner.diff("v", client::SnapshotRef::Seq(2), client::SnapshotRef::Seq(3)).unwrap().is_empty());
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
    assert_eq!(verdict.files, report.files);
    let changed = world.path("target/deep/er/and/deeper/file");
    std::fs::write(&changed, random(1, 2_999)).unwrap();
    assert!(!verify("target").unwrap().holds());
    std::fs::write(&changed, random(1, 3_000)).unwrap();
    assert!(verify("target").unwrap().holds());
    std::fs::rename(&changed, world.path("target/deep/er/and/deeper/file2")).unwrap();
    assert!(!verify("target").unwrap().holds());
    assert!(verify("nowhere").is_err());
}

#[test]
fn a_stopped_backup_keeps_what_it_has_stored() {
    struct StopAt(client::Cancel, u64, std::sync::atomic::AtomicU64);
    impl client::Progress for StopAt {
        fn done(&self, _: u64, bytes: u64) {
            if self.2.fetch_add(bytes, Ordering::Relaxed) > self.1 {
                self.0.cancel();
            }
        }
    }
    let world = World::new();
    for n in 0..4 {
        world.write(&format!("file-{n}"), &random(n, 30 << 20));
    }
    let mut options = BackupOptions::new("v", vec![world.source()]);
    options.progress = Arc::new(StopAt(options.cancel.clone(), 50 << 20, Default::default()));
    let stopped = world.owner().backup(options);
    assert!(matches!(stopped, Err(ClientError::Cancelled)), "{stopped:?}");
    assert_eq!(world.owner().vault_info("v").unwrap().snapshots, 0);
    let report = world.backup();
    assert!(report.new_bytes < 80 << 20, "{} new bytes", report.new_bytes);
    world.assert_restores("target");
}
