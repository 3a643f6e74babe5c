//! Writing a version.

use std::collections::BTreeMap;

use jmt::storage::TreeUpdateBatch;
use jmt::{JellyfishMerkleTree, KeyHash, RootHash};
use primitives::{Hash32, StateRoot};

use super::StateError;
use super::hasher::StateHasher;
use super::key::{key_hash, node_key_bytes, root_key};
use super::nodes::{Reader, StateNodes, root_node};

/// What one version writes. All of it goes into one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateUpdate {
    /// Root after the changes.
    pub root: StateRoot,
    /// New nodes: key and bytes.
    pub nodes: Vec<(Vec<u8>, Vec<u8>)>,
    /// New values of this version by key hash; `None` = deleted.
    pub values: Vec<(Hash32, Option<Vec<u8>>)>,
    /// Nodes that no version from the given one on needs: (version, node key). Prune up to version `v` by deleting the
    /// entries with a version ≤ `v`; earlier versions than `v` are then gone.
    pub stale: Vec<(u64, Vec<u8>)>,
}

/// Applies one height's changes over the version before it.
///
/// Changes that change nothing (an equal value, the deletion of an absent key) write nothing. The set of changes may be
/// empty: the version must be written all the same, because the next one stands on it.
///
/// # Errors
/// [`StateError::Gap`] when `version > 0` and the version before it does not exist; [`StateError::Read`] or
/// [`StateError::Damaged`] when nodes cannot be read.
pub fn apply<N: StateNodes + ?Sized>(
    nodes: &N,
    version: u64,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<StateUpdate, StateError> {
    let previous = version.checked_sub(1);
    if let Some(previous) = previous
        && root_node(nodes, previous)?.is_none()
    {
        return Err(StateError::Gap { version, missing: previous });
    }
    let effective = effective(nodes, previous, changes)?;
    let (root, batch) = put(nodes, version, effective)?;
    Ok(update(root, &batch, version))
}

type Change = (KeyHash, Option<Vec<u8>>);

/// The changes that change something: `jmt` makes new nodes even for an equal value.
fn effective<N: StateNodes + ?Sized>(
    nodes: &N,
    previous: Option<u64>,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<Vec<Change>, StateError> {
    let mut effective = Vec::with_capacity(changes.len());
    for (key, value) in changes {
        let hash = key_hash(key);
        let old = match previous {
            Some(previous) => nodes.value(&hash, previous)?,
            None => None,
        };
        if old != *value {
            effective.push((KeyHash(hash.into()), value.clone()));
        }
    }
    Ok(effective)
}

/// Without deletions `jmt`'s batch call gives the same tree in two thirds of the time; it knows no deletions and
/// panics on an empty set.
fn put<N: StateNodes + ?Sized>(
    nodes: &N,
    version: u64,
    changes: Vec<Change>,
) -> Result<(RootHash, TreeUpdateBatch), StateError> {
    let reader = Reader::new(nodes);
    let tree = JellyfishMerkleTree::<_, StateHasher>::new(&reader);
    let insertions: Option<Vec<_>> =
        changes.iter().map(|(key, value)| value.as_ref().map(|value| (*key, value.clone()))).collect();
    match insertions {
        Some(insertions) if !insertions.is_empty() => {
            let result = tree.batch_put_value_sets(vec![insertions], None, version);
            let (roots, batch) = reader.finish(result)?;
            let root = roots.into_iter().next().ok_or_else(|| StateError::damaged("no root for a version"))?;
            Ok((root, batch))
        }
        _ => reader.finish(tree.put_value_set(changes, version)),
    }
}

fn update(root: RootHash, batch: &TreeUpdateBatch, version: u64) -> StateUpdate {
    let nodes = batch
        .node_batch
        .nodes()
        .iter()
        .map(|(key, node)| (node_key_bytes(key), borsh::to_vec(node).expect("writing to memory does not fail")));
    let values = batch.node_batch.values().iter().map(|((_, key), value)| (Hash32::new(key.0), value.clone()));
    let mut stale: Vec<_> = batch
        .stale_node_index_batch
        .iter()
        .map(|index| (index.stale_since_version, node_key_bytes(&index.node_key)))
        .collect();
    // `jmt` does not list the old root when the new one is equal (an empty change set) or when the old tree was empty.
    if let Some(previous) = version.checked_sub(1) {
        let old_root = (version, node_key_bytes(&root_key(previous)));
        if !stale.contains(&old_root) {
            stale.push(old_root);
        }
    }
    StateUpdate { root: StateRoot::new(root.0), nodes: nodes.collect(), values: values.collect(), stale }
}
