//! The proof that a block is final.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{BlockHash, Ed25519Signature, Height, NetworkId, Round, ValidatorKey};

/// Domain that begins every precommit's signed bytes.
const PRECOMMIT_DOMAIN: &[u8; 24] = b"strongroom/v1/precommit\n";

/// One validator's precommit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CommitSignature {
    /// Who signed.
    pub validator: ValidatorKey,
    /// Ed25519 over [`precommit_sign_bytes`].
    pub signature: Ed25519Signature,
}

/// The precommits that make a block final: of one round, ascending by validator, together more than two thirds of
/// the power of the set that the header names. Unchecked until `verify` has seen it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Certificate {
    /// Height of the block.
    pub height: Height,
    /// Round that decided it.
    pub round: Round,
    /// Hash of the block's header.
    pub block: BlockHash,
    /// The precommits.
    pub signatures: Vec<CommitSignature>,
}

impl Certificate {
    /// Longest encoding a decoder accepts, bytes (256 signatures and change).
    pub const ENCODED_MAX: usize = 32 * 1024;
}

/// The bytes that a validator signs to precommit a block:
/// `"strongroom/v1/precommit\n" | network 32 | height u64 LE | round u32 LE | block hash 32 | validator 32`.
#[must_use]
pub fn precommit_sign_bytes(
    network: &NetworkId,
    height: Height,
    round: Round,
    block: &BlockHash,
    validator: &ValidatorKey,
) -> Vec<u8> {
    let mut bytes = PRECOMMIT_DOMAIN.to_vec();
    (network, height, round, block, validator).encode_to(&mut bytes);
    bytes
}
