//! What must not get lost when caches, disks or paths are not as one would expect.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::os::unix::fs::FileExt;
use std::path::Path;

use client::BackupOptions;
use fake::world::{World, age, random};

/// The directory cache of the only backup that has run.
fn trees(world: &World) -> std::path::PathBuf {
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
