//! Checking many proofs against one root.

use primitives::LogHash;

use super::verify::join;
use super::verify_inclusion;
use crate::ProofError;
use crate::climb::{Climb, Step};

/// Widest level that is remembered, nodes. Two levels of this width and all above take 8 MiB at most.
const REMEMBERED_WIDTH: u64 = 1 << 16;

/// Accepts exactly the proofs that [`verify_inclusion`] accepts, faster when there are many of one log: the upper nodes
/// of every accepted proof are remembered, so that a later proof is hashed only up to a node that is already proven,
/// and compared from there on.
#[derive(Debug)]
pub struct BatchVerifier {
    size: u64,
    root: LogHash,
    /// First level that is remembered.
    floor: u8,
    /// Proven nodes of level `floor`, `floor + 1`, and so on.
    levels: Vec<Vec<Option<LogHash>>>,
    /// Nodes that the proof at hand proves if it holds; kept between calls for its allocation only.
    trail: Vec<(u8, u64, LogHash)>,
}

impl BatchVerifier {
    /// A verifier for the log of `size` leaves with this root.
    #[must_use]
    pub fn new(size: u64, root: LogHash) -> Self {
        let mut floor = 0u8;
        let mut last = size.saturating_sub(1);
        while last >= REMEMBERED_WIDTH {
            last >>= 1;
            floor = floor.saturating_add(1);
        }
        let mut levels = Vec::new();
        while last != 0 {
            let width = usize::try_from(last).unwrap_or(0).saturating_add(1);
            levels.push(vec![None; width]);
            last >>= 1;
        }
        Self { size, root, floor, levels, trail: Vec::new() }
    }

    /// Checks one proof, as [`verify_inclusion`].
    ///
    /// # Errors
    /// As [`verify_inclusion`].
    pub fn verify(&mut self, leaf: &LogHash, index: u64, path: &[LogHash]) -> Result<(), ProofError> {
        if !self.holds(leaf, index, path) {
            return verify_inclusion(leaf, index, self.size, path, &self.root);
        }
        while let Some((level, position, hash)) = self.trail.pop() {
            self.note(level, position, hash);
        }
        Ok(())
    }

    /// Whether the proof leads to the root, or to a proven node and agrees with the proven nodes above it. The trail is
    /// then what it proves.
    fn holds(&mut self, leaf: &LogHash, index: u64, path: &[LogHash]) -> bool {
        self.trail.clear();
        let Some(mut climb) = Climb::from_leaf(index, self.size) else { return false };
        let mut siblings = path.iter();
        let mut hash = *leaf;
        loop {
            let (level, position) = climb.position();
            if let Some(proven) = self.proven(level, position) {
                if *proven != hash {
                    return false;
                }
                break;
            }
            let Some(step) = climb.next() else {
                return hash == self.root && siblings.next().is_none();
            };
            let Some(sibling) = siblings.next() else { return false };
            if level >= self.floor {
                self.trail.push((level, position, hash));
            }
            if step.level >= self.floor {
                self.trail.push((step.level, step.sibling, *sibling));
            }
            hash = join(&hash, step.side, sibling);
        }
        let agrees =
            |step: Step| siblings.next().is_some_and(|hash| self.proven(step.level, step.sibling) == Some(hash));
        climb.all(agrees) && siblings.next().is_none()
    }

    fn proven(&self, level: u8, position: u64) -> Option<&LogHash> {
        let level = usize::from(level.checked_sub(self.floor)?);
        self.levels.get(level)?.get(usize::try_from(position).ok()?)?.as_ref()
    }

    fn note(&mut self, level: u8, position: u64, hash: LogHash) {
        let Some(level) = level.checked_sub(self.floor) else { return };
        let slot = self
            .levels
            .get_mut(usize::from(level))
            .and_then(|nodes| usize::try_from(position).ok().and_then(|position| nodes.get_mut(position)));
        if let Some(slot) = slot {
            *slot = Some(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Frontier, Prover, leaf_hash};
    use super::*;

    #[test]
    fn a_second_proof_is_hashed_to_the_first_remembered_level_only() {
        let size = 3 * REMEMBERED_WIDTH + 7;
        let mut frontier = Frontier::new();
        let mut nodes = Vec::new();
        for leaf in 0..size {
            nodes.extend(frontier.push(leaf_hash(&leaf.to_le_bytes())).into_iter().map(|(_, hash)| hash));
        }
        let prover = Prover::new(nodes.as_slice(), size).unwrap();
        let mut batch = BatchVerifier::new(size, prover.root());
        assert_eq!(batch.floor, 2);
        for leaf in (0..size).step_by(997).chain([size - 1]) {
            let hash = leaf_hash(&leaf.to_le_bytes());
            let path = prover.inclusion(leaf).unwrap();
            batch.verify(&hash, leaf, &path).unwrap();
            assert!(batch.holds(&hash, leaf, &path));
            assert!(batch.trail.is_empty(), "leaf {leaf} goes past a proven node");
            let mut altered = path.clone();
            *altered.last_mut().unwrap() = hash;
            assert!(!batch.holds(&hash, leaf, &altered));
            assert!(batch.verify(&hash, leaf, &altered).is_err());
        }
    }
}
