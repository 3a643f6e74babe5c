//! Binds our types to the engine.

use malachite_core_types::{Context, LinearTimeouts, NilOrVal, Round, ValidatorSet, VoteType};
use primitives::BlockHash;

use super::{
    BftHeight, BftValidator, BftValidators, BlockProposal, BlockValue, BlockVote, Ed25519Strict, Part, SetAddress,
};

/// The family of types that the engine is instantiated with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bft;

impl Context for Bft {
    type Address = SetAddress;
    type Height = BftHeight;
    type ProposalPart = Part;
    type Proposal = BlockProposal;
    type Validator = BftValidator;
    type ValidatorSet = BftValidators;
    type Timeouts = LinearTimeouts;
    type Value = BlockValue;
    type Vote = BlockVote;
    type Extension = ();
    type SigningScheme = Ed25519Strict;

    /// Round robin over the set in key order: `(height - 1 + round) mod n`.
    fn select_proposer<'a>(&self, set: &'a BftValidators, height: BftHeight, round: Round) -> &'a BftValidator {
        let turn = height.0.get().saturating_sub(1).saturating_add(u64::from(round.as_u32().unwrap_or(0)));
        let count = u64::try_from(set.count()).unwrap_or(u64::MAX).max(1);
        let index = usize::try_from(turn.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        set.get_by_index(index).expect("a validator set is never empty and the index is below its size")
    }

    fn new_proposal(
        &self,
        height: BftHeight,
        round: Round,
        value: BlockValue,
        pol_round: Round,
        address: SetAddress,
    ) -> BlockProposal {
        BlockProposal { height, round, value, pol_round, proposer: address }
    }

    fn new_prevote(
        &self,
        height: BftHeight,
        round: Round,
        value_id: NilOrVal<BlockHash>,
        address: SetAddress,
    ) -> BlockVote {
        BlockVote { kind: VoteType::Prevote, height, round, block: value_id, validator: address }
    }

    fn new_precommit(
        &self,
        height: BftHeight,
        round: Round,
        value_id: NilOrVal<BlockHash>,
        address: SetAddress,
    ) -> BlockVote {
        BlockVote { kind: VoteType::Precommit, height, round, block: value_id, validator: address }
    }
}
