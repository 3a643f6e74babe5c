//! The block header: the bytes that validators agree on.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use crate::{
    BlockHash, ChainId, Domain, Hash32, Height, LogHash, StateRoot, TimestampMs, TreeRoot, ValidatorKey,
    ValidatorsHash, hash_parts,
};

/// The only header version there is.
pub const HEADER_VERSION: u8 = 1;

/// One block's header; every root is the one *after* executing this block, so a header speaks for its own block.
///
/// SCALE, fields in this order, integers little endian (`docs/spec/header.md`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Format version, [`HEADER_VERSION`].
    pub version: u8,
    /// EIP-155 chain id.
    pub chain_id: ChainId,
    /// Position in the chain; genesis is 0.
    pub height: Height,
    /// Hash of the header at `height - 1`; for genesis the network id.
    pub parent: BlockHash,
    /// Proposer's time, strictly greater than the parent's, bounded skew.
    pub timestamp: TimestampMs,
    /// Who proposed the block; zero at genesis.
    pub proposer: ValidatorKey,
    /// Tree over the transactions' EIP-2718 bytes.
    pub transactions_root: TreeRoot,
    /// Tree over the receipts' SCALE bytes.
    pub receipts_root: TreeRoot,
    /// Root of the state tree.
    pub state_root: StateRoot,
    /// Leaves in the snapshot log.
    pub log_size: u64,
    /// RFC 6962 root of the snapshot log at that size.
    pub log_root: LogHash,
    /// Hash of the set that signs this height.
    pub validators: ValidatorsHash,
    /// Hash of the set that signs the next height.
    pub next_validators: ValidatorsHash,
    /// Hash of the network parameters.
    pub params: Hash32,
}

impl Header {
    /// Longest encoding a decoder accepts, bytes.
    pub const ENCODED_MAX: usize = 512;

    /// The block hash: BLAKE3 (domain `header`) of the SCALE bytes.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        hash_parts(Domain::Header, &[&self.encode()]).into()
    }

    /// Decodes exactly one header and checks its version.
    ///
    /// # Errors
    /// [`crate::CodecError`] when malformed, too long, or of an unknown version.
    pub fn decode_exact(bytes: &[u8]) -> Result<Self, crate::CodecError> {
        let value: Self = crate::decode_exact("header", bytes, Self::ENCODED_MAX)?;
        if value.version != HEADER_VERSION {
            return Err(crate::CodecError::Version { what: "header", found: value.version, known: HEADER_VERSION });
        }
        Ok(value)
    }
}
