//! Mirrors of the engine's messages with one SCALE form each (`docs/spec/consensus.md`, "Messages").
//!
//! Rounds are `Option<u32>` (`None` = nil), votes for nil are `None`; enum variants count from 0 in the order given.

use malachite_app_channel::app::consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg};
use malachite_core_types::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType, RoundSignature,
    SignedMessage, Validity, VoteType,
};
use parity_scale_codec::{Decode, Encode};
use primitives::{BlockHash, Ed25519Signature, Height, ValidatorKey};

use super::{Bft, BftHeight, BlockProposal, BlockValue, BlockVote, SetAddress};

pub(super) fn round(value: Round) -> Option<u32> {
    value.as_u32()
}

pub(super) fn engine_round(value: Option<u32>) -> Round {
    Round::from(value)
}

fn block(value: &NilOrVal<BlockHash>) -> Option<BlockHash> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(hash) => Some(*hash),
    }
}

fn engine_block(value: Option<BlockHash>) -> NilOrVal<BlockHash> {
    value.map_or(NilOrVal::Nil, NilOrVal::Val)
}

fn engine_kind(precommit: bool) -> VoteType {
    if precommit { VoteType::Precommit } else { VoteType::Prevote }
}

/// A vote and its signature.
#[derive(Encode, Decode)]
pub(super) struct Vote {
    precommit: bool,
    height: Height,
    round: Option<u32>,
    block: Option<BlockHash>,
    validator: ValidatorKey,
    signature: Ed25519Signature,
}

impl From<&SignedMessage<Bft, BlockVote>> for Vote {
    fn from(signed: &SignedMessage<Bft, BlockVote>) -> Self {
        let vote = &signed.message;
        Self {
            precommit: vote.kind == VoteType::Precommit,
            height: vote.height.0,
            round: round(vote.round),
            block: block(&vote.block),
            validator: vote.validator.0,
            signature: signed.signature,
        }
    }
}

impl From<Vote> for SignedMessage<Bft, BlockVote> {
    fn from(wire: Vote) -> Self {
        let vote = BlockVote {
            kind: engine_kind(wire.precommit),
            height: BftHeight(wire.height),
            round: engine_round(wire.round),
            block: engine_block(wire.block),
            validator: SetAddress(wire.validator),
        };
        Self::new(vote, wire.signature)
    }
}

/// A proposal and its signature.
#[derive(Encode, Decode)]
pub(super) struct Proposal {
    height: Height,
    round: Option<u32>,
    block: BlockHash,
    pol_round: Option<u32>,
    proposer: ValidatorKey,
    signature: Ed25519Signature,
}

/// A vote or a proposal.
#[derive(Encode, Decode)]
pub(super) enum ConsensusMessage {
    Vote(Vote),
    Proposal(Proposal),
}

impl From<&SignedConsensusMsg<Bft>> for ConsensusMessage {
    fn from(message: &SignedConsensusMsg<Bft>) -> Self {
        match message {
            SignedConsensusMsg::Vote(vote) => Self::Vote(vote.into()),
            SignedConsensusMsg::Proposal(signed) => Self::Proposal(Proposal {
                height: signed.message.height.0,
                round: round(signed.message.round),
                block: signed.message.value.0,
                pol_round: round(signed.message.pol_round),
                proposer: signed.message.proposer.0,
                signature: signed.signature,
            }),
        }
    }
}

impl From<ConsensusMessage> for SignedConsensusMsg<Bft> {
    fn from(wire: ConsensusMessage) -> Self {
        match wire {
            ConsensusMessage::Vote(vote) => Self::Vote(vote.into()),
            ConsensusMessage::Proposal(wire) => {
                let proposal = BlockProposal {
                    height: BftHeight(wire.height),
                    round: engine_round(wire.round),
                    value: BlockValue(wire.block),
                    pol_round: engine_round(wire.pol_round),
                    proposer: SetAddress(wire.proposer),
                };
                Self::Proposal(SignedMessage::new(proposal, wire.signature))
            }
        }
    }
}

/// A value that the application vouched for.
#[derive(Encode, Decode)]
pub(super) struct Proposed {
    height: Height,
    round: Option<u32>,
    valid_round: Option<u32>,
    proposer: ValidatorKey,
    block: BlockHash,
    valid: bool,
}

impl From<&ProposedValue<Bft>> for Proposed {
    fn from(value: &ProposedValue<Bft>) -> Self {
        Self {
            height: value.height.0,
            round: round(value.round),
            valid_round: round(value.valid_round),
            proposer: value.proposer.0,
            block: value.value.0,
            valid: value.validity.is_valid(),
        }
    }
}

impl From<Proposed> for ProposedValue<Bft> {
    fn from(wire: Proposed) -> Self {
        Self {
            height: BftHeight(wire.height),
            round: engine_round(wire.round),
            valid_round: engine_round(wire.valid_round),
            proposer: SetAddress(wire.proposer),
            value: BlockValue(wire.block),
            validity: Validity::from_bool(wire.valid),
        }
    }
}

/// Prevotes of more than two thirds for one block.
#[derive(Encode, Decode)]
pub(super) struct Polka {
    height: Height,
    round: Option<u32>,
    block: BlockHash,
    signatures: Vec<(ValidatorKey, Ed25519Signature)>,
}

impl From<&PolkaCertificate<Bft>> for Polka {
    fn from(polka: &PolkaCertificate<Bft>) -> Self {
        Self {
            height: polka.height.0,
            round: round(polka.round),
            block: polka.value_id,
            signatures: polka.polka_signatures.iter().map(|signed| (signed.address.0, signed.signature)).collect(),
        }
    }
}

impl From<Polka> for PolkaCertificate<Bft> {
    fn from(wire: Polka) -> Self {
        Self {
            height: BftHeight(wire.height),
            round: engine_round(wire.round),
            value_id: wire.block,
            polka_signatures: wire
                .signatures
                .into_iter()
                .map(|(validator, signature)| PolkaSignature::new(SetAddress(validator), signature))
                .collect(),
        }
    }
}

/// One vote inside a round certificate.
#[derive(Encode, Decode)]
pub(super) struct RoundVote {
    precommit: bool,
    block: Option<BlockHash>,
    validator: ValidatorKey,
    signature: Ed25519Signature,
}

/// Votes that justify entering a round.
#[derive(Encode, Decode)]
pub(super) struct RoundEntry {
    height: Height,
    round: Option<u32>,
    skip: bool,
    votes: Vec<RoundVote>,
}

impl From<&RoundCertificate<Bft>> for RoundEntry {
    fn from(certificate: &RoundCertificate<Bft>) -> Self {
        let votes = certificate.round_signatures.iter().map(|signed| RoundVote {
            precommit: signed.vote_type == VoteType::Precommit,
            block: block(&signed.value_id),
            validator: signed.address.0,
            signature: signed.signature,
        });
        Self {
            height: certificate.height.0,
            round: round(certificate.round),
            skip: certificate.cert_type == RoundCertificateType::Skip,
            votes: votes.collect(),
        }
    }
}

impl From<RoundEntry> for RoundCertificate<Bft> {
    fn from(wire: RoundEntry) -> Self {
        let signatures = wire.votes.into_iter().map(|vote| {
            let address = SetAddress(vote.validator);
            RoundSignature::new(engine_kind(vote.precommit), engine_block(vote.block), address, vote.signature)
        });
        Self {
            height: BftHeight(wire.height),
            round: engine_round(wire.round),
            cert_type: if wire.skip { RoundCertificateType::Skip } else { RoundCertificateType::Precommit },
            round_signatures: signatures.collect(),
        }
    }
}

/// What keeps rounds moving.
#[derive(Encode, Decode)]
pub(super) enum Liveness {
    Vote(Vote),
    Polka(Polka),
    Round(RoundEntry),
}

impl From<&LivenessMsg<Bft>> for Liveness {
    fn from(message: &LivenessMsg<Bft>) -> Self {
        match message {
            LivenessMsg::Vote(vote) => Self::Vote(vote.into()),
            LivenessMsg::PolkaCertificate(polka) => Self::Polka(polka.into()),
            LivenessMsg::SkipRoundCertificate(certificate) => Self::Round(certificate.into()),
        }
    }
}

impl From<Liveness> for LivenessMsg<Bft> {
    fn from(wire: Liveness) -> Self {
        match wire {
            Liveness::Vote(vote) => Self::Vote(vote.into()),
            Liveness::Polka(polka) => Self::PolkaCertificate(polka.into()),
            Liveness::Round(certificate) => Self::SkipRoundCertificate(certificate.into()),
        }
    }
}
