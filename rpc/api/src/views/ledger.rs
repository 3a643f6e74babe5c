//! Readable fields of what the ledger records.

use primitives::ledger::{
    COMMAND_MAX, Finality, Holder, NodeRecord, ObjectRecord, PackRecord, SnapshotRecord, VaultRecord,
};
use primitives::{Address, CommitmentHash, Hash32, NodeKey, ObjectKey, PackId, Policy, ShardId, VaultId};
use serde::Serialize;

use super::CommitmentView;
use crate::{Quantity, Readable, RecordType};

/// Readable fields of a vault's record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultView<'a> {
    /// The vault's id.
    pub vault: VaultId,
    /// Who owns it.
    pub owner: Address,
    /// Salt of the id.
    pub salt: Hash32,
    /// The root cluster that commits for the owner.
    pub cluster: Hash32,
    /// Durability policy.
    pub policy: Policy,
    /// Retention of each snapshot, milliseconds.
    pub retention_ms: Quantity,
    /// Accounts that may write.
    pub delegates: &'a [Address],
    /// Last sequence number; 0 = no snapshot yet.
    pub head_seq: Quantity,
    /// Hash of the last commitment; zero = none.
    pub head: CommitmentHash,
    /// Height of the block that registered it; `null` = not yet.
    pub on_chain: Option<Quantity>,
    /// Packs recorded.
    pub packs: Quantity,
    /// Bytes of their shards.
    pub stored_bytes: Quantity,
}

impl RecordType for VaultRecord {
    const NAME: &'static str = "vault record";
    const ENCODED_MAX: usize = 128 * 1024;
}

impl Readable for VaultRecord {
    type View<'a> = VaultView<'a>;

    fn view(&self) -> VaultView<'_> {
        VaultView {
            vault: self.terms.vault(),
            owner: self.terms.owner,
            salt: self.terms.salt,
            cluster: self.terms.cluster,
            policy: self.terms.policy,
            retention_ms: self.terms.retention_ms.into(),
            delegates: &self.terms.delegates,
            head_seq: self.head_seq.into(),
            head: self.head,
            on_chain: self.on_chain.map(|height| height.get().into()),
            packs: self.packs.into(),
            stored_bytes: self.stored_bytes.into(),
        }
    }
}

/// Readable fields of a pack's record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackView<'a> {
    /// The pack's id.
    pub pack: PackId,
    /// Its vault.
    pub vault: VaultId,
    /// Data and parity shards.
    pub policy: Policy,
    /// Length of each shard, bytes.
    pub shard_len: Quantity,
    /// Ids of the shards.
    pub shards: &'a [ShardId],
    /// Who holds which shard.
    pub holders: Vec<HolderView>,
    /// Snapshots and objects that need it.
    pub references: Quantity,
    /// Whether a repair is due.
    pub degraded: bool,
}

/// Where one shard is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HolderView {
    /// Position in the pack.
    pub index: Quantity,
    /// The node.
    pub node: NodeKey,
    /// The volume.
    pub volume: Quantity,
}

impl From<&Holder> for HolderView {
    fn from(holder: &Holder) -> Self {
        Self { index: u64::from(holder.index).into(), node: holder.node, volume: u64::from(holder.volume.0).into() }
    }
}

impl RecordType for PackRecord {
    const NAME: &'static str = "pack record";
    const ENCODED_MAX: usize = 64 * 1024;
}

impl Readable for PackRecord {
    type View<'a> = PackView<'a>;

    fn view(&self) -> PackView<'_> {
        PackView {
            pack: self.header.id(),
            vault: self.vault,
            policy: self.header.policy,
            shard_len: u64::from(self.header.shard_len).into(),
            shards: &self.header.shards,
            holders: self.holders.iter().map(HolderView::from).collect(),
            references: u64::from(self.references).into(),
            degraded: self.is_degraded(),
        }
    }
}

/// Readable fields of a snapshot's record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// The commitment.
    pub commitment: CommitmentView,
    /// The copies pack of the sealed manifest.
    pub manifest_pack: PackId,
    /// Where the chain made it final; `null` = waits in the outbox.
    pub finality: Option<FinalityView>,
}

/// Where the chain made a commitment final.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FinalityView {
    /// Height of the block.
    pub height: Quantity,
    /// Index of the leaf.
    pub leaf_index: Quantity,
    /// Time of the block, milliseconds.
    pub timestamp_ms: Quantity,
}

impl From<Finality> for FinalityView {
    fn from(finality: Finality) -> Self {
        Self {
            height: finality.height.get().into(),
            leaf_index: finality.leaf_index.into(),
            timestamp_ms: finality.timestamp.get().into(),
        }
    }
}

impl RecordType for SnapshotRecord {
    const NAME: &'static str = "snapshot record";
    const ENCODED_MAX: usize = COMMAND_MAX;
}

impl Readable for SnapshotRecord {
    type View<'a> = SnapshotView;

    fn view(&self) -> SnapshotView {
        SnapshotView {
            commitment: self.commitment.view(),
            manifest_pack: self.manifest_pack,
            finality: self.finality.map(FinalityView::from),
        }
    }
}

/// Readable fields of an object's record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectView {
    /// Keyed hash of the name.
    pub key: ObjectKey,
    /// Version, from 1.
    pub version: Quantity,
    /// Whether this version deletes the object.
    pub tombstone: bool,
    /// Packs that it needs.
    pub packs: Quantity,
}

impl RecordType for ObjectRecord {
    const NAME: &'static str = "object record";
    const ENCODED_MAX: usize = COMMAND_MAX;
}

impl Readable for ObjectRecord {
    type View<'a> = ObjectView;

    fn view(&self) -> ObjectView {
        ObjectView {
            key: self.key,
            version: self.version.into(),
            tombstone: self.sealed.is_empty(),
            packs: u64::try_from(self.packs.len()).unwrap_or(u64::MAX).into(),
        }
    }
}

/// Readable fields of a storage node's record.
#[derive(Clone, Debug, Serialize)]
pub struct NodeView {
    /// The node.
    pub node: NodeKey,
    /// Its volumes.
    pub volumes: Vec<NodeVolumeView>,
}

/// One volume of a storage node.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NodeVolumeView {
    /// Unique within the node.
    pub volume: Quantity,
    /// Placement weight, GiB.
    pub weight: Quantity,
}

impl RecordType for NodeRecord {
    const NAME: &'static str = "node record";
    const ENCODED_MAX: usize = 1024 * 1024;
}

impl Readable for NodeRecord {
    type View<'a> = NodeView;

    fn view(&self) -> NodeView {
        NodeView {
            node: self.node,
            volumes: self
                .volumes
                .iter()
                .map(|info| NodeVolumeView {
                    volume: u64::from(info.volume.0).into(),
                    weight: u64::from(info.weight).into(),
                })
                .collect(),
        }
    }
}
