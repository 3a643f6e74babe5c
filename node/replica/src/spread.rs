//! Moving shards apart: a pack that has two on one volume while another volume has none of it bears fewer losses than its
//! policy says. That happens while volumes are missing; when one returns, or a new one comes, the second shard moves there.

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::ledger::{Holder, PackRecord};
use primitives::{PackId, ShardId, VolumeId};

use crate::fill::Purpose;
use crate::put::{Item, Others, keep};
use crate::read::read;
use crate::shared::{Shared, blocking, on_disk};
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
        let len = u64::from(record.header.shard_len);
        // Until the ledger knows of the new place nobody takes either for what a move left behind.
        let Some(claim) = shared.claims.try_claim(&[shard]) else { return Ok((shards, bytes)) };
        // One that cannot be read now is the scrub's, and stays where it is.
        let Ok(read) = read(shared, &from, &shard, len, None).await? else { return Ok((shards, bytes)) };
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
        drop(claim);
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
    let Some(leaving) = shared.claims.let_go(from.id, shard) else { return Ok(false) };
    // Whoever calls has seen the record before: a move that ended since may have made this volume the holder.
    let Some(record) = shared.directory.pack(&pack).await? else { return Ok(false) };
    if !is_elsewhere(shared, &record, from.id, (pack, index), &shard)? {
        return Ok(false);
    }
    let is_copy = |holder: &Holder| record.header.shards.get(usize::from(holder.index)) == Some(&shard);
    let here = |holder: &&Holder| holder.node == shared.node && holder.volume == from.id;
    // The row does not know all packs that have the shard when it was made again from the file.
    let others = record.holders.iter().filter(here).any(is_copy) || shared.directory.needed(&shard, Some(pack)).await?;
    let (task, slot) = (shared.clone(), from.clone());
    let removal = move || {
        // To the end of the removal, also when nobody waits for it any more.
        let leaving = leaving;
        let Some(volume) = slot.volume() else { return Ok(false) };
        let (before, after) = task.index.change(slot.id, &shard, |row| {
            row.and_then(|mut row| {
                row.members.retain(|member| *member != (pack, index));
                (others || !row.members.is_empty()).then_some(row)
            })
        })?;
        if let (Some(before), None) = (before, after) {
            slot.removed(u64::from(before.len));
            leaving.row_gone();
            let calls = slot.calls();
            let _under_way = calls.writes.begin();
            return Ok(volume.delete(&shard)?);
        }
        Ok(false)
    };
    on_disk(shared.write_patience(), removal).await?.unwrap_or(Ok(false))
}

/// Whether another volume of this node is the holder by the record, and has the shard by the index.
fn is_elsewhere(
    shared: &Shared,
    record: &PackRecord,
    volume: VolumeId,
    member: (PackId, u8),
    shard: &ShardId,
) -> Result<bool, ReplicaError> {
    let holder = record.holders.iter().find(|holder| holder.index == member.1 && holder.node == shared.node);
    let Some(holder) = holder.filter(|holder| holder.volume != volume) else { return Ok(false) };
    Ok(shared.has_member(holder.volume, shard, member)?)
}
