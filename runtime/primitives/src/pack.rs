//! What the ledger knows of a pack, and what a holder signs.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Serialize};

use crate::{
    Domain, Ed25519Signature, Hash32, NetworkId, NodeKey, PackId, Policy, Portable, ShardId, SignatureError, Verifier,
    hash_parts,
};

/// One failure domain inside a storage node, such as a disk; unique within the node.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    MaxEncodedLen,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct VolumeId(pub u16);

/// Geometry and shard ids of a pack; its id is the hash of exactly these.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackHeader {
    /// Data and parity shards.
    pub policy: Policy,
    /// Length of every shard, bytes; a multiple of 64.
    pub shard_len: u32,
    /// Ids of shards `0..k+m`, data first. With one data shard all are equal (copies).
    pub shards: Vec<ShardId>,
}

/// Why a pack header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackHeaderError {
    /// Not as many shard ids as the policy has shards.
    #[error("policy {policy} needs {expected} shard ids, found {found}", expected = policy.width())]
    Width {
        /// The header's policy.
        policy: Policy,
        /// Ids found.
        found: usize,
    },
    /// A shard length of zero, not a multiple of 64, or above the limit.
    #[error("shard length {found} must be a positive multiple of 64, at most {max}", max = PackHeader::SHARD_LEN_MAX)]
    ShardLen {
        /// Length found, bytes.
        found: u32,
    },
    /// Copies whose ids differ.
    #[error("all shards of a {policy} pack are the same bytes and must have the same id")]
    Copies {
        /// The header's policy.
        policy: Policy,
    },
}

impl PackHeader {
    /// Longest shard, bytes: a 32 MiB pack kept as whole copies.
    pub const SHARD_LEN_MAX: u32 = 32 * 1024 * 1024;

    /// Checks the header's rules.
    ///
    /// # Errors
    /// [`PackHeaderError`] naming the broken rule.
    pub fn check(&self) -> Result<(), PackHeaderError> {
        if self.shards.len() != usize::from(self.policy.width()) {
            return Err(PackHeaderError::Width { policy: self.policy, found: self.shards.len() });
        }
        if self.shard_len == 0 || !self.shard_len.is_multiple_of(64) || self.shard_len > Self::SHARD_LEN_MAX {
            return Err(PackHeaderError::ShardLen { found: self.shard_len });
        }
        if self.policy.is_copies() && self.shards.iter().zip(self.shards.iter().skip(1)).any(|(a, b)| a != b) {
            return Err(PackHeaderError::Copies { policy: self.policy });
        }
        Ok(())
    }

    /// The pack's id: BLAKE3 (domain `pack`) of the SCALE bytes of this header.
    #[must_use]
    pub fn id(&self) -> PackId {
        hash_parts(Domain::Pack, &[&self.encode()]).into()
    }

    /// Bytes of all shards together.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        u64::from(self.shard_len).saturating_mul(u64::from(self.policy.width()))
    }
}

/// A holder's signed word that it keeps a shard and has made it durable (fsync done).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardAck {
    /// The pack.
    pub pack: PackId,
    /// Position of the shard in the pack, `0..k+m`.
    pub index: u8,
    /// The shard.
    pub shard: ShardId,
    /// Who holds it.
    pub node: NodeKey,
    /// On which volume.
    pub volume: VolumeId,
    /// Ed25519 of `node` over [`ShardAck::sign_hash`].
    pub signature: Ed25519Signature,
}

impl ShardAck {
    /// What a holder signs (domain `shard ack`): network, pack, index, shard, node and volume in SCALE.
    #[must_use]
    pub fn sign_hash(
        network: &NetworkId,
        pack: &PackId,
        index: u8,
        shard: &ShardId,
        node: &NodeKey,
        volume: VolumeId,
    ) -> Hash32 {
        hash_parts(Domain::ShardAck, &[&(network, pack, index, shard, node, volume).encode()])
    }

    /// Verifies the holder's signature.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold on this network.
    pub fn verify(&self, network: &NetworkId) -> Result<(), SignatureError> {
        self.verify_by(&Portable, network)
    }

    /// As [`Self::verify`], by other code for the same rule.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold on this network.
    pub fn verify_by(&self, verifier: &impl Verifier, network: &NetworkId) -> Result<(), SignatureError> {
        let hash = Self::sign_hash(network, &self.pack, self.index, &self.shard, &self.node, self.volume);
        verifier.ed25519(&self.signature, self.node.as_bytes(), hash.as_ref())
    }
}
