//! Checking proofs (RFC 9162, 2.1.3.2 and 2.1.4.2) with exact lengths.

use primitives::LogHash;

use super::path::last_complete;
use super::{empty_root, node_hash};
use crate::ProofError;
use crate::climb::{Climb, Side};

/// Checks that `leaf` is leaf `index` of the log of `size` leaves with this root.
///
/// # Errors
/// [`ProofError::Index`], [`ProofError::PathLength`] or [`ProofError::Root`].
pub fn verify_inclusion(
    leaf: &LogHash,
    index: u64,
    size: u64,
    path: &[LogHash],
    root: &LogHash,
) -> Result<(), ProofError> {
    let climb = Climb::from_leaf(index, size).ok_or(ProofError::Index { index, count: size })?;
    check_length(climb.count(), path)?;
    let found = climb.zip(path).fold(*leaf, |node, (step, sibling)| join(&node, step.side, sibling));
    check_root(root, &found)
}

/// Checks that the log of `new` leaves with `new_root` begins with the log of `old` leaves with `old_root`.
///
/// Every log extends the empty one and itself, with an empty path and the roots as the only evidence.
///
/// # Errors
/// [`ProofError::Sizes`], [`ProofError::PathLength`] or [`ProofError::Root`].
pub fn verify_consistency(
    old: u64,
    old_root: &LogHash,
    new: u64,
    new_root: &LogHash,
    path: &[LogHash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Sizes { old, new });
    }
    if old == 0 {
        check_length(0, path)?;
        check_root(old_root, &empty_root())?;
        return if new == 0 { check_root(new_root, &empty_root()) } else { Ok(()) };
    }
    if old == new {
        check_length(0, path)?;
        return check_root(new_root, old_root);
    }
    let (level, index, last) = last_complete(old, new);
    let climb = Climb::from_node(level, index, last);
    let seeds = usize::from(index != 0);
    check_length(climb.count().saturating_add(seeds), path)?;
    // The old log is one complete subtree when the index is 0; then its root is the start and not in the path.
    let start = if index == 0 { old_root } else { path.first().unwrap_or(old_root) };
    let (mut found_old, mut found_new) = (*start, *start);
    for (step, sibling) in climb.zip(path.iter().skip(seeds)) {
        if step.side == Side::Left {
            found_old = node_hash(sibling, &found_old);
        }
        found_new = join(&found_new, step.side, sibling);
    }
    check_root(old_root, &found_old)?;
    check_root(new_root, &found_new)
}

#[inline]
pub(super) fn join(node: &LogHash, side: Side, sibling: &LogHash) -> LogHash {
    match side {
        Side::Left => node_hash(sibling, node),
        Side::Right => node_hash(node, sibling),
    }
}

fn check_length(expected: usize, path: &[LogHash]) -> Result<(), ProofError> {
    if path.len() == expected { Ok(()) } else { Err(ProofError::PathLength { expected, found: path.len() }) }
}

fn check_root(expected: &LogHash, found: &LogHash) -> Result<(), ProofError> {
    if expected == found {
        Ok(())
    } else {
        Err(ProofError::Root { expected: (*expected).into(), found: (*found).into() })
    }
}

#[cfg(test)]
#[path = "log_test.rs"]
mod tests;
