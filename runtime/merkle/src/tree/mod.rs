//! Merkle trees over lists: `rs_merkle` with our own hasher and our own, stricter verifier.
//!
//! Leaf, node and root each hash under a BLAKE3 key of their own, so that none can pass for another:
//!
//! ```text
//!   leaf = keyed(K_leaf, data)
//!   node = keyed(K_node, left 32 | right 32)          one 64-byte block, one compression
//!   root = keyed(K_root, count u64 LE | top 32)       top of an empty tree: 32 zero bytes
//! ```
//!
//! A node without a right sibling moves up unchanged. `rs_merkle`'s verifier ignores surplus hashes and accepts a proof
//! under several leaf counts; ours demands the exact length, and the root binds the count.

mod hasher;
mod proof;

pub use proof::{TreeProof, prove, root};
