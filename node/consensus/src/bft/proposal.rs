//! A proposer's claim: this block, in this round.

use malachite_core_types::{Proposal, Round};

use super::{Bft, BftHeight, BlockValue, SetAddress};

/// A proposal message; the block itself comes in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockProposal {
    pub height: BftHeight,
    pub round: Round,
    pub value: BlockValue,
    /// Round in which two thirds prevoted this block before; nil for a new block.
    pub pol_round: Round,
    pub proposer: SetAddress,
}

impl Proposal<Bft> for BlockProposal {
    fn height(&self) -> BftHeight {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockValue {
        &self.value
    }

    fn take_value(self) -> BlockValue {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &SetAddress {
        &self.proposer
    }
}
