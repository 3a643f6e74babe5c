//! What the replica needs of the ledger.

use async_trait::async_trait;
use primitives::ledger::{PackRecord, VolumeInfo};
use primitives::{PackId, ShardAck, ShardId, VolumeId};

use crate::DirectoryError;

/// The record of which pack has which shards where: the truth that holdings are compared with. Implemented over the
/// ledger. Every call may be repeated; a repetition has no further effect.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Packs in ascending order of id, from behind `after` on, at most `limit`; fewer than `limit` means no more.
    async fn packs(&self, after: Option<PackId>, limit: usize) -> Result<Vec<(PackId, PackRecord)>, DirectoryError>;

    /// One pack; `None` when it is not recorded.
    async fn pack(&self, pack: &PackId) -> Result<Option<PackRecord>, DirectoryError>;

    /// How many packs are recorded with fewer holders than their policy places; asked every second.
    async fn degraded(&self) -> Result<u64, DirectoryError>;

    /// How many packs are recorded. They are never taken off, so the number does not fall.
    async fn recorded(&self) -> Result<u64, DirectoryError>;

    /// Whether any recorded pack has this shard, apart from the one named. Unlike the others it must see every pack that was recorded before the call:
    /// what nobody needs is removed.
    async fn needed(&self, shard: &ShardId, besides: Option<PackId>) -> Result<bool, DirectoryError>;

    /// Records a new holder.
    async fn held(&self, ack: ShardAck) -> Result<(), DirectoryError>;

    /// Takes this node's `volume` off shard `index` of `pack`, which is recorded. Success without effect when it is not
    /// its holder.
    async fn lost(&self, pack: PackId, index: u8, volume: VolumeId) -> Result<(), DirectoryError>;

    /// Announces this node's volumes, all of them, ascending; those absent are gone.
    async fn announce(&self, volumes: Vec<VolumeInfo>) -> Result<(), DirectoryError>;
}
