//! Names the bytes that everybody must agree on.
//!
//! Ids, hashes, heights, the header, the commitment, the certificate, the pack header and the ledger's
//! commands: each one a type with one SCALE encoding, and every hash with a domain of its own
//! (`docs/spec/hashes.md`). Nothing here reads a clock, a disk, a socket or entropy.
//!
//! ```text
//!   Commitment ──leaf──► snapshot log ──root──► Header ──hash──► Certificate
//!   PackHeader ◄─id── shard ids                 (signed by ValidatorSet)
//! ```
//!
//! ```
//! use primitives::{Policy, ShardId};
//! let policy: Policy = "erasure".parse()?;
//! assert_eq!((policy.data_shards(), policy.parity_shards()), (4, 2));
//! assert_eq!(ShardId::of(b"bytes").to_string().len(), 64);
//! # Ok::<(), primitives::PolicyError>(())
//! ```

mod certificate;
mod codec;
mod commitment;
mod domain;
mod ed25519;
mod genesis;
mod header;
mod ids;
pub mod ledger;
mod pack;
mod policy;
mod signature;
mod units;
mod validators;
mod verifier;

pub use certificate::{Certificate, CommitSignature, precommit_sign_bytes};
pub use codec::{CodecError, decode_exact};
pub use commitment::{COMMITMENT_VERSION, Commitment};
pub use domain::{Domain, hash_parts};
pub use genesis::{GENESIS_VERSION, Genesis};
pub use header::{HEADER_VERSION, Header};
pub use ids::{
    Address, BlockHash, ChunkId, CommitmentHash, EthHash, Hash32, IdError, LogHash, MemberKey, NetworkId, NodeKey,
    ObjectKey, PackId, SessionId, ShardId, StateRoot, TreeRoot, TxHash, ValidatorKey, ValidatorsHash, VaultId,
};
pub use pack::{PackHeader, PackHeaderError, ShardAck, VolumeId};
pub use policy::{Policy, PolicyError};
pub use signature::{EcdsaSignature, Ed25519Signature, SignatureError, keccak256};
pub use units::{ChainId, Height, Round, TimestampMs};
pub use validators::{Validator, ValidatorSet, ValidatorSetError};
pub use verifier::{Portable, Verifier};
