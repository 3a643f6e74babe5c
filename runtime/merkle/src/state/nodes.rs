//! Reading stored nodes for `jmt`.

use std::cell::RefCell;

use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, ValueHash, Version};
use primitives::Hash32;

use super::StateError;
use super::hasher::StateHasher;
use super::key::{node_key_bytes, root_key};

/// Where nodes and values are kept, exactly as [`super::StateUpdate`] lists them.
pub trait StateNodes {
    /// The node with this key; `None` when there is none.
    ///
    /// # Errors
    /// [`StateError::Read`] when the storage fails.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// The newest value of a key hash that was written at `max_version` or before; `None` when there is none or when
    /// the newest entry is a deletion.
    ///
    /// # Errors
    /// [`StateError::Read`] when the storage fails.
    fn value(&self, key_hash: &Hash32, max_version: u64) -> Result<Option<Vec<u8>>, StateError>;
}

/// The root node of a version.
pub(super) fn root_node<N: StateNodes + ?Sized>(nodes: &N, version: u64) -> Result<Option<Node>, StateError> {
    read(nodes, &root_key(version))
}

fn read<N: StateNodes + ?Sized>(nodes: &N, key: &NodeKey) -> Result<Option<Node>, StateError> {
    let Some(bytes) = nodes.node(&node_key_bytes(key))? else { return Ok(None) };
    borsh::from_slice(&bytes).map(Some).map_err(|error| StateError::damaged(format!("node {key:?}: {error}")))
}

/// What to give `jmt` for a node that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// An error: writing hands it up.
    Error,
    /// A leaf of nothing: making a proof panics over an error. The proof is thrown away afterwards.
    EmptyLeaf,
}

/// `jmt`'s view of a [`StateNodes`]. Remembers the first failure; [`Self::finish`] looks there before it believes a
/// result.
pub(super) struct Reader<'a, N: ?Sized> {
    nodes: &'a N,
    unreadable: Unreadable,
    failure: RefCell<Option<StateError>>,
}

impl<'a, N: StateNodes + ?Sized> Reader<'a, N> {
    pub(super) fn new(nodes: &'a N, unreadable: Unreadable) -> Self {
        Self { nodes, unreadable, failure: RefCell::new(None) }
    }

    /// The result of `jmt`, unless a read failed on the way.
    pub(super) fn finish<T, E: ToString>(&self, result: Result<T, E>) -> Result<T, StateError> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => result.map_err(StateError::damaged),
        }
    }

    fn fail(&self, failure: StateError) -> anyhow::Result<Node> {
        let error = anyhow::Error::msg(failure.to_string());
        self.failure.borrow_mut().get_or_insert(failure);
        match self.unreadable {
            Unreadable::Error => Err(error),
            Unreadable::EmptyLeaf => Ok(empty_leaf()),
        }
    }
}

impl<N: StateNodes + ?Sized> TreeReader for Reader<'_, N> {
    fn get_node(&self, key: &NodeKey) -> anyhow::Result<Node> {
        match self.get_node_option(key)? {
            Some(node) => Ok(node),
            None => self.fail(StateError::damaged(format!("node {key:?} is missing"))),
        }
    }

    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        read(self.nodes, key).or_else(|failure| self.fail(failure).map(Some))
    }

    fn get_value_option(&self, max_version: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        self.nodes.value(&Hash32::new(key.0), max_version).map_err(|failure| {
            let error = anyhow::Error::msg(failure.to_string());
            self.failure.borrow_mut().get_or_insert(failure);
            error
        })
    }

    /// Only restoring asks for it, which nobody here does.
    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

fn empty_leaf() -> Node {
    Node::Leaf(LeafNode::new(KeyHash([0; 32]), ValueHash::with::<StateHasher>([])))
}
