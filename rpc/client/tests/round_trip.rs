//! Whole backups and restores against a node in memory.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;

use client::{BackupOptions, RestoreOptions, VaultOptions};
use fake::world::{World, age, find, marker, odd_tree, random};
use fake::{tree_of, tree_of_incomplete};

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
    let (mut before, after) = (tree_of(&world.source()), tree_of_incomplete(&world.path("target")));
    before.remove(lost);
    assert_eq!(before, after);
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
