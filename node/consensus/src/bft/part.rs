//! Pieces in which a proposed block travels (`docs/spec/consensus.md`, "Proposal parts").

use malachite_core_types::{ProposalPart, Round};
use primitives::{BlockHash, Ed25519Signature};

use super::{Bft, BftHeight, SetAddress};

/// One piece of a proposed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Opens the stream.
    Open {
        height: BftHeight,
        round: Round,
        /// Round of an earlier polka for this block; nil for a new one.
        valid_round: Round,
        proposer: SetAddress,
        /// SCALE bytes of the block that follow, bytes.
        block_bytes: u32,
    },
    /// The next bytes of the block's SCALE encoding, 1 to [`Part::CHUNK_BYTES_MAX`].
    Chunk(Vec<u8>),
    /// Closes the stream: the block's hash, and the proposer's signature that it streamed exactly this.
    Close { block: BlockHash, signature: Ed25519Signature },
}

impl Part {
    /// Most bytes of one chunk.
    pub(crate) const CHUNK_BYTES_MAX: usize = 64 * 1024;
}

impl ProposalPart<Bft> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Close { .. })
    }
}
