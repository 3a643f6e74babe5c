//! Prevotes and precommits.

use malachite_core_types::{NilOrVal, Round, SignedExtension, Vote, VoteType};
use primitives::BlockHash;

use super::{Bft, BftHeight, SetAddress};

/// A vote for a block or for nil. Vote extensions are not used: the checkpoint's cosignature follows a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockVote {
    pub kind: VoteType,
    pub height: BftHeight,
    pub round: Round,
    pub block: NilOrVal<BlockHash>,
    pub validator: SetAddress,
}

impl Vote<Bft> for BlockVote {
    fn height(&self) -> BftHeight {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockHash> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<BlockHash> {
        self.block
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &SetAddress {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<Bft>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Bft>> {
        None
    }

    fn extend(self, _: SignedExtension<Bft>) -> Self {
        self
    }
}
