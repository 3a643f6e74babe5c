//! What the ledger's tables hold.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Applied, VaultTerms, VolumeInfo};
use crate::{
    Commitment, CommitmentHash, EcdsaSignature, Hash32, Height, NodeKey, ObjectKey, PackHeader, PackId, TimestampMs,
    ValidatorSet, VaultId, VolumeId,
};

/// A vault, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultRecord {
    /// The terms.
    pub terms: VaultTerms,
    /// Sealed name and settings.
    pub sealed: Vec<u8>,
    /// The owner's consent, for the chain.
    pub consent: EcdsaSignature,
    /// Last sequence number of the stream; 0 = no snapshot yet.
    pub head_seq: u64,
    /// Hash of the last commitment; zero = none.
    pub head: CommitmentHash,
    /// Height of the block that registered the vault on chain; `None` = not yet.
    pub on_chain: Option<Height>,
    /// Packs recorded.
    pub packs: u64,
    /// Bytes of their shards, parity included.
    pub stored_bytes: u64,
}

/// Where a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Position in the pack.
    pub index: u8,
    /// The node.
    pub node: NodeKey,
    /// The volume.
    pub volume: VolumeId,
}

/// A pack, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackRecord {
    /// The vault that it belongs to.
    pub vault: VaultId,
    /// Geometry and shard ids.
    pub header: PackHeader,
    /// Actual holders, ascending, at most one per index and volume.
    pub holders: Vec<Holder>,
    /// Snapshots and objects that need it.
    pub references: u32,
}

impl PackRecord {
    /// Whether fewer shards are held than the policy places.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.holders.len() < usize::from(self.header.policy.width())
    }
}

/// A snapshot, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRecord {
    /// The commitment.
    pub commitment: Commitment,
    /// Packs that it needs, ascending.
    pub packs: Vec<PackId>,
    /// The copies pack of the sealed manifest.
    pub manifest_pack: PackId,
    /// Its finality; `None` = waits in the outbox.
    pub finality: Option<Finality>,
}

/// That and where the chain made a commitment final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finality {
    /// Height of the block whose header proves it.
    pub height: Height,
    /// Index of the commitment's leaf.
    pub leaf_index: u64,
    /// Time of that block.
    pub timestamp: TimestampMs,
}

/// One version of an object, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRecord {
    /// Keyed hash of the name.
    pub key: ObjectKey,
    /// Version, from 1.
    pub version: u64,
    /// Sealed record; empty = tombstone.
    pub sealed: Vec<u8>,
    /// Packs that it needs, ascending.
    pub packs: Vec<PackId>,
}

/// A storage node, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRecord {
    /// The node.
    pub node: NodeKey,
    /// Its volumes, ascending.
    pub volumes: Vec<VolumeInfo>,
}

/// What a session remembers of one command that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SessionOutcome {
    /// The command's [`super::SignedCommand::sign_hash`].
    pub command: Hash32,
    /// What it did.
    pub applied: Applied,
}

/// The validators whose certificates the ledger believes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedSet {
    /// First height that this set signs.
    pub since: Height,
    /// The set.
    pub validators: ValidatorSet,
}

/// Counters over the whole ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Vaults.
    pub vaults: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of their shards, parity included.
    pub stored_bytes: u64,
    /// Packs with fewer holders than their policy places.
    pub degraded_packs: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Versions of objects, tombstones included.
    pub objects: u64,
    /// Storage nodes.
    pub nodes: u64,
    /// Volumes that storage nodes announce.
    pub volumes: u64,
    /// Commitments that wait for the chain.
    pub outbox: u32,
    /// Number of the next outbox row.
    pub outbox_next: u64,
    /// Outcomes that sessions remember; a batch has one a command.
    pub outcomes: u64,
    /// Oldest row of the order in which they are forgotten.
    pub outcomes_first: u64,
    /// Next row of that order.
    pub outcomes_next: u64,
}
