//! The state tree, and the traps of `jmt` that it keeps its callers out of.

use proptest::prelude::*;
use std::collections::BTreeMap;

use super::memory::{Changes, Memory};
use super::*;
use crate::ProofError;

fn set(pairs: &[(&str, &str)]) -> Changes {
    pairs.iter().map(|(key, value)| (key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()))).collect()
}

fn delete(keys: &[&str]) -> Changes {
    keys.iter().map(|key| (key.as_bytes().to_vec(), None)).collect()
}

fn many(range: std::ops::Range<u32>, value: &str) -> Changes {
    range.map(|key| (key.to_le_bytes().to_vec(), Some(value.as_bytes().to_vec()))).collect()
}

#[test]
fn a_skipped_version_is_refused_instead_of_starting_an_empty_tree() {
    let mut memory = Memory::default();
    let one = set(&[("a", "1")]);
    assert_eq!(apply(&memory, 1, &one), Err(StateError::Gap { version: 1, missing: 0 }));
    memory.write(0, &one);
    assert_eq!(apply(&memory, 2, &one), Err(StateError::Gap { version: 2, missing: 1 }));
    assert!(apply(&memory, 1, &one).is_ok());
}

#[test]
fn an_empty_change_set_keeps_the_root_writes_one_node_and_leaks_none() {
    let mut memory = Memory::default();
    let first = memory.write(0, &many(0..50, "x"));
    for version in 1..20 {
        let update = memory.write(version, &Changes::new());
        assert_eq!(update.root, first.root);
        assert_eq!((update.nodes.len(), update.values.len()), (1, 0));
        assert_eq!(update.stale.len(), 1, "the root before it");
    }
    memory.prune(19);
    assert_eq!(memory.nodes.len(), first.nodes.len(), "pruned to one version, nothing is left over");
    let (value, proof) = prove(&memory, 19, &7u32.to_le_bytes()).unwrap();
    proof.verify(&first.root, &7u32.to_le_bytes(), value.as_deref()).unwrap();
}

#[test]
fn changes_that_change_nothing_write_nothing() {
    let mut memory = Memory::default();
    let first = memory.write(0, &many(0..50, "x"));
    let mut same = many(10..20, "x");
    same.extend(delete(&["nobody", "was", "ever", "here"]));
    let update = memory.write(1, &same);
    assert_eq!(update.root, first.root);
    assert_eq!((update.nodes.len(), update.values.len()), (1, 0));
    let update = memory.write(2, &many(10..11, "y"));
    assert_eq!(update.values.len(), 1);
}

#[test]
fn deleting_an_absent_key_from_an_empty_tree_is_no_error() {
    let mut memory = Memory::default();
    assert_eq!(memory.write(0, &delete(&["a"])).root, EMPTY_ROOT);
    assert_eq!(memory.write(1, &delete(&["a", "b"])).root, EMPTY_ROOT);
}

#[test]
fn the_empty_root_is_a_constant_and_comes_back_when_all_is_deleted() {
    let mut memory = Memory::default();
    assert_eq!(memory.write(0, &Changes::new()).root, EMPTY_ROOT);
    assert_ne!(memory.write(1, &set(&[("a", "1"), ("b", "2")])).root, EMPTY_ROOT);
    assert_eq!(memory.write(2, &delete(&["a", "b"])).root, EMPTY_ROOT);
    let (value, proof) = prove(&memory, 2, b"a").unwrap();
    assert_eq!(value, None);
    proof.verify(&EMPTY_ROOT, b"a", None).unwrap();
    assert_eq!(memory.write(3, &Changes::new()).root, EMPTY_ROOT);
    memory.write(4, &set(&[("a", "1")]));
    memory.prune(4);
    assert_eq!(memory.nodes.len(), 1);
}

#[test]
fn unknown_and_pruned_versions_are_named() {
    let mut memory = Memory::default();
    assert_eq!(root(&memory, 0), Ok(None));
    assert_eq!(prove(&memory, 0, b"a"), Err(StateError::NoVersion { version: 0 }));
    memory.write(0, &many(0..20, "x"));
    memory.write(1, &many(0..20, "y"));
    memory.prune(1);
    assert_eq!(prove(&memory, 0, b"a"), Err(StateError::NoVersion { version: 0 }));
    assert!(prove(&memory, 1, b"a").is_ok());
}

#[test]
fn every_unreadable_or_damaged_node_is_an_error_and_no_panic() {
    let mut memory = Memory::default();
    memory.write(0, &many(0..60, "x"));
    let keys: Vec<_> = memory.nodes.keys().cloned().collect();
    let changes = many(0..60, "y");
    let deletions: Changes = (0..30u32).map(|key| (key.to_le_bytes().to_vec(), None)).collect();
    for key in keys {
        *memory.broken.lock().unwrap() = Some(key.clone());
        let mut failed = 0;
        for state_key in 0..60u32 {
            match prove(&memory, 0, &state_key.to_le_bytes()) {
                Ok(_) => {}
                Err(StateError::Read { .. }) => failed += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(failed > 0, "each node is needed for some proof");
        assert!(matches!(apply(&memory, 1, &changes), Err(StateError::Read { .. })));
        assert!(matches!(apply(&memory, 1, &deletions), Ok(_) | Err(StateError::Read { .. })));
        *memory.broken.lock().unwrap() = None;
        let bytes = memory.nodes.remove(&key).unwrap();
        for state_key in 0..60u32 {
            let _: Result<_, StateError> = prove(&memory, 0, &state_key.to_le_bytes());
        }
        assert!(apply(&memory, 1, &changes).is_err());
        memory.nodes.insert(key.clone(), bytes[..bytes.len() - 1].to_vec());
        assert!(matches!(apply(&memory, 1, &changes), Err(StateError::Damaged { .. })));
        memory.nodes.insert(key, bytes);
    }
}

#[test]
fn altered_state_proofs_are_refused() {
    let mut memory = Memory::default();
    let root = memory.write(0, &many(0..200, "x")).root;
    for key in [&7u32.to_le_bytes()[..], b"absent"] {
        let (value, proof) = prove(&memory, 0, key).unwrap();
        proof.verify(&root, key, value.as_deref()).unwrap();
        assert!(proof.verify(&root, b"other", value.as_deref()).is_err());
        assert!(proof.verify(&root, key, Some(b"z")).is_err());
        assert!(proof.verify(&EMPTY_ROOT, key, value.as_deref()).is_err());
        assert_eq!(proof.verify(&root, key, None).is_ok(), value.is_none());
        for position in 0..proof.as_bytes().len() {
            for bit in 0..8 {
                let mut bytes = proof.as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                assert!(
                    StateProof::new(bytes).verify(&root, key, value.as_deref()).is_err(),
                    "byte {position} bit {bit}"
                );
            }
        }
        for length in 0..proof.as_bytes().len() {
            assert!(StateProof::new(proof.as_bytes()[..length].to_vec()).verify(&root, key, value.as_deref()).is_err());
        }
        let mut longer = proof.as_bytes().to_vec();
        longer.push(0);
        assert!(matches!(
            StateProof::new(longer).verify(&root, key, value.as_deref()),
            Err(ProofError::Malformed { .. })
        ));
    }
    assert!(matches!(StateProof::new(vec![0; 1 << 20]).verify(&root, b"a", None), Err(ProofError::Malformed { .. })));
}

fn change() -> impl Strategy<Value = (Vec<u8>, Option<Vec<u8>>)> {
    ((0u8..40).prop_map(|key| vec![key]), prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..4)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_behaves_like_a_map_whose_root_depends_on_its_contents_only(
        blocks in prop::collection::vec(prop::collection::btree_map(change().prop_map(|c| c.0), change().prop_map(|c| c.1), 0..20), 1..12),
        keep_back in 0u64..3,
    ) {
        let mut memory = Memory::default();
        let mut model = BTreeMap::new();
        let mut history = Vec::new();
        for (version, changes) in (0u64..).zip(&blocks) {
            let root = memory.write(version, changes).root;
            for (key, value) in changes {
                match value {
                    Some(value) => model.insert(key.clone(), value.clone()),
                    None => model.remove(key),
                };
            }
            let fresh: Changes = model.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
            prop_assert_eq!(apply(&Memory::default(), 0, &fresh).unwrap().root, root);
            history.push((root, model.clone()));
        }
        let latest = u64::try_from(history.len()).unwrap() - 1;
        let oldest = latest.saturating_sub(keep_back);
        memory.prune(oldest);
        for (version, (root, model)) in (0u64..).zip(&history) {
            if version < oldest {
                prop_assert!(prove(&memory, version, &[0]).is_err());
                continue;
            }
            for key in 0u8..42 {
                let (value, proof) = prove(&memory, version, &[key]).unwrap();
                prop_assert_eq!(value.as_ref(), model.get(&vec![key]));
                prop_assert!(proof.verify(root, &[key], value.as_deref()).is_ok());
                prop_assert!(proof.verify(root, &[key], Some(b"never a value")).is_err());
            }
        }
        if oldest == latest {
            let fresh: Changes = history.last().unwrap().1.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
            let alone = apply(&Memory::default(), 0, &fresh).unwrap();
            prop_assert_eq!(memory.nodes.len(), alone.nodes.len(), "nothing leaks");
        }
    }
}
