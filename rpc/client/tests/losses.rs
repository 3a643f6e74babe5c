//! Shards that do not come in time, or not at all.

#![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod fake;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use fake::world::{World, random};
use fake::{tree_of, tree_of_incomplete};

#[test]
fn a_slow_shard_is_not_waited_for_while_others_come() {
    let world = World::new();
    world.write("large", &random(1, 6 << 20));
    world.backup();
    world.node.slow_volumes(&[1]);
    let report = world.assert_restores("one-slow");
    assert!(report.decoded_packs > 0);
    assert_eq!(world.node.slow_reads.load(Ordering::Relaxed), 1, "once in vain, then from the others");
}

#[test]
fn when_too_few_others_come_the_slow_shards_are_waited_for() {
    let world = World::new();
    world.write("large", &random(1, 6 << 20));
    world.backup();
    world.node.slow_volumes(&[0, 1, 5]);
    world.assert_restores("three-slow");
    assert!(world.node.slow_reads.load(Ordering::Relaxed) >= 3);
}

#[test]
fn with_more_volumes_lost_than_allowed_every_lost_file_is_named_and_the_rest_is_there() {
    let world = World::new();
    for n in 0..60 {
        world.write(&format!("directory {}/file {n}", n % 7), &random(n, 200_000));
    }
    world.backup();
    // Three of six, where 4+2 allows two; directories are whole copies on four.
    world.node.lose_volumes(&[1, 4, 5]);
    for cache in ["cache", "empty cache"] {
        let target = world.path(cache).with_extension("restored");
        let options = client::RestoreOptions::new("v", target.clone());
        let report = world.owner_with(cache).restore(options).unwrap();
        let (before, after) = (tree_of(&world.source()), tree_of_incomplete(&target));
        let lost: BTreeSet<_> = report.lost.iter().map(|note| note.path.clone()).collect();
        let missing: BTreeSet<_> = before.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
        assert_eq!(lost, missing, "named are exactly the files that are not there");
        assert!(!lost.is_empty());
        assert!(after.iter().all(|(path, seen)| before.get(path) == Some(seen)), "what is there is as it was");
        // Three of the four data shards are still there; frames that lie wholly in them are read.
        assert!(report.files >= 25, "{} of 60 files", report.files);
    }
}

#[test]
fn what_is_slow_is_not_lost() {
    let world = World::new();
    for n in 0..60 {
        world.write(&format!("file {n}"), &random(n, 200_000));
    }
    world.backup();
    world.node.lose_volumes(&[1, 4, 5]);
    let all_quick = world.restore("quick");
    world.node.slow_volumes(&[0, 2, 3]);
    let all_slow = world.restore("slow");
    assert!(world.node.slow_reads.load(Ordering::Relaxed) > 0);
    let paths = |report: &client::RestoreReport| report.lost.iter().map(|note| note.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&all_slow), paths(&all_quick));
    assert_eq!(tree_of_incomplete(&world.path("slow")), tree_of_incomplete(&world.path("quick")));
}

#[test]
fn what_two_packs_have_is_read_from_the_one_that_is_left() {
    let world = World::new();
    world.write("large", &random(1, 9 << 20));
    world.backup();
    let vault = world.owner().vault_info("v").unwrap().vault;
    let first = world.node.packs_of(&vault);
    let gone: Vec<_> = first.iter().map(|pack| world.node.lose_pack(&pack.header.id())).collect();
    world.backup();
    gone.into_iter().for_each(|gone| world.node.bring_back(gone));
    // The later packs with the same chunks are lost; their whole copies, which manifests are, stay.
    let later: Vec<_> = world.node.packs_of(&vault).split_off(first.len());
    let data: Vec<_> = later.iter().filter(|pack| !pack.header.policy.is_copies()).collect();
    assert!(!data.is_empty());
    for pack in data {
        world.node.lose_pack(&pack.header.id());
    }
    world.assert_restores("target");
    let report =
        world.owner_with("empty cache").restore(client::RestoreOptions::new("v", world.path("other"))).unwrap();
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(tree_of(&world.source()), tree_of(&world.path("other")));
}

#[test]
fn what_is_damaged_is_told_from_what_is_missing() {
    let world = World::new();
    world.write("large", &random(1, 6 << 20));
    world.backup();
    world.node.rot(0, 100);
    world.node.rot(2, 100);
    world.node.lose_volumes(&[4]);
    let report = world.restore("target");
    let [lost] = report.lost.as_slice() else { panic!("{report:?}") };
    assert!(
        lost.reason.contains("3 of the 4 shards that are needed can be read, 2 are damaged and 1 missing"),
        "{lost:?}"
    );
}
