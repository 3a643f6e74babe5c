//! Shards that lie where the ledger does not look for them: somebody needed one at the moment when it had been moved away, or
//! the node stopped in the middle of a move. The next look at all shards removes them.

use std::sync::Arc;

use primitives::ledger::PackRecord;
use primitives::{PackId, ShardId, VolumeId};

use crate::ReplicaError;
use crate::read::{Fault, read};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::spread::leave;

/// A shard on a volume that is not its holder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surplus {
    pub(crate) volume: VolumeId,
    pub(crate) shard: ShardId,
    pub(crate) pack: PackId,
    pub(crate) index: u8,
}

impl Surplus {
    /// Whether another volume of this node is the holder, by this record.
    pub(crate) fn is_by(&self, shared: &Shared, record: &PackRecord) -> bool {
        self.holder(shared, record).is_some()
    }

    fn holder(&self, shared: &Shared, record: &PackRecord) -> Option<VolumeId> {
        let mut here = record.holders.iter().filter(|holder| holder.index == self.index && holder.node == shared.node);
        // The ledger keeps one holder per index.
        here.next().map(|holder| holder.volume).filter(|volume| *volume != self.volume)
    }
}

/// Removes one, if the holder has the shard: its file is read and hashed first.
pub(crate) async fn remove(shared: &Arc<Shared>, surplus: Surplus) -> Result<(), ReplicaError> {
    let Surplus { volume, shard, pack, index } = surplus;
    let Some(record) = shared.directory.pack(&pack).await? else { return Ok(()) };
    let Some(holder) = surplus.holder(shared, &record) else { return Ok(()) };
    let (Some(from), Some(holder)) = (shared.shelf.slot(volume), shared.shelf.slot(holder)) else { return Ok(()) };
    if !is_held(shared, &holder, &surplus, u64::from(record.header.shard_len)).await? {
        return Ok(());
    }
    if leave(shared, &from, pack, index, shard).await? {
        tracing::info!(target: "replica", %pack, index, volume = volume.0, holder = holder.id.0, "shard removed that had moved away");
    }
    Ok(())
}

async fn is_held(shared: &Arc<Shared>, holder: &Arc<Slot>, surplus: &Surplus, len: u64) -> Result<bool, ReplicaError> {
    let Surplus { shard, pack, index, .. } = *surplus;
    if !shared.has_member(holder.id, &shard, (pack, index))? {
        return Ok(false);
    }
    match read(shared, holder, &shard, len, None).await? {
        Ok(_) => Ok(true),
        Err(Fault::Store(error)) => Err(error.into()),
        // The scrub's and the readers' to report; until then the surplus one may be of use.
        Err(_) => Ok(false),
    }
}
