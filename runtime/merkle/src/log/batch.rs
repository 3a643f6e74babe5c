//! Checking many proofs against one root.

use primitives::LogHash;

use super::verify::join;
use super::verify_inclusion;
use crate::ProofError;
use crate::climb::Climb;

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
        Self { size, root, floor, levels }
    }

    /// Checks one proof, as [`verify_inclusion`].
    ///
    /// # Errors
    /// As [`verify_inclusion`].
    pub fn verify(&mut self, leaf: &LogHash, index: u64, path: &[LogHash]) -> Result<(), ProofError> {
        if self.compare(leaf, index, path) {
            return Ok(());
        }
        verify_inclusion(leaf, index, self.size, path, &self.root)?;
        self.remember(leaf, index, path);
        Ok(())
    }

    /// Whether the proof leads to a remembered node and agrees with the remembered nodes above it. `false` decides nothing.
    fn compare(&self, leaf: &LogHash, index: u64, path: &[LogHash]) -> bool {
        let Some(mut climb) = Climb::from_leaf(index, self.size) else { return false };
        let mut hash = *leaf;
        let mut siblings = path.iter();
        loop {
            let (level, position) = climb.position();
            match self.proven(level, position) {
                Some(proven) if *proven == hash => break,
                Some(_) => return false,
                None => {}
            }
            let (Some(step), Some(sibling)) = (climb.next(), siblings.next()) else { return false };
            hash = join(&hash, step.side, sibling);
        }
        for step in climb {
            if siblings.next().is_none_or(|sibling| self.proven(step.level, step.sibling) != Some(sibling)) {
                return false;
            }
        }
        siblings.next().is_none()
    }

    /// Notes the nodes of a proof that has been accepted.
    fn remember(&mut self, leaf: &LogHash, index: u64, path: &[LogHash]) {
        let Some(mut climb) = Climb::from_leaf(index, self.size) else { return };
        let mut hash = *leaf;
        for sibling in path {
            let (level, position) = climb.position();
            self.note(level, position, hash);
            let Some(step) = climb.next() else { return };
            self.note(step.level, step.sibling, *sibling);
            hash = join(&hash, step.side, sibling);
        }
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
