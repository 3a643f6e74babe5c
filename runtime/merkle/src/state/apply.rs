//! Writing a version.

use std::collections::BTreeMap;

use jmt::storage::TreeUpdateBatch;
use jmt::{JellyfishMerkleTree, KeyHash, RootHash};
use primitives::{Hash32, StateRoot};

use super::StateError;
use super::hasher::StateHasher;
use super::key::{key_hash, node_key_bytes, root_key};
use super::nodes::{Reader, StateNodes, Unreadable, root_node};

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
fn put<N: StateNodes + ?Sized>(nodes: &N, version: u64, changes: Vec<Change>) -> Result<Put, StateError> {
    let insertions: Option<Vec<_>> =
        changes.iter().map(|(key, value)| value.as_ref().map(|value| (*key, value.clone()))).collect();
    match insertions {
        Some(insertions) if !insertions.is_empty() => put_batch(nodes, version, insertions),
        _ => put_plain(nodes, version, changes),
    }
}

type Put = (RootHash, TreeUpdateBatch);

fn put_batch<N: StateNodes + ?Sized>(
    nodes: &N,
    version: u64,
    insertions: Vec<(KeyHash, Vec<u8>)>,
) -> Result<Put, StateError> {
    let reader = Reader::new(nodes, Unreadable::Error);
    let tree = JellyfishMerkleTree::<_, StateHasher>::new(&reader);
    let (roots, batch) = reader.finish(tree.batch_put_value_sets(vec![insertions], None, version))?;
    let root = roots.into_iter().next().ok_or_else(|| StateError::damaged("no root for a version"))?;
    Ok((root, batch))
}

fn put_plain<N: StateNodes + ?Sized>(nodes: &N, version: u64, changes: Vec<Change>) -> Result<Put, StateError> {
    let reader = Reader::new(nodes, Unreadable::Error);
    reader.finish(JellyfishMerkleTree::<_, StateHasher>::new(&reader).put_value_set(changes, version))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::memory::Memory;
    use super::*;

    fn insertions() -> impl Strategy<Value = BTreeMap<u16, u8>> {
        prop::collection::btree_map(any::<u16>(), any::<u8>(), 1..400)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_calls_of_jmt_write_the_same(first in insertions(), second in insertions()) {
            let mut memory = Memory::default();
            let changes: BTreeMap<_, _> =
                first.iter().map(|(key, value)| (key.to_le_bytes().to_vec(), Some(vec![*value]))).collect();
            memory.write(0, &changes);
            let key = |key: &u16| KeyHash(key_hash(&key.to_le_bytes()).into());
            let batch = second.iter().map(|(k, value)| (key(k), vec![*value])).collect();
            let plain = second.iter().map(|(k, value)| (key(k), Some(vec![*value]))).collect();
            let (root, batch) = put_batch(&memory, 1, batch).unwrap();
            let (plain_root, plain) = put_plain(&memory, 1, plain).unwrap();
            prop_assert_eq!(update(root, &batch, 1), update(plain_root, &plain, 1));
        }
    }
}
