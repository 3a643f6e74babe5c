//! BLAKE3 as `jmt` wants it.

use std::sync::LazyLock;

use jmt::SimpleHasher;
use jmt::storage::Node;
use primitives::{Domain, StateRoot};

use super::EMPTY_ROOT;

static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| Domain::StateTree.key());

/// Keyed BLAKE3 of the domain `state tree`; `jmt` itself puts different prefixes before leaves and inner nodes.
#[derive(Debug)]
pub(super) struct StateHasher(blake3::Hasher);

impl SimpleHasher for StateHasher {
    fn new() -> Self {
        Self(blake3::Hasher::new_keyed(&KEY))
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The root hash of a tree with this root node.
pub(super) fn node_root(node: &Node) -> StateRoot {
    match node {
        Node::Null => EMPTY_ROOT,
        Node::Internal(inner) => StateRoot::new(inner.hash::<StateHasher>()),
        Node::Leaf(leaf) => StateRoot::new(leaf.hash::<StateHasher>()),
    }
}
