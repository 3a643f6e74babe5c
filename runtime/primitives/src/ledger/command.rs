//! What a command does.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::VaultTerms;
use crate::{
    Certificate, Commitment, EcdsaSignature, Header, Height, LogHash, NodeKey, ObjectKey, PackHeader, PackId, ShardAck,
    ValidatorSet, VaultId, VolumeId,
};

/// One volume of a storage node, as the node announces it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeInfo {
    /// Unique within the node.
    pub volume: VolumeId,
    /// Placement weight: capacity in GiB, at least 1.
    pub weight: u32,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Command {
    /// Opens a vault. By its owner. The same terms again are a success without effect.
    #[codec(index = 0)]
    VaultRegister {
        /// The terms; the vault's id follows from them.
        terms: VaultTerms,
        /// The vault's name and settings, sealed for the owner, at most [`super::SEALED_MAX`] bytes.
        sealed: Vec<u8>,
        /// The owner's signature over [`VaultTerms::consent_hash`], for the chain.
        consent: EcdsaSignature,
    },
    /// Records a pack whose shards are held. By the vault's owner or a delegate.
    #[codec(index = 1)]
    PackCommit {
        /// The vault that refers to it.
        vault: VaultId,
        /// Geometry and shard ids.
        header: PackHeader,
        /// Acknowledgements, at most one per index; `k + ⌈m/2⌉` on distinct volumes make it complete,
        /// `k` make it degraded, fewer are refused.
        acks: Vec<ShardAck>,
    },
    /// Adds a version of an object, or its tombstone. By the vault's owner or a delegate.
    #[codec(index = 2)]
    ObjectCommit {
        /// The vault.
        vault: VaultId,
        /// Keyed hash of the object's name.
        key: ObjectKey,
        /// Version, from 1 without gaps.
        version: u64,
        /// Sealed object record; empty = tombstone.
        sealed: Vec<u8>,
        /// Packs that the object needs, ascending.
        packs: Vec<PackId>,
    },
    /// Ends a snapshot: checks the stream, takes references on its packs, puts the commitment into the outbox.
    /// By the vault's owner or a delegate. The same commitment again is a success without effect.
    #[codec(index = 3)]
    SnapshotCommit {
        /// The commitment, bytes as the chain will see them.
        commitment: Commitment,
        /// Packs that the snapshot needs, ascending; their tree root is in the commitment.
        packs: Vec<PackId>,
        /// The copies pack that holds the sealed manifest.
        manifest_pack: PackId,
    },
    /// Announces a storage node's volumes. By that node, once a root member has admitted it.
    #[codec(index = 4)]
    NodeAnnounce {
        /// All volumes, ascending; those absent are gone.
        volumes: Vec<VolumeInfo>,
    },
    /// Records a new holder of a shard after a repair or a move. By the new holder.
    #[codec(index = 5)]
    ShardHeld {
        /// The new holder's acknowledgement.
        ack: ShardAck,
    },
    /// Takes a holder off a shard that it lost. By that holder.
    #[codec(index = 6)]
    ShardLost {
        /// The pack.
        pack: PackId,
        /// Position in the pack.
        index: u8,
        /// The volume that lost it.
        volume: VolumeId,
    },
    /// Brings finality back from the chain. By any root member; `apply` verifies all of it.
    #[codec(index = 7)]
    FinalityRecord {
        /// The header of the block.
        header: Header,
        /// Its certificate.
        certificate: Certificate,
        /// Inclusion proofs of commitments in that header's snapshot log.
        proofs: Vec<CommitmentProof>,
        /// The set that signs the next height; needed exactly when the header names another one than the set that
        /// signs this height.
        next_validators: Option<ValidatorSet>,
    },
    /// Notes that the chain knows a vault now. By any root member.
    #[codec(index = 8)]
    VaultOnChain {
        /// The vault.
        vault: VaultId,
        /// Height of the block that registered it.
        height: Height,
    },
    /// Several commands of one speaker under one signature, session and serial, at most [`super::BATCH_MAX`]; no batch
    /// in a batch. Each is applied or refused by itself, in order.
    #[codec(index = 9)]
    Batch {
        /// The commands.
        commands: Vec<Self>,
    },
    /// Takes a commitment out of the outbox that the chain will never record, as when another one stands at its place
    /// (`docs/spec/ledger.md` §13). By any root member. The snapshot stays, without finality.
    #[codec(index = 10)]
    OutboxRelease {
        /// The vault.
        vault: VaultId,
        /// The commitment's position in the vault's stream.
        seq: u64,
        /// What the chain said, for people; at most 256 bytes.
        reason: String,
    },
    /// Admits a storage node: from now on it may announce volumes. By any root member. Twice is a success without effect.
    #[codec(index = 11)]
    NodeAdmit {
        /// The node.
        node: NodeKey,
    },
}

/// That a commitment is a leaf of a snapshot log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentProof {
    /// The vault.
    pub vault: VaultId,
    /// The commitment's position in the vault's stream.
    pub seq: u64,
    /// Index of its leaf, from 0.
    pub leaf_index: u64,
    /// RFC 6962 audit path, leaf to root.
    pub path: Vec<LogHash>,
}
