//! What a restore does with what is in the place of its files already.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use client::{BackupReport, RestoreOptions, RestoreReport};
use fake::tree_of;
use fake::world::{World, marker, odd_tree, random};

/// Puts the marker of a stopped restore into a target.
fn stop(world: &World, report: &BackupReport) {
    std::fs::write(world.path("target").join(marker(report)), report.commitment.to_string()).unwrap();
}

/// A tree of everything, restored as if the restore had been stopped before its end.
fn stopped() -> (World, BackupReport) {
    let world = World::new();
    odd_tree(&world);
    std::fs::remove_file(world.source().join("fifo")).unwrap();
    let report = world.backup();
    world.assert_restores("target");
    stop(&world, &report);
    (world, report)
}

fn overwrite(world: &World) -> RestoreReport {
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.overwrite = true;
    world.owner().restore(options).unwrap()
}

#[test]
fn a_restore_that_goes_on_leaves_what_was_changed_since() {
    let (world, _) = stopped();
    let mine = [("plain.txt", &b"a week of work"[..]), ("large", b"short now"), ("sub-new", b"new")];
    for (name, content) in mine {
        std::fs::write(world.path("target").join(name), content).unwrap();
    }
    std::fs::remove_file(world.path("target/link")).unwrap();
    std::fs::write(world.path("target/link"), b"a file now").unwrap();
    std::fs::remove_file(world.path("target/text")).unwrap();
    let again = world.restore("target");
    let named: Vec<_> = again.errors.iter().map(|note| note.path.to_str().unwrap().to_owned()).collect();
    // The second name of `large` was the same file: it is changed too.
    assert!(named.iter().any(|path| path == "plain.txt") && named.iter().any(|path| path == "link"), "{named:?}");
    assert!(
        again.errors.iter().all(|note| note.reason.contains("--overwrite") || note.path.ends_with("large-too")),
        "{again:?}"
    );
    for (name, content) in mine {
        assert_eq!(std::fs::read(world.path("target").join(name)).unwrap(), content, "{name}");
    }
    assert_eq!(std::fs::read(world.path("target/link")).unwrap(), b"a file now");
    assert!(world.path("target/text").exists(), "what was missing came back");
    std::fs::remove_file(world.path("target/sub-new")).unwrap();
    assert!(overwrite(&world).errors.is_empty());
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
}

#[test]
fn what_is_in_the_place_of_a_lost_file_stays() {
    let world = World::new();
    for n in 0..40 {
        world.write(&format!("file {n}"), &random(n, 200_000));
    }
    let large = world.write("large", &random(99, 30 << 20));
    std::fs::hard_link(&large, world.source().join("large too")).unwrap();
    world.backup();
    world.node.lose_volumes(&[1, 4, 5]);
    std::fs::create_dir(world.path("target")).unwrap();
    for entry in std::fs::read_dir(world.source()).unwrap() {
        std::fs::write(world.path("target").join(entry.unwrap().file_name()), b"older").unwrap();
    }
    let report = overwrite(&world);
    assert!(report.lost.iter().any(|note| note.path.ends_with("large")), "{report:?}");
    let lost: Vec<_> = report.lost.iter().chain(&report.errors).map(|note| note.path.clone()).collect();
    let mut names = 0;
    for entry in std::fs::read_dir(world.path("target")).unwrap() {
        let entry = entry.unwrap();
        names += usize::from(!entry.file_name().to_str().unwrap().starts_with(".strongroom-restore-"));
        let is_old = std::fs::read(entry.path()).unwrap() == b"older";
        let is_lost = lost.iter().any(|path| path.file_name() == Some(&entry.file_name()));
        assert!(is_old == is_lost || entry.path().to_str().unwrap().contains(".strongroom-restore-"), "{entry:?}");
    }
    assert_eq!(names, 42, "nothing is gone, nothing is left over");
}

#[test]
fn parts_that_a_killed_restore_has_left_are_replaced() {
    let (world, report) = stopped();
    for name in ["text", "plain.txt", "link"] {
        let part = format!("{}-{}", marker(&report), &blake3::hash(name.as_bytes()).to_hex()[..16]);
        std::fs::remove_file(world.path("target").join(name)).unwrap();
        std::fs::write(world.path("target").join(part), b"half").unwrap();
    }
    let again = world.assert_restores("target");
    assert!(again.kept > 0 && again.kept < again.files, "{again:?}");
}

#[test]
fn parts_that_killed_restores_have_left_go_also_where_their_files_are_not_restored_again() {
    let (world, _) = stopped();
    let part = |digit: &str| format!(".strongroom-restore-{}-{}", digit.repeat(16), "0".repeat(16));
    let left = [part("0"), part("f"), format!("deep/er/{}", part("a"))];
    for name in &left {
        std::fs::write(world.path("target").join(name), b"half").unwrap();
    }
    // Names that are only alike are somebody's own.
    let own = [part("g"), part("0").to_uppercase(), format!("{}0", part("0")), format!("x{}", part("0"))];
    for name in &own {
        std::fs::write(world.path("target").join(name), b"own").unwrap();
    }
    let again = world.restore("target");
    // The second name of a file is linked anew, or found to be one.
    assert!(again.kept + 1 == again.files && again.errors.is_empty(), "{again:?}");
    for name in &left {
        assert!(!world.path("target").join(name).exists(), "{name}");
    }
    for name in &own {
        std::fs::remove_file(world.path("target").join(name)).unwrap();
    }
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
}

#[test]
fn a_restore_that_was_killed_before_it_wrote_its_marker_is_begun_again() {
    let world = World::new();
    world.write("file", b"content");
    let report = world.backup();
    std::fs::create_dir(world.path("target")).unwrap();
    std::fs::write(world.path("target").join(format!("{}-0123456789abcdef", marker(&report))), b"half a mark").unwrap();
    assert_eq!(world.restore("target").files, 1);
    assert_eq!(std::fs::read_dir(world.path("target")).unwrap().count(), 1);
}

#[test]
fn only_one_restore_at_a_time_writes_into_a_directory() {
    let world = World::new();
    world.write("file", b"content");
    world.backup();
    std::fs::create_dir(world.path("target")).unwrap();
    let other = std::fs::File::open(world.path("target")).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = world.owner().restore(RestoreOptions::new("v", world.path("target")));
    assert!(matches!(refused, Err(client::ClientError::TargetBusy { .. })), "{refused:?}");
    drop(other);
    world.assert_restores("target");
}

#[test]
fn nothing_is_written_through_a_link_that_is_named_like_the_marker() {
    let world = World::new();
    world.write("file", b"content");
    let report = world.backup();
    let (target, other) = (world.path("target"), world.path("somebody's own"));
    std::fs::create_dir(&target).unwrap();
    std::fs::write(&other, b"own").unwrap();
    std::os::unix::fs::symlink(&other, target.join(marker(&report))).unwrap();
    let done = overwrite(&world);
    assert_eq!((done.files, done.errors.len()), (1, 0), "{done:?}");
    assert_eq!(std::fs::read(&other).unwrap(), b"own");
    assert_eq!(tree_of(&world.source()), tree_of(&target));
}

#[test]
fn a_restore_that_is_stopped_leaves_no_parts() {
    let world = World::new();
    world.write("large", &random(1, 40 << 20));
    world.backup();
    let mut options = RestoreOptions::new("v", world.path("target"));
    let (cancel, target) = (options.cancel.clone(), world.path("target"));
    let parts = move || {
        let entries = std::fs::read_dir(&target).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.to_str().unwrap().rsplit('-').count() == 4).count()
    };
    options.progress = std::sync::Arc::new(StopWhen {
        is_so: Box::new({
            let parts = parts.clone();
            move || parts() == 1
        }),
        cancel,
    });
    let stopped = world.owner().restore(options);
    assert!(matches!(stopped, Err(client::ClientError::Cancelled)), "{stopped:?}");
    assert_eq!(parts(), 0);
    world.assert_restores("target");
}

/// Stops the restore when something is so; looks whenever bytes have come.
struct StopWhen {
    is_so: Box<dyn Fn() -> bool + Send + Sync>,
    cancel: client::Cancel,
}

impl client::Progress for StopWhen {
    fn transferred(&self, _bytes: u64) {
        if (self.is_so)() {
            self.cancel.cancel();
        }
    }
}

#[test]
fn a_restore_goes_on_where_times_are_coarse_and_waits_for_nothing_that_is_named_like_a_marker() {
    let world = World::new();
    world.write("file", &random(1, 70_000));
    world.write("sub/file", &random(2, 3_000));
    let report = world.backup();
    world.assert_restores("target");
    stop(&world, &report);
    let restored = world.path("target/sub/file");
    let exact = std::fs::metadata(&restored).unwrap().modified().unwrap();
    let coarse = exact.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let coarse = std::time::UNIX_EPOCH + std::time::Duration::from_secs(coarse);
    std::fs::File::options().write(true).open(&restored).unwrap().set_modified(coarse).unwrap();
    let fifo = world.path("target/.strongroom-restore-0123456789abcdef");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
    let again = world.restore("target");
    assert!(again.errors.is_empty() && again.lost.is_empty(), "{again:?}");
    assert_eq!((again.kept, again.files), (2, 2));
    std::fs::remove_file(fifo).unwrap();
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
}

#[test]
fn a_file_that_is_kept_gets_its_mode_and_its_attributes_back() {
    let world = World::new();
    let path = world.write("file", &random(1, 70_000));
    let kept = world.write("kept", b"same");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let has_attributes = rustix::fs::setxattr(&path, "user.note", b"mine", rustix::fs::XattrFlags::empty()).is_ok();
    world.backup();
    world.assert_restores("target");
    let (restored, kept) = (world.path("target/file"), world.path("target").join(kept.file_name().unwrap()));
    std::fs::set_permissions(&restored, std::fs::Permissions::from_mode(0o777)).unwrap();
    if has_attributes {
        rustix::fs::setxattr(&restored, "user.note", b"yours", rustix::fs::XattrFlags::empty()).unwrap();
    }
    let before = std::fs::metadata(&kept).unwrap();
    assert_eq!(overwrite(&world).kept, 2);
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("target")));
    let after = std::fs::metadata(&kept).unwrap();
    assert_eq!(
        (before.ctime(), before.ctime_nsec()),
        (after.ctime(), after.ctime_nsec()),
        "nothing to set, nothing set"
    );
}
