//! Backups and restores of a part, in several goes, and with something in the way.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use client::{BackupOptions, ClientError, RestoreOptions};
use fake::tree_of;
use fake::world::{World, marker, odd_tree, random};

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
fn a_restore_goes_on_where_it_stopped_and_overwrites_only_when_told() {
    let world = World::new();
    odd_tree(&world);
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    let report = world.backup();
    std::fs::create_dir(world.path("target")).unwrap();
    std::fs::write(world.path("target/mine"), b"precious").unwrap();
    let refused = world.owner().restore(RestoreOptions::new("v", world.path("target")));
    assert!(matches!(refused, Err(ClientError::TargetNotEmpty { .. })), "{refused:?}");
    let refused = world.owner().restore(RestoreOptions::new("v", world.path("target/mine"))).unwrap_err().to_string();
    assert!(refused.contains("target/mine: Not a directory"), "{refused}");
    std::fs::remove_file(world.path("target/mine")).unwrap();
    world.assert_restores("target");
    // As if it had been stopped: two files are missing, and the marker is there.
    std::fs::write(world.path("target").join(marker(&report)), report.commitment.to_string()).unwrap();
    std::fs::remove_file(world.path("target/plain.txt")).unwrap();
    std::fs::remove_file(world.path("target/text")).unwrap();
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

    // A pattern without a match is named; one that only names what another has brought along has one.
    let mut options = RestoreOptions::new("v", world.path("some"));
    options.include = ["deep", "no/such", "/deep/er", "*.pdf", "**/deeper/file"].map(str::to_owned).to_vec();
    let report = world.owner().restore(options).unwrap();
    assert_eq!((report.files, report.unmatched), (2, vec!["no/such".to_owned(), "*.pdf".to_owned()]));

    let mut options = RestoreOptions::new("v", world.path("nothing"));
    options.include = vec!["*.pdf".to_owned(), "no/such".to_owned()];
    let refused = world.owner().restore(options).unwrap_err();
    assert!(matches!(refused, ClientError::NothingMatches { snapshot: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("*.pdf, no/such"), "{refused}");
    assert!(!world.path("nothing").exists(), "what was made for nothing is gone");
    // An empty directory that was asked for is something.
    let mut options = RestoreOptions::new("v", world.path("empty"));
    options.include = vec!["empty directory".to_owned()];
    world.owner().restore(options).unwrap();
    assert!(world.path("empty/empty directory").is_dir());
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
}

#[test]
fn one_missing_path_among_several_is_noted_and_the_others_are_backed_up() {
    let world = World::new();
    world.write("a/one", b"1");
    let (there, missing) = (world.source().join("a"), world.path("nowhere"));
    let backup = |paths: &[&PathBuf]| {
        world.owner().backup(BackupOptions::new("v", paths.iter().map(|path| (*path).clone()).collect()))
    };
    let report = backup(&[&missing, &there]).unwrap();
    assert_eq!((report.files, report.errors.len()), (1, 1), "{report:?}");
    assert_eq!(report.errors[0].path, missing);
    // The names are those of a backup of several paths, so that the next one, with both, is comparable.
    world.restore("target");
    let inside = there.canonicalize().unwrap();
    let one = world.path("target").join(inside.strip_prefix("/").unwrap()).join("one");
    assert_eq!(std::fs::read(one).unwrap(), b"1");

    for paths in [vec![&missing], vec![&missing, &missing]] {
        let refused = backup(&paths);
        assert!(matches!(&refused, Err(ClientError::Path { path, .. }) if *path == missing), "{refused:?}");
    }
    assert_eq!(world.owner().vault_info("v").unwrap().snapshots, 1);
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
