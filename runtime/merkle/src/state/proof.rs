//! Proofs that a key has a value, or none.

use jmt::proof::SparseMerkleProof;
use jmt::{JellyfishMerkleTree, RootHash};
use parity_scale_codec::{Decode, Encode};
use primitives::StateRoot;

use super::StateError;
use super::hasher::StateHasher;
use super::key::jmt_key;
use super::nodes::{Reader, StateNodes, Unreadable, root_node};
use crate::ProofError;

/// Longest proof, bytes: a leaf and 256 siblings of 65 bytes, and two counts.
const BYTES_MAX: usize = 1 + 64 + 4 + 256 * 65;

/// A proof of presence or absence: the borsh bytes of `jmt`'s `SparseMerkleProof` (`docs/spec/state-proof.md`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StateProof(Vec<u8>);

impl StateProof {
    /// A proof from its bytes; nothing is checked before [`Self::verify`].
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The proof's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Checks that `key` has this value under `root`, or none.
    ///
    /// # Errors
    /// [`ProofError::Malformed`] or [`ProofError::State`].
    pub fn verify(&self, root: &StateRoot, key: &[u8], value: Option<&[u8]>) -> Result<(), ProofError> {
        if self.0.len() > BYTES_MAX {
            return Err(ProofError::Malformed {
                reason: format!("{} bytes, at most {BYTES_MAX} allowed", self.0.len()),
            });
        }
        let proof: SparseMerkleProof<StateHasher> =
            borsh::from_slice(&self.0).map_err(|error| ProofError::Malformed { reason: error.to_string() })?;
        proof
            .verify(RootHash((*root).into()), jmt_key(key), value)
            .map_err(|error| ProofError::State { reason: error.to_string() })
    }
}

/// The value of a key at a version, and the proof of it.
///
/// # Errors
/// [`StateError::NoVersion`] when that version does not exist or is pruned; otherwise as reading fails.
pub fn prove<N: StateNodes + ?Sized>(
    nodes: &N,
    version: u64,
    key: &[u8],
) -> Result<(Option<Vec<u8>>, StateProof), StateError> {
    if root_node(nodes, version)?.is_none() {
        return Err(StateError::NoVersion { version });
    }
    let reader = Reader::new(nodes, Unreadable::EmptyLeaf);
    let tree = JellyfishMerkleTree::<_, StateHasher>::new(&reader);
    let (value, proof) = reader.finish(tree.get_with_proof(jmt_key(key), version))?;
    let bytes = borsh::to_vec(&proof).expect("writing to memory does not fail");
    Ok((value, StateProof(bytes)))
}
