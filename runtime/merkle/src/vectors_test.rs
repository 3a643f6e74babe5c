//! Trees, log and state pinned by vectors in `tests/conformance/vectors`.

use std::collections::BTreeMap;

use conformance::pinned;
use serde_json::json;

use crate::log::{Frontier, consistency_path, inclusion_path, leaf_hash, verify_consistency, verify_inclusion};
use crate::state::{self, memory::Memory};
use crate::tree;

fn data(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn list<T: AsRef<[u8]>>(hashes: &[T]) -> Vec<String> {
    hashes.iter().map(data).collect()
}

/// Leaves of different lengths: the number of a leaf as often as the number says.
fn leaf(index: u8) -> Vec<u8> {
    vec![index; usize::from(index)]
}

#[test]
fn trees_keep_their_roots_and_proofs() {
    let rows = [0u8, 1, 2, 3, 4, 5, 7, 8, 11].map(|count| {
        let leaves: Vec<_> = (0..count).map(leaf).collect();
        let root = tree::root(&leaves);
        let proofs = (0..count).map(|index| {
            let proof = tree::prove(&leaves, usize::from(index)).unwrap();
            proof.verify(&root, &leaves[usize::from(index)], index.into(), count.into()).unwrap();
            list(proof.path())
        });
        json!({ "leaves": list(&leaves), "root": data(root), "proofs": proofs.collect::<Vec<_>>() })
    });
    pinned("merkle-tree.json", &rows.into_iter().collect());
}

#[test]
fn the_log_keeps_its_roots_and_proofs() {
    let mut frontier = Frontier::new();
    let (mut nodes, mut roots) = (Vec::new(), vec![frontier.root()]);
    for index in 0..11 {
        nodes.extend(frontier.push(leaf_hash(&leaf(index))).into_iter().map(|(_, hash)| hash));
        roots.push(frontier.root());
    }
    let at = |size: u8| &roots[usize::from(size)];
    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    for size in [1u8, 2, 3, 5, 7, 8, 11] {
        for index in 0..size {
            let path = inclusion_path(nodes.as_slice(), index.into(), size.into()).unwrap();
            verify_inclusion(&leaf_hash(&leaf(index)), index.into(), size.into(), &path, at(size)).unwrap();
            inclusion.push(json!({ "leaf": index, "size": size, "path": list(&path) }));
        }
        for old in 0..=size {
            let path = consistency_path(nodes.as_slice(), old.into(), size.into()).unwrap();
            verify_consistency(old.into(), at(old), size.into(), at(size), &path).unwrap();
            consistency.push(json!({ "old": old, "new": size, "path": list(&path) }));
        }
    }
    pinned(
        "merkle-log.json",
        &json!({
            "leaves": list(&(0..11).map(leaf).collect::<Vec<_>>()),
            "leafHashes": list(&(0..11).map(|index| leaf_hash(&leaf(index))).collect::<Vec<_>>()),
            "rootsBySize": list(&roots),
            "storedNodes": list(&nodes),
            "inclusion": inclusion,
            "consistency": consistency,
        }),
    );
}

#[test]
fn the_state_tree_keeps_its_roots_and_proofs() {
    let mut memory = Memory::default();
    let word = |text: &str| text.as_bytes().to_vec();
    let blocks: [BTreeMap<_, _>; 4] = [
        BTreeMap::new(),
        ["a", "b", "c", "account", "vault"]
            .iter()
            .map(|key| (word(key), Some(word(&format!("value of {key}")))))
            .collect(),
        [(word("b"), None), (word("c"), Some(word("changed")))].into(),
        ["a", "c", "account", "vault"].iter().map(|key| (word(key), None)).collect(),
    ];
    let mut rows = Vec::new();
    for (version, changes) in (0u64..).zip(&blocks) {
        let root = memory.write(version, changes).root;
        let proofs = ["a", "b", "c", "nothing"].map(|key| {
            let (value, proof) = state::prove(&memory, version, key.as_bytes()).unwrap();
            proof.verify(&root, key.as_bytes(), value.as_deref()).unwrap();
            json!({ "key": data(key), "value": value.map(data), "proof": data(proof.as_bytes()) })
        });
        let changes: Vec<_> =
            changes.iter().map(|(key, value)| json!({ "key": data(key), "value": value.as_ref().map(data) })).collect();
        rows.push(json!({ "changes": changes, "root": data(root), "proofs": proofs }));
    }
    let keys = ["a", "b"].map(|key| json!({ "key": data(key), "keyHash": data(state::key_hash(key.as_bytes())) }));
    pinned("merkle-state.json", &json!({ "emptyRoot": data(state::EMPTY_ROOT), "keyHashes": keys, "versions": rows }));
}
