//! The snapshot log: an append-only Merkle tree as in RFC 6962 and RFC 9162, over SHA-256, so that existing
//! transparency-log tools can read and check it. Leaf data is the SCALE encoding of a commitment.
//!
//! ```text
//!   leaf = SHA-256(0x00 | data)      node = SHA-256(0x01 | left | right)      empty = SHA-256("")
//! ```
//!
//! The runtime keeps only the [`Frontier`] (the roots of the complete subtrees, at most 64 hashes). Whoever serves
//! proofs keeps every node of every *complete* subtree once, in post-order ([`stored_index`]), in an append-only
//! array behind [`NodeSource`]: the nodes near a leaf are then near each other on disk and in memory.
//!
//! ```text
//!   stored   0   1   2   3   4   5   6   7 ...
//!   node    0:0 0:1 1:0 0:2 0:3 1:1 2:0 0:4        (level:index)
//! ```

mod batch;
mod frontier;
mod hash;
mod path;
mod stored;
mod verify;

pub use batch::BatchVerifier;
pub use frontier::Frontier;
pub use hash::{empty_root, leaf_hash, node_hash};
pub use path::{PathError, Prover, consistency_path, inclusion_path};
pub use stored::{MissingNode, NodeSource, stored_count, stored_index};
pub use verify::{verify_consistency, verify_inclusion};
