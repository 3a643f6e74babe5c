//! What must not get lost when caches, disks or paths are not as one would expect.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use client::{BackupOptions, Client, ClientError, RestoreOptions};
use fake::tree_of_incomplete;
use fake::world::{World, age, find, marker, random};

/// The directory cache of the only backup that has run.
fn trees(world: &World) -> PathBuf {
    let mut todo = vec![world.path("cache")];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().unwrap().to_str().unwrap().starts_with("trees-") {
            return path;
        }
    }
    panic!("no directory cache")
}

#[test]
fn what_a_killed_backup_left_in_the_cache_goes_with_the_next_one_and_not_while_one_runs() {
    let world = World::new();
    world.write("file", b"file");
    world.backup();
    let cache = trees(&world).parent().unwrap().to_path_buf();
    let leftover = cache.join(".tmpAbCdEf");
    std::fs::write(&leftover, b"half a cache").unwrap();
    let running = std::fs::File::open(cache.join("lock")).unwrap();
    rustix::fs::flock(&running, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = world.owner().backup(BackupOptions::new("v", vec![world.source()]));
    assert!(matches!(refused, Err(ClientError::Busy { .. })), "{refused:?}");
    world.restore("target");
    assert!(leftover.exists(), "it may be the running one's");
    drop(running);
    world.backup();
    assert!(!leftover.exists());
    assert!(trees(&world).exists() && find(&cache, "index").exists());
}

#[test]
fn damaged_details_in_the_directory_cache_lose_no_files() {
    let world = World::new();
    (0..20).for_each(|n| drop(world.write(&format!("file-{n}"), &random(n, 2_000))));
    let changing = world.write("sub/changes", b"before");
    age(&changing);
    world.backup();
    // The details are everything between the header and the summaries.
    let path = trees(&world);
    let mut bytes = std::fs::read(&path).unwrap();
    let footer = bytes.len() - 24;
    let end = usize::try_from(u64::from_le_bytes(bytes[footer..footer + 8].try_into().unwrap())).unwrap();
    bytes[24..end].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&path, &bytes).unwrap();
    // In place: the directory above is as it was, so its other files come from the cache.
    std::fs::OpenOptions::new().write(true).open(&changing).unwrap().write_at(b"after", 0).unwrap();
    let report = world.backup();
    assert_eq!(report.files, 21);
    world.assert_restores("target");
}

/// Names everything beside the way to `path` from the root, so that a backup of `/` is a small one.
fn beside(path: &Path) -> Vec<String> {
    let mut excludes = Vec::new();
    for (above, below) in path.ancestors().skip(1).zip(path.ancestors()) {
        let others =
            std::fs::read_dir(above).unwrap().map(|entry| entry.unwrap().path()).filter(|other| other != below);
        excludes.extend(others.map(|other| globset::escape(other.to_str().unwrap())));
    }
    excludes
}

#[test]
fn the_root_directory_among_several_paths_is_backed_up_whole() {
    let world = World::new();
    let (one, two) = (world.write("one", b"1"), world.write("two", b"2").canonicalize().unwrap());
    for (target, paths) in [("a", vec!["/".into(), one]), ("b", vec!["/".into(), "/".into()])] {
        let mut options = BackupOptions::new("v", paths);
        options.excludes = beside(&world.source().canonicalize().unwrap());
        world.owner().backup(options).unwrap();
        world.restore(target);
        let restored = world.path(target).join(two.strip_prefix("/").unwrap());
        assert_eq!(std::fs::read(restored).unwrap(), b"2", "{target}");
    }
}

/// Does something when the first path is noted: after all were looked at, before any is walked.
struct AtFirstNote(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl client::Progress for AtFirstNote {
    fn note(&self, _note: &client::Note) {
        if let Some(act) = self.0.lock().unwrap().take() {
            act();
        }
    }
}

#[test]
fn a_path_that_vanishes_is_noted_and_keeps_no_other_away() {
    let world = World::new();
    world.write("gone/a/tree/file", b"1");
    world.write("other/file", b"2");
    let backup = |paths: &[&str], vanishes: &'static str| {
        let paths = paths.iter().map(|path| world.source().join(path)).collect();
        let mut options = BackupOptions::new("v", paths);
        let (from, to) = (world.source().join(vanishes), world.path("aside"));
        let act = move || std::fs::rename(from, to).unwrap();
        options.progress = Arc::new(AtFirstNote(Mutex::new(Some(Box::new(act)))));
        let report = world.owner().backup(options);
        std::fs::rename(world.path("aside"), world.source().join(vanishes)).unwrap();
        report
    };
    // A directory on the way, the directory itself, and a file.
    for vanishes in ["gone/a", "gone/a/tree", "gone/a/tree/file"] {
        let named = if vanishes == "gone/a/tree/file" { vanishes } else { "gone/a/tree" };
        let report = backup(&["was never there", named, "other"], vanishes).unwrap();
        let noted: Vec<_> = report.errors.iter().map(|note| note.path.clone()).collect();
        assert_eq!(noted, [world.source().join("was never there"), world.source().join(vanishes)], "{report:?}");
        assert_eq!(report.files, 1, "the other is there");
    }
    let taken = world.owner().snapshots("v").unwrap().len();
    let nothing = backup(&["was never there", "gone/a/tree"], "gone/a");
    assert!(matches!(nothing, Err(ClientError::Path { .. })), "{nothing:?}");
    assert_eq!(world.owner().snapshots("v").unwrap().len(), taken, "nothing is no snapshot");
}

#[test]
fn a_fifo_that_is_named_is_skipped_with_a_note() {
    let world = World::new();
    let (fifo, file) = (world.source().join("fifo"), world.write("file", b"file"));
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
    for (paths, files) in [(vec![fifo.clone()], 0), (vec![fifo, file], 1)] {
        let report = world.owner().backup(BackupOptions::new("v", paths)).unwrap();
        assert_eq!((report.files, report.skipped.len(), report.errors.len()), (files, 1, 0), "{report:?}");
        assert!(report.skipped[0].path.ends_with("fifo"));
    }
}

/// Runs the calling test again in a process that survives files longer than its limit.
fn in_limited_process(name: &str, test: impl FnOnce()) {
    if std::env::var_os("CLIENT_LIMITED").is_some() {
        return test();
    }
    let status = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env("CLIENT_LIMITED", "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn limit_file_size(bytes: Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_leaves_no_part_behind() {
    in_limited_process("a_file_that_cannot_be_written_leaves_no_part_behind", || {
        let world = World::new();
        world.write("fits", &random(1, 3_000));
        world.write("one-chunk", &random(2, 200_000));
        world.write("parts", &random(3, 9 << 20));
        world.write("more-parts", &random(4, 9 << 20));
        world.write("zeros", &vec![0; 9 << 20]);
        world.backup();
        limit_file_size(Some(50_000));
        let mut options = RestoreOptions::new("v", world.path("target"));
        options.overwrite = true;
        std::fs::create_dir(world.path("target")).unwrap();
        std::fs::create_dir(world.path("target/parts")).unwrap();
        let report = Client::with_node(world.node.clone()).unwrap().owner(world.secret.clone()).restore(options);
        limit_file_size(None);
        let report = report.unwrap();
        assert_eq!((report.files, report.errors.len()), (1, 4), "{report:?}");
        // What was there before and is in the way stays.
        assert_eq!(
            tree_of_incomplete(&world.path("target")).into_keys().collect::<Vec<_>>(),
            ["fits", "parts"].map(PathBuf::from)
        );
    });
}

#[test]
fn a_recorded_snapshot_is_reported_even_if_the_caches_cannot_be_written() {
    in_limited_process("a_recorded_snapshot_is_reported_even_if_the_caches_cannot_be_written", || {
        let world = World::new();
        world.write("file", &random(1, 3_000));
        world.node.on_snapshot(|| limit_file_size(Some(0)));
        let report = world.owner().backup(BackupOptions::new("v", vec![world.source()]));
        limit_file_size(None);
        assert_eq!(report.unwrap().snapshot, 1);
        world.node.on_snapshot(|| ());
        assert_eq!(world.backup().new_bytes, 0);
        world.assert_restores("target");
    });
}

#[test]
fn files_named_like_a_marker_are_restored() {
    let world = World::new();
    let report = world.backup();
    world.write(&marker(&report), b"mine");
    world.write(".strongroom-restore", b"mine too");
    world.write(".strongroom-restore-", b"and this");
    world.backup();
    world.assert_restores("target");
}

#[test]
fn a_resumed_restore_gives_the_root_its_metadata() {
    let world = World::new();
    world.write("file", b"file");
    let source = world.source();
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o710)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::open(&source).unwrap().set_modified(time).unwrap();
    let report = world.backup();
    // Stopped right after the target was made; its marker is taken from a restore that is stopped.
    let mut options = RestoreOptions::new("v", world.path("target"));
    options.cancel.cancel();
    options.overwrite = false;
    assert!(world.owner().restore(options).is_err());
    assert!(world.path("target").join(marker(&report)).exists());
    world.assert_restores("target");
    let made = std::fs::metadata(world.path("target")).unwrap();
    assert_eq!((made.permissions().mode() & 0o7777, made.modified().unwrap()), (0o710, time));
}

#[test]
fn what_was_in_lost_packs_is_stored_again() {
    let world = World::new();
    world.write("large", &random(1, 9 << 20));
    let small = world.write("sub/small", &random(2, 3_000));
    age(&small);
    world.backup();
    for pack in world.node.packs_of(&world.owner().vault_info("v").unwrap().vault) {
        world.node.lose_pack(&pack.header.id());
    }
    let report = world.backup();
    assert!(report.new_bytes > 9 << 20, "{} new bytes", report.new_bytes);
    world.assert_restores("target");
    assert_eq!(world.backup().new_bytes, 0, "it is stored once");
    // From a machine that knows nothing, and an object too.
    let owner = world.owner_with("other");
    assert_eq!(owner.backup(BackupOptions::new("v", vec![world.source()])).unwrap().new_bytes, 0);
}
