//! The state tree: a Jellyfish Merkle tree (`jmt`) over BLAKE3, one version per block height.
//!
//! Nobody here stores anything: [`apply`] reads nodes through [`StateNodes`] and returns what to write. Write **every**
//! height, with an empty change set when nothing changed: `jmt` silently starts an empty tree over a missing version,
//! so [`apply`] refuses a gap.
//!
//! ```text
//!   changes (key → value or none)
//!      │ KeyHash = BLAKE3(domain "state key", key)      StateTree = keyed BLAKE3(domain "state tree")
//!      ▼
//!   apply(nodes, height, changes) ──► StateUpdate { root, nodes, values, stale }
//!      write all four in one batch with the block; delete `stale` entries when pruning up to their version
//! ```
//!
//! Node keys are `version u64 BE | number of nibbles u8 | nibbles, two to a byte, high first`: nodes of one height stand
//! together. Node and proof bytes are `jmt`'s borsh encoding (`docs/spec/state-proof.md`).

mod apply;
mod error;
mod hasher;
mod key;
mod nodes;
mod proof;

pub use apply::{StateUpdate, apply};
pub use error::StateError;
pub use key::key_hash;
pub use nodes::StateNodes;
pub use proof::{StateProof, prove};

use primitives::StateRoot;

/// Root of the tree without keys: these ASCII bytes, fixed by `jmt`.
pub const EMPTY_ROOT: StateRoot = StateRoot::new(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// The root at a version; `None` when that version was never written or is pruned.
///
/// # Errors
/// [`StateError`] when the root node cannot be read.
pub fn root<N: StateNodes + ?Sized>(nodes: &N, version: u64) -> Result<Option<StateRoot>, StateError> {
    Ok(nodes::root_node(nodes, version)?.map(|node| hasher::node_root(&node)))
}

#[cfg(test)]
#[path = "memory_test.rs"]
pub(crate) mod memory;
#[cfg(test)]
#[path = "state_test.rs"]
mod tests;
