//! The engine's view of our types: what Malachite calls height, address, value, vote, proposal, part and set.
//!
//! A value is the hash of a block's header and nothing more; the block itself travels as parts and lives in the
//! store (`docs/adr/0020-value-is-a-hash-and-held-replies.md`).

mod address;
mod certificate;
mod codec;
#[cfg(test)]
mod codec_test;
mod context;
mod height;
mod part;
mod proposal;
mod scheme;
mod sign_bytes;
mod validators;
mod value;
mod vote;
#[allow(clippy::cast_possible_truncation, reason = "the SCALE derive casts variant indexes")]
mod wire;
#[allow(clippy::cast_possible_truncation, reason = "the SCALE derive casts variant indexes")]
mod wire_part;
mod wire_sync;

pub(crate) use address::SetAddress;
pub(crate) use certificate::{certificate_of, extended_of, round_of};
pub(crate) use codec::Scale;
pub(crate) use context::Bft;
pub(crate) use height::BftHeight;
pub(crate) use part::Part;
pub(crate) use proposal::BlockProposal;
pub(crate) use scheme::Ed25519Strict;
pub(crate) use sign_bytes::{parts_sign_bytes, proposal_sign_bytes, vote_sign_bytes};
pub(crate) use validators::{BftValidator, BftValidators};
pub(crate) use value::BlockValue;
pub(crate) use vote::BlockVote;
