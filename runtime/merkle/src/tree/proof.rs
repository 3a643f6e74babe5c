//! Roots of lists and proofs that an element is in one.

use parity_scale_codec::{Decode, Encode};
use primitives::{Hash32, TreeRoot};
use rs_merkle::{Hasher, MerkleTree};
use serde::{Deserialize, Serialize};

use super::hasher::{TreeHasher, bind_count};
use crate::ProofError;
use crate::climb::{Climb, Side};

/// The top of a tree without leaves.
const EMPTY_TOP: [u8; 32] = [0; 32];

/// The siblings from a leaf to the top, bottom up; exactly as many as index and count ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreeProof(Vec<Hash32>);

/// The root over a list of leaf data of any length; an empty list has a root of its own.
#[must_use]
pub fn root<T: AsRef<[u8]>>(leaves: &[T]) -> TreeRoot {
    bind_count(len(leaves), &build(leaves).root().unwrap_or(EMPTY_TOP))
}

/// The proof that `leaves[index]` is in the list; `None` when there is no such leaf.
#[must_use]
pub fn prove<T: AsRef<[u8]>>(leaves: &[T], index: usize) -> Option<TreeProof> {
    if index >= leaves.len() {
        return None;
    }
    let path = build(leaves).proof(&[index]);
    Some(TreeProof(path.proof_hashes().iter().map(|hash| Hash32::new(*hash)).collect()))
}

impl TreeProof {
    /// A proof from its siblings, bottom up; nothing is checked before [`Self::verify`].
    #[must_use]
    pub const fn new(path: Vec<Hash32>) -> Self {
        Self(path)
    }

    /// The siblings, bottom up.
    #[must_use]
    pub fn path(&self) -> &[Hash32] {
        &self.0
    }

    /// Checks that `leaf_data` is leaf `index` of the `count` leaves under `root`.
    ///
    /// # Errors
    /// [`ProofError::Index`], [`ProofError::PathLength`] or [`ProofError::Root`].
    pub fn verify(&self, root: &TreeRoot, leaf_data: &[u8], index: u64, count: u64) -> Result<(), ProofError> {
        let climb = Climb::from_leaf(index, count).ok_or(ProofError::Index { index, count })?;
        let expected = climb.count();
        if expected != self.0.len() {
            return Err(ProofError::PathLength { expected, found: self.0.len() });
        }
        let top = climb.zip(&self.0).fold(TreeHasher::hash(leaf_data), |node, (step, sibling)| match step.side {
            Side::Left => TreeHasher::concat_and_hash(sibling.as_bytes(), Some(&node)),
            Side::Right => TreeHasher::concat_and_hash(&node, Some(sibling.as_bytes())),
        });
        let found = bind_count(count, &top);
        if found == *root { Ok(()) } else { Err(ProofError::Root { expected: (*root).into(), found: found.into() }) }
    }
}

fn build<T: AsRef<[u8]>>(leaves: &[T]) -> MerkleTree<TreeHasher> {
    let hashes: Vec<_> = leaves.iter().map(|leaf| TreeHasher::hash(leaf.as_ref())).collect();
    MerkleTree::from_leaves(&hashes)
}

fn len<T>(leaves: &[T]) -> u64 {
    u64::try_from(leaves.len()).expect("a length fits 64 bits")
}

#[cfg(test)]
#[path = "proof_test.rs"]
mod tests;
