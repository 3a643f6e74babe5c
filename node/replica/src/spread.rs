//! Moving shards apart: a pack that has two on one volume while another volume has none of it bears fewer losses than its
//! policy says. That happens while volumes are missing; when one returns, or a new one comes, the second shard moves there.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::ledger::PackRecord;
use primitives::{PackId, ShardId, VolumeId};

use crate::fill::Purpose;
use crate::put::{Item, Others, keep};
use crate::read::read_verified;
use crate::shared::{Shared, blocking};
use crate::slot::Slot;
use crate::{ReplicaError, VolumeState, metrics};

/// Whether a shard of the pack could move to a volume that has none of it.
pub(crate) fn is_crowded(shared: &Shared, record: &PackRecord) -> bool {
    let held = held(shared, record);
    held.values().any(|count| *count > 1) && has_room(shared, &held)
}

/// Shards of the pack on each volume of this node, by the ledger.
fn held(shared: &Shared, record: &PackRecord) -> BTreeMap<VolumeId, usize> {
    let mut held = BTreeMap::new();
    for holder in record.holders.iter().filter(|holder| holder.node == shared.node) {
        *held.entry(holder.volume).or_default() += 1;
    }
    held
}

fn has_room(shared: &Shared, held: &BTreeMap<VolumeId, usize>) -> bool {
    shared.shelf.slots().iter().any(|slot| !held.contains_key(&slot.id) && slot.writable(Purpose::Repair).is_some())
}

/// Moves shards to volumes that have none of the pack, as long as there are both; how many shards and bytes. The pack has
/// all its shards, `here` are those of this node.
pub(crate) async fn spread(
    shared: &Arc<Shared>,
    pack: PackId,
    record: &PackRecord,
    mut here: Vec<(u8, Arc<Slot>)>,
) -> Result<(u64, u64), ReplicaError> {
    let (mut shards, mut bytes) = (0, 0);
    loop {
        let mut held: BTreeMap<VolumeId, usize> = BTreeMap::new();
        here.iter().for_each(|(_, slot)| *held.entry(slot.id).or_default() += 1);
        let doubled = here.iter().position(|(_, slot)| held.get(&slot.id).is_some_and(|count| *count > 1));
        let Some(place) = doubled.filter(|_| has_room(shared, &held)) else { return Ok((shards, bytes)) };
        let (index, from) = here.swap_remove(place);
        let Some(shard) = record.header.shards.get(usize::from(index)).copied() else { return Ok((shards, bytes)) };
        let (task, slot, len) = (shared.clone(), from.clone(), u64::from(record.header.shard_len));
        let read = blocking(move || read_verified(&task, &slot, &shard, len, None)).await?;
        // One that cannot be read now is the scrub's, and stays where it is.
        let Ok(read) = read else { return Ok((shards, bytes)) };
        let hashed = read.clone();
        let (_, outboard) = blocking(move || coding::range::outboard(&hashed)).await?;
        let others = Others { excluded: held.keys().copied().collect(), held };
        let item = Item { pack, index, width: record.header.policy.width(), shard, bytes: read, outboard };
        let ack = match keep(shared, &item, Purpose::Repair, &others).await {
            Ok(ack) => ack,
            Err(ReplicaError::Full { .. } | ReplicaError::NoVolume { .. } | ReplicaError::NoPlace { .. }) => {
                return Ok((shards, bytes));
            }
            Err(error) => return Err(error),
        };
        let to = ack.volume;
        // It is on both now. The ledger keeps one holder per index.
        shared.directory.lost(pack, index, from.id).await?;
        shared.directory.held(ack).await?;
        leave(shared, &from, pack, index, shard).await?;
        tracing::info!(target: "replica", %pack, index, from = from.id.0, to = to.0, "shard moved to a volume of its own");
        metrics::moved(len);
        match shared.shelf.slot(to).filter(|slot| slot.state() != VolumeState::Lost) {
            Some(slot) => here.push((index, slot)),
            None => return Ok((shards, bytes)),
        }
        (shards, bytes) = (shards + 1, bytes + len);
    }
}

/// Removes a shard from where it was moved away, unless other packs have it there or somebody needs it this moment; then the
/// next look at all shards tries again. Whether its file is gone.
pub(crate) async fn leave(
    shared: &Arc<Shared>,
    from: &Arc<Slot>,
    pack: PackId,
    index: u8,
    shard: ShardId,
) -> Result<bool, ReplicaError> {
    let Some(leaving) = shared.claims.let_go(shard) else { return Ok(false) };
    // The row does not know all packs that have the shard when it was made again from the file.
    let others = shared.directory.needed(&shard, Some(pack)).await?;
    let (task, slot) = (shared.clone(), from.clone());
    blocking(move || {
        let _leaving = leaving;
        let Some(volume) = slot.volume() else { return Ok(false) };
        let (before, after) = task.index.change(slot.id, &shard, |row| {
            row.and_then(|mut row| {
                row.members.retain(|member| *member != (pack, index));
                (others || !row.members.is_empty()).then_some(row)
            })
        })?;
        if let (Some(before), None) = (before, after) {
            slot.removed(u64::from(before.len));
            return Ok(volume.delete(&shard)?);
        }
        Ok(false)
    })
    .await?
}
