//! Making proofs from stored nodes.

use primitives::LogHash;

use super::{NodeSource, node_hash, stored_index};
use crate::climb::{Climb, Step};

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError<E: std::error::Error> {
    /// The leaf is not in a log of that size.
    #[error("leaf {leaf} is outside a log of {size} leaves")]
    Leaf {
        /// Leaf asked for.
        leaf: u64,
        /// Size asked for.
        size: u64,
    },
    /// The older log is not older.
    #[error("a log of {new} leaves cannot extend one of {old}")]
    Sizes {
        /// Size of the older log.
        old: u64,
        /// Size of the newer log.
        new: u64,
    },
    /// A node could not be read.
    #[error(transparent)]
    Source(E),
}

/// The audit path of `leaf` in the log of `size` leaves, leaf to root (RFC 9162, 2.1.3.1). The source may hold more.
///
/// # Errors
/// [`PathError::Leaf`] when `leaf ≥ size`, [`PathError::Source`] when a node cannot be read.
pub fn inclusion_path<S: NodeSource + ?Sized>(
    source: &S,
    leaf: u64,
    size: u64,
) -> Result<Vec<LogHash>, PathError<S::Error>> {
    let climb = Climb::from_leaf(leaf, size).ok_or(PathError::Leaf { leaf, size })?;
    climb.map(|step| subtree(source, step.level, step.sibling, size)).collect()
}

/// The proof that the log of `new` leaves extends the one of `old` leaves (RFC 9162, 2.1.4.1). Empty when `old` is 0 or
/// equal to `new`: then there is nothing to prove beyond the roots.
///
/// # Errors
/// [`PathError::Sizes`] when `old > new`, [`PathError::Source`] when a node cannot be read.
pub fn consistency_path<S: NodeSource + ?Sized>(
    source: &S,
    old: u64,
    new: u64,
) -> Result<Vec<LogHash>, PathError<S::Error>> {
    if old > new {
        return Err(PathError::Sizes { old, new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (level, index, last) = last_complete(old, new);
    let mut path = Vec::new();
    if index != 0 {
        path.push(subtree(source, level, index, new)?);
    }
    for step in Climb::from_node(level, index, last) {
        path.push(subtree(source, step.level, step.sibling, new)?);
    }
    Ok(path)
}

/// The largest complete subtree that ends the log of `old` leaves: its level, its index, and the index of the last node
/// of that level in the log of `new` leaves. A consistency proof climbs from there.
pub(super) fn last_complete(old: u64, new: u64) -> (u8, u64, u64) {
    let (mut level, mut index, mut last) = (0u8, old.saturating_sub(1), new.saturating_sub(1));
    while index & 1 == 1 {
        level = level.saturating_add(1);
        index >>= 1;
        last >>= 1;
    }
    (level, index, last)
}

/// Makes many proofs for one size: the one incomplete subtree of each level is hashed once, when the prover is made.
#[derive(Debug)]
pub struct Prover<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    /// The last node of each level.
    edge: Vec<LogHash>,
}

impl<'a, S: NodeSource + ?Sized> Prover<'a, S> {
    /// A prover for the log of `size` leaves.
    ///
    /// # Errors
    /// [`PathError::Source`] when a node cannot be read.
    pub fn new(source: &'a S, size: u64) -> Result<Self, PathError<S::Error>> {
        let mut edge = Vec::new();
        if let Some(mut last) = size.checked_sub(1) {
            let mut level = 0u8;
            let mut hash = source.node(stored_index(0, last)).map_err(PathError::Source)?;
            edge.push(hash);
            while last != 0 {
                if last & 1 == 1 {
                    let left = source.node(stored_index(level, last ^ 1)).map_err(PathError::Source)?;
                    hash = node_hash(&left, &hash);
                }
                level = level.saturating_add(1);
                last >>= 1;
                edge.push(hash);
            }
        }
        Ok(Self { source, size, edge })
    }

    /// Leaves of the log that proofs are made for.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of that log.
    #[must_use]
    pub fn root(&self) -> LogHash {
        self.edge.last().copied().unwrap_or_else(super::empty_root)
    }

    /// As [`inclusion_path`].
    ///
    /// # Errors
    /// As [`inclusion_path`].
    pub fn inclusion(&self, leaf: u64) -> Result<Vec<LogHash>, PathError<S::Error>> {
        let mut path = Vec::with_capacity(self.edge.len());
        self.inclusion_into(leaf, &mut path)?;
        Ok(path)
    }

    /// As [`inclusion_path`], into a vector that is emptied first, so that many proofs share one allocation.
    ///
    /// # Errors
    /// As [`inclusion_path`].
    pub fn inclusion_into(&self, leaf: u64, path: &mut Vec<LogHash>) -> Result<(), PathError<S::Error>> {
        path.clear();
        let climb = Climb::from_leaf(leaf, self.size).ok_or(PathError::Leaf { leaf, size: self.size })?;
        let last = self.size.saturating_sub(1);
        for Step { level, sibling, .. } in climb {
            let edge = if sibling == last >> level { self.edge.get(usize::from(level)) } else { None };
            path.push(match edge {
                Some(hash) => *hash,
                None => self.source.node(stored_index(level, sibling)).map_err(PathError::Source)?,
            });
        }
        Ok(())
    }
}

/// The root of node `index` of `level` in the log of `size` leaves: stored when it is complete, else hashed from its
/// complete parts.
fn subtree<S: NodeSource + ?Sized>(
    source: &S,
    level: u8,
    index: u64,
    size: u64,
) -> Result<LogHash, PathError<S::Error>> {
    let start = index << level;
    let mut left = size.saturating_sub(start);
    if left >> level != 0 {
        return source.node(stored_index(level, index)).map_err(PathError::Source);
    }
    // From the smallest part to the largest, so that each joins what stands to its right.
    let mut hash: Option<LogHash> = None;
    while left != 0 {
        let part = u8::try_from(left.trailing_zeros()).unwrap_or(u8::MAX);
        left &= left.saturating_sub(1);
        let node = source.node(stored_index(part, start.saturating_add(left) >> part)).map_err(PathError::Source)?;
        hash = Some(hash.map_or(node, |right| node_hash(&node, &right)));
    }
    Ok(hash.unwrap_or_else(super::empty_root))
}
