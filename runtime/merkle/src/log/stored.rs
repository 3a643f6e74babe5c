//! Where nodes of the log are kept.

use primitives::LogHash;

/// Place of node `index` of `level` in the post-order array of all complete subtrees.
///
/// Same numbers as `stored_hash_index` of Go's `tlog` package. Defined for nodes over at most 2⁶² leaves, more than any
/// log will have; larger arguments saturate.
#[must_use]
#[inline]
pub const fn stored_index(level: u8, index: u64) -> u64 {
    // Leaf `last` completes this node. Before that leaf stand `2·last − ones(last)` nodes, after it its parents by level.
    let leaves = match index.saturating_add(1).checked_shl(level as u32) {
        Some(leaves) => leaves,
        None => u64::MAX,
    };
    let last = leaves.saturating_sub(1);
    stored_count(last).saturating_add(level as u64)
}

/// Number of nodes that a log of `size` leaves has in the post-order array.
#[must_use]
#[inline]
pub const fn stored_count(size: u64) -> u64 {
    size.saturating_mul(2).saturating_sub(size.count_ones() as u64)
}

/// The post-order array of a log's nodes, wherever it is kept.
pub trait NodeSource {
    /// Why a node could not be read.
    type Error: std::error::Error;

    /// The node at a place of the array.
    ///
    /// # Errors
    /// When the place cannot be read or holds nothing.
    fn node(&self, stored_index: u64) -> Result<LogHash, Self::Error>;
}

/// The array ends before the place asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log has no stored node {index}, only {count}")]
pub struct MissingNode {
    /// Place asked for.
    pub index: u64,
    /// Length of the array.
    pub count: usize,
}

/// The whole array in memory: the fastest source.
impl NodeSource for [LogHash] {
    type Error = MissingNode;

    #[inline]
    fn node(&self, stored_index: u64) -> Result<LogHash, MissingNode> {
        let missing = MissingNode { index: stored_index, count: self.len() };
        usize::try_from(stored_index).ok().and_then(|index| self.get(index)).copied().ok_or(missing)
    }
}
