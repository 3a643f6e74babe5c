//! Why coding, checking or decoding fails.

use primitives::{PackHeaderError, Policy, ShardId};

/// Why coding, checking or decoding fails. All are the input's fault and permanent, but for
/// [`CodingError::NotEnough`], which more shards mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// The header breaks its own rules.
    #[error("the pack's header is not valid: {0}")]
    Header(#[from] PackHeaderError),
    /// A pack that cannot be cut into `k` shards of whole 64-byte blocks.
    #[error(
        "a pack of {found} bytes cannot be cut for policy {policy}: it needs a positive multiple of {unit}, at most {max}"
    )]
    PackLength {
        /// The policy asked for.
        policy: Policy,
        /// Length of the pack, bytes.
        found: usize,
        /// What it must be a multiple of, bytes: `64·k`.
        unit: usize,
        /// Longest pack of this policy, bytes.
        max: usize,
    },
    /// A buffer given for the result has another length than the result.
    #[error("the {what} buffer has {found} bytes, it must have {expected}")]
    BufferLength {
        /// Which buffer.
        what: &'static str,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// An index beyond the pack's shards.
    #[error("shard index {found} is out of range: the pack has {width} shards")]
    Index {
        /// Shards of the pack.
        width: u8,
        /// Index given.
        found: u8,
    },
    /// A shard of another length than the header says.
    #[error("shard {index} has {found} bytes, the header says {expected}")]
    ShardLength {
        /// Its index.
        index: u8,
        /// Bytes that the header says.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// Bytes that are not the shard's: rotten, swapped or forged.
    #[error("shard {index} is not the one in the header: expected {expected}, found {found}")]
    ShardHash {
        /// Its index.
        index: u8,
        /// Id in the header.
        expected: ShardId,
        /// Id of the bytes given.
        found: ShardId,
    },
    /// Fewer than `k` shards.
    #[error("{have} shards are at hand, {need} are needed")]
    NotEnough {
        /// Distinct shards given.
        have: u8,
        /// Shards needed: `k`.
        need: u8,
    },
    /// The shards in the header are not the code of one pack: whoever made the pack made it wrong. The shard that was
    /// computed is not the one in the header.
    #[error("the pack was encoded wrongly by its maker: shard {index} computes to {found}, the header says {expected}")]
    Inconsistent {
        /// The shard that was computed.
        index: u8,
        /// Id in the header.
        expected: ShardId,
        /// Id of the computed bytes.
        found: ShardId,
    },
    /// A column range that is empty, not on 64-byte borders, or beyond the shard's end.
    #[error(
        "bytes {start}..{end} of a shard cannot be decoded alone: use 64-byte borders inside its {shard_len} bytes"
    )]
    Columns {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Length of the shard, bytes.
        shard_len: u64,
    },
    /// The code refused its input; the checks before make this impossible, so it points to a defect in this program.
    #[error("the Reed-Solomon code refused its input: {reason}")]
    Code {
        /// What it said.
        reason: String,
    },
}

impl From<reed_solomon_simd::Error> for CodingError {
    fn from(error: reed_solomon_simd::Error) -> Self {
        Self::Code { reason: error.to_string() }
    }
}
