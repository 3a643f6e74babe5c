//! Why a proof does not hold.

use primitives::Hash32;

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not one of the tree's.
    #[error("leaf {index} is outside a tree of {count} leaves")]
    Index {
        /// Index asked for.
        index: u64,
        /// Leaves in the tree.
        count: u64,
    },
    /// The older tree is not older.
    #[error("a tree of {new} leaves cannot extend one of {old}")]
    Sizes {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// The path has not exactly the length that index and count ask for.
    #[error("the proof has {found} hashes where {expected} are needed")]
    PathLength {
        /// Hashes that index and count ask for.
        expected: usize,
        /// Hashes given.
        found: usize,
    },
    /// The path leads to another root.
    #[error("the proof leads to root {found}, expected {expected}")]
    Root {
        /// The root to prove against.
        expected: Hash32,
        /// The root that leaf and path give.
        found: Hash32,
    },
    /// The proof's bytes are no proof.
    #[error("not a proof: {reason}")]
    Malformed {
        /// What the decoder met.
        reason: String,
    },
    /// A state proof that does not show what it should.
    #[error("the state proof does not hold: {reason}")]
    State {
        /// What the check met.
        reason: String,
    },
}
