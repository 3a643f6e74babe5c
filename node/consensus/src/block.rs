//! A block as it travels and waits: header and transactions. Its hash is its header's, which binds the rest.

use parity_scale_codec::{Decode, Encode};
use primitives::{BlockHash, CodecError, Header, ValidatorKey, decode_exact};

/// The only block version there is.
const VERSION: u8 = 1;
/// Room for header and lengths beside the transactions, bytes.
const OVERHEAD_BYTES: usize = 64 * 1024;

/// A proposed or decided block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Block {
    version: u8,
    /// The header; every root in it is after these transactions.
    pub header: Header,
    /// EIP-2718 bytes, in order.
    pub transactions: Vec<Vec<u8>>,
}

impl Block {
    /// A block of the current version.
    pub(crate) const fn new(header: Header, transactions: Vec<Vec<u8>>) -> Self {
        Self { version: VERSION, header, transactions }
    }

    /// The header's hash.
    pub(crate) fn hash(&self) -> BlockHash {
        self.header.hash()
    }

    /// Decodes exactly one block whose transactions are at most `block_bytes_max` bytes.
    pub(crate) fn decode_exact(bytes: &[u8], block_bytes_max: u32) -> Result<Self, CodecError> {
        let block: Self = decode_exact("block", bytes, encoded_bytes_max(block_bytes_max))?;
        if block.version != VERSION {
            return Err(CodecError::Version { what: "block", found: block.version, known: VERSION });
        }
        Ok(block)
    }
}

/// Longest encoding of a block whose transactions are at most `block_bytes_max` bytes. Each transaction is at least
/// 100 bytes and has a length of at most 4 bytes in front.
pub(crate) fn encoded_bytes_max(block_bytes_max: u32) -> usize {
    let bytes = usize::try_from(block_bytes_max).unwrap_or(usize::MAX);
    bytes.saturating_add(bytes / 16).saturating_add(OVERHEAD_BYTES)
}

/// A block that waits for its height's decision: what the engine is told about it again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Undecided {
    version: u8,
    /// Round in which it was proposed.
    pub round: u32,
    /// Round of an earlier polka for it.
    pub valid_round: Option<u32>,
    /// Who proposed it.
    pub proposer: ValidatorKey,
    /// Whether it executes here to what its header says.
    pub valid: bool,
    /// The block.
    pub block: Block,
}

impl Undecided {
    /// A record of the current version.
    pub(crate) const fn new(
        round: u32,
        valid_round: Option<u32>,
        proposer: ValidatorKey,
        valid: bool,
        block: Block,
    ) -> Self {
        Self { version: VERSION, round, valid_round, proposer, valid, block }
    }

    /// Decodes a stored record.
    pub(crate) fn decode_exact(bytes: &[u8]) -> Result<Self, CodecError> {
        let record: Self = decode_exact("undecided block", bytes, usize::MAX)?;
        if record.version != VERSION {
            return Err(CodecError::Version { what: "undecided block", found: record.version, known: VERSION });
        }
        Ok(record)
    }
}
