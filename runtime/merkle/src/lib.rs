//! Proves membership, order and state.
//!
//! Three kinds of tree, each for what it is best at; nobody owns anything here, all of it is arithmetic over hashes:
//!
//! ```text
//!   tree    BLAKE3, domain-separated, root binds the count    transactions, receipts, packs of a snapshot
//!   log     SHA-256, RFC 6962 / RFC 9162, append-only         one leaf per commitment, root in every header
//!   state   Jellyfish Merkle tree over BLAKE3                 accounts, vaults, clusters; root in every header
//! ```
//!
//! Bytes and rules: `docs/spec/hashes.md`, `docs/spec/snapshot-log.md`, `docs/spec/state-proof.md`.
//!
//! ```
//! use merkle::log::{self, Frontier};
//! let mut frontier = Frontier::new();
//! let mut nodes = Vec::new(); // post-order: the index that `push` names is the position in this list
//! for word in ["a", "b", "c"] {
//!     nodes.extend(frontier.push(log::leaf_hash(word.as_bytes())).into_iter().map(|(_, hash)| hash));
//! }
//! let path = log::inclusion_path(nodes.as_slice(), 1, frontier.size())?;
//! log::verify_inclusion(&log::leaf_hash(b"b"), 1, 3, &path, &frontier.root())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod climb;
mod error;
pub mod log;
pub mod state;
pub mod tree;

pub use error::ProofError;

#[cfg(test)]
#[path = "vectors_test.rs"]
mod vectors;
