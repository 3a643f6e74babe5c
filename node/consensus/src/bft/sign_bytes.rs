//! The bytes under every consensus signature (`docs/spec/consensus.md`, "Signed bytes").
//!
//! Each begins with a line of its own and the network id, so that no signature means anything elsewhere.

use malachite_core_types::{NilOrVal, Round, VoteType};
use parity_scale_codec::Encode;
use primitives::{BlockHash, NetworkId, precommit_sign_bytes};

use super::{BftHeight, BlockProposal, BlockVote, SetAddress, round_of};

const PREVOTE: &[u8] = b"strongroom/v1/prevote\n";
const PREVOTE_NIL: &[u8] = b"strongroom/v1/prevote-nil\n";
const PRECOMMIT_NIL: &[u8] = b"strongroom/v1/precommit-nil\n";
const PROPOSAL: &[u8] = b"strongroom/v1/proposal\n";
const PARTS: &[u8] = b"strongroom/v1/parts\n";

fn bytes_of(domain: &[u8], fields: &impl Encode) -> Vec<u8> {
    let mut bytes = domain.to_vec();
    fields.encode_to(&mut bytes);
    bytes
}

/// What a validator signs to vote. A precommit for a block is exactly [`precommit_sign_bytes`], so that the engine's
/// commit certificate is a [`primitives::Certificate`] without any translation of signatures.
pub(crate) fn vote_sign_bytes(network: &NetworkId, vote: &BlockVote) -> Vec<u8> {
    let (height, round, validator) = (vote.height.0, round_of(vote.round), &vote.validator.0);
    match (vote.kind, &vote.block) {
        (VoteType::Precommit, NilOrVal::Val(block)) => precommit_sign_bytes(network, height, round, block, validator),
        (VoteType::Precommit, NilOrVal::Nil) => bytes_of(PRECOMMIT_NIL, &(network, height, round, validator)),
        (VoteType::Prevote, NilOrVal::Val(block)) => bytes_of(PREVOTE, &(network, height, round, block, validator)),
        (VoteType::Prevote, NilOrVal::Nil) => bytes_of(PREVOTE_NIL, &(network, height, round, validator)),
    }
}

/// What a proposer signs to propose.
pub(crate) fn proposal_sign_bytes(network: &NetworkId, proposal: &BlockProposal) -> Vec<u8> {
    let fields = (
        network,
        proposal.height.0,
        round_of(proposal.round),
        proposal.value.0,
        proposal.pol_round.as_u32(),
        proposal.proposer.0,
    );
    bytes_of(PROPOSAL, &fields)
}

/// What a proposer signs at the end of a block's parts.
pub(crate) fn parts_sign_bytes(
    network: &NetworkId,
    height: BftHeight,
    round: Round,
    block: &BlockHash,
    proposer: &SetAddress,
) -> Vec<u8> {
    bytes_of(PARTS, &(network, height.0, round_of(round), block, proposer.0))
}
