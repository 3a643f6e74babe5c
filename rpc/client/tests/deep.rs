//! Directories nested so deep that no path to them fits into one call of the system.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use client::{BackupOptions, Change, ClientError, EntryKind, Owner, Quiet, RestoreOptions, SnapshotRef};
use fake::world::{World, marker, random};
use fake::{descend, short, tree_of};

/// Longest path that the system takes in one call, bytes.
const PATH_MAX: usize = 4096;

/// Makes 30 directories of 200 bytes in one another, with a file and a link in each; the path of the innermost.
fn dig(root: &Path) -> PathBuf {
    let mut at = File::open(root).unwrap();
    let mut path = PathBuf::new();
    for level in 0..30u8 {
        let name = format!("{level:02}{}", "x".repeat(198));
        let inside = short(&at).join(&name);
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("file"), random(u64::from(level), 100 + usize::from(level))).unwrap();
        symlink("file", inside.join("link")).unwrap();
        at = File::open(&inside).unwrap();
        path.push(name);
    }
    std::fs::write(short(&at).join("large"), random(99, 9_000_001)).unwrap();
    std::fs::hard_link(short(&at).join("large"), short(&at).join("large too")).unwrap();
    assert!(path.as_os_str().len() > PATH_MAX + 1_000);
    path
}

#[test]
fn a_tree_deeper_than_any_path_comes_back_and_a_stopped_restore_of_it_goes_on() {
    let world = World::new();
    let innermost = dig(&world.source());
    let report = world.backup();
    assert_eq!((report.errors.as_slice(), report.files), (&[][..], 32));
    assert_eq!(world.assert_restores("target").files, 32);

    // As if it had been stopped.
    let target = world.path("target");
    std::fs::write(target.join(marker(&report)), report.commitment.to_string()).unwrap();
    let bottom = descend(&target, &innermost);
    std::fs::remove_file(short(&bottom).join("file")).unwrap();
    std::fs::remove_file(short(&bottom).join("large")).unwrap();
    std::fs::remove_file(short(&bottom).join("large too")).unwrap();
    let again = world.assert_restores("target");
    assert_eq!(again.kept, 29, "{again:?}");

    let mut options = RestoreOptions::new("v", world.path("part"));
    options.include = vec!["29x*/large".to_owned(), "**/large".to_owned()];
    let part = world.owner().restore(options).unwrap();
    assert_eq!((part.files, part.errors.len()), (1, 0), "{part:?}");
    assert_eq!(part.unmatched, ["29x*/large"], "`*` stops at `/`");
    let large = std::fs::read(short(&descend(&world.path("part"), &innermost)).join("large")).unwrap();
    assert_eq!(large, random(99, 9_000_001));
}

#[test]
fn a_change_at_the_bottom_is_found_by_verification_and_by_comparison() {
    let world = World::new();
    let innermost = dig(&world.source());
    let first = world.backup();
    world.restore("target");
    let vault = world.owner().vault_info("v").unwrap().vault;
    let verify = || Owner::verify_files(&world.secret, &vault, &first.content_root, &world.path("target"), &Quiet);
    assert!(verify().unwrap().holds());

    let bottom = descend(&world.path("target"), &innermost);
    std::fs::write(short(&bottom).join("file"), b"changed").unwrap();
    let verdict = verify().unwrap();
    assert!(!verdict.holds() && verdict.errors.is_empty(), "{verdict:?}");
    let commitment = client::Node::snapshot(&*world.node, &vault, Some(1)).unwrap().unwrap().commitment;
    let found = world.owner().differing_files(&commitment, &world.path("target"), 10, &Quiet).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, innermost.join("file"));
    assert_eq!(found[0].found.map(|state| (state.kind, state.size)), Some((EntryKind::File, 7)));

    let bottom = descend(&world.source(), &innermost);
    std::fs::write(short(&bottom).join("new"), b"new").unwrap();
    let second = world.owner().backup(BackupOptions::new("v", vec![world.source()])).unwrap();
    assert_eq!(second.files, first.files + 1);
    let differences = world.owner().diff("v", SnapshotRef::Seq(1), SnapshotRef::Seq(2)).unwrap();
    let added: Vec<_> = differences.iter().filter(|difference| difference.change == Change::Added).collect();
    assert_eq!(added.len(), 1, "{differences:?}");
    assert_eq!(added[0].path, innermost.join("new"));
}

#[test]
fn a_link_in_the_way_is_never_followed() {
    let world = World::new();
    let innermost = dig(&world.source());
    world.backup();
    world.restore("target");
    // Somebody has put a link in the place of a directory, beyond the length of one path.
    let above: PathBuf = innermost.iter().take(25).collect();
    let name = innermost.iter().nth(25).unwrap();
    let parent = descend(&world.path("target"), &above);
    std::fs::remove_dir_all(short(&parent).join(name)).unwrap();
    let elsewhere = world.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, short(&parent).join(name)).unwrap();
    let refused = world.owner().restore(RestoreOptions::new("v", world.path("target")));
    assert!(matches!(refused, Err(ClientError::TargetNotEmpty { .. })), "{refused:?}");
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.overwrite = true;
    let report = world.owner().restore(options).unwrap();
    assert_eq!((report.files, report.errors.len()), (32, 0), "{report:?}");
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn thousands_of_levels_are_walked_without_a_stack_of_as_many_calls() {
    const LEVELS: usize = 4_000;
    let dig = |root: &Path| {
        let mut at = File::open(root).unwrap();
        for _ in 0..LEVELS {
            let inside = short(&at).join("d");
            std::fs::create_dir(&inside).unwrap();
            at = File::open(&inside).unwrap();
        }
        at
    };
    let innermost: PathBuf = std::iter::repeat_n("d", LEVELS).collect();
    let world = World::new();
    let bottom = dig(&world.source());
    std::fs::write(short(&bottom).join("file"), random(1, 1_000)).unwrap();
    let first = world.backup();
    assert_eq!((first.directories, first.files), (u64::try_from(LEVELS).unwrap(), 1), "{first:?}");
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.include = vec![innermost.join("file").to_str().unwrap().to_owned()];
    let report = world.owner().restore(options).unwrap();
    assert_eq!((report.files, report.errors.len()), (1, 0));

    let vault = world.owner().vault_info("v").unwrap().vault;
    let verify = || Owner::verify_files(&world.secret, &vault, &first.content_root, &world.path("target"), &Quiet);
    assert!(verify().unwrap().holds());
    std::fs::write(short(&descend(&world.path("target"), &innermost)).join("file"), b"changed").unwrap();
    assert!(!verify().unwrap().holds());
    let commitment = client::Node::snapshot(&*world.node, &vault, Some(1)).unwrap().unwrap().commitment;
    let found = world.owner().differing_files(&commitment, &world.path("target"), 10, &Quiet).unwrap();
    assert_eq!(found.iter().map(|found| &found.path).collect::<Vec<_>>(), [&innermost.join("file")]);

    let mut listed = 0;
    let mut count = |_| {
        listed += 1;
        Ok(())
    };
    world.owner().ls("v", SnapshotRef::Latest, Path::new(""), true, &mut count).unwrap();
    assert_eq!(listed, LEVELS + 1);
    let other = world.path("nothing");
    std::fs::create_dir(&other).unwrap();
    world.owner().backup(BackupOptions::new("v", vec![other])).unwrap();
    let differences = world.owner().diff("v", SnapshotRef::Seq(1), SnapshotRef::Seq(2)).unwrap();
    assert_eq!(differences.len(), LEVELS + 1);
    assert!(differences.iter().all(|difference| difference.change == Change::Removed));
    // What removes temporary directories calls itself for each level.
    for tree in [world.source(), world.path("target")] {
        assert!(std::process::Command::new("rm").arg("-r").arg(tree).status().unwrap().success());
    }
}
