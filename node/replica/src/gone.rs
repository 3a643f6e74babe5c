//! What is done when a shard or a whole volume is gone: nothing of it is served, the ledger is told, repair begins.

use std::sync::Arc;

use futures::StreamExt;
use primitives::ledger::PackRecord;
use primitives::{PackId, ShardId, VolumeId};

use crate::index::ShardRow;
use crate::ingress::Message;
use crate::machine::Seen;
use crate::read::{Fault, read};
use crate::shared::{ScrubCounters, Shared, on_disk};
use crate::slot::Slot;
use crate::{ReplicaError, ReplicaEvent, VolumeState, metrics};

/// Reports to the directory that are under way together.
const REPORTS: usize = 32;
/// Rows handled between two looks at the clock.
const PAGE: usize = 512;

/// Takes note of a failed read.
pub(crate) async fn fault(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    shard: &ShardId,
    fault: &Fault,
) -> Result<(), ReplicaError> {
    match fault {
        Fault::Damaged { reason, disk } => {
            if *disk {
                shared.observed(slot.id, Seen::ReadFailed);
            }
            damaged(shared, slot, shard, reason).await
        }
        Fault::Volume(error) => {
            tracing::warn!(target: "replica", volume = slot.id.0, %error, "read failed");
            shared.observed(slot.id, Seen::Absent);
            Ok(())
        }
        // The actor sees a disk that hangs by itself.
        Fault::Stalled | Fault::Store(_) => Ok(()),
    }
}

/// Sets a damaged file aside and hands its loss to the actor. Runs to its end in a task of its own: a reader that found
/// the damage may be cancelled at any moment, because another volume answered or its client left.
pub(crate) async fn damaged(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    shard: &ShardId,
    reason: &str,
) -> Result<(), ReplicaError> {
    if !shared.mark_gone(slot.id, shard) {
        return Ok(());
    }
    let task = set_aside(shared.clone(), slot.clone(), *shard, reason.to_owned());
    tokio::spawn(task).await.map_err(ReplicaError::unfinished)?
}

/// The row stays, unused, until the ledger knows: so the loss is not forgotten when the node stops before.
async fn set_aside(shared: Arc<Shared>, slot: Arc<Slot>, shard: ShardId, reason: String) -> Result<(), ReplicaError> {
    match is_still_damaged(&shared, &slot, &shard).await {
        Ok(true) => {}
        other => {
            shared.unmark_gone(slot.id, &shard);
            return other.map(drop);
        }
    }
    tracing::warn!(target: "replica", volume = slot.id.0, %shard, reason, "shard damaged: quarantined, to be repaired");
    ScrubCounters::add(&shared.scrub.damaged, 1);
    metrics::shard_damaged();
    shared.event(ReplicaEvent::ShardDamaged { shard, volume: slot.id });
    let disk = slot.clone();
    let quarantine = move || {
        let calls = disk.calls();
        let _under_way = calls.writes.begin();
        disk.volume().map_or(Ok(false), |volume| volume.quarantine(&shard))
    };
    // Otherwise it stays where it is; its row is unused, and the repaired shard goes to another volume.
    match on_disk(shared.write_patience(), quarantine).await? {
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            tracing::warn!(target: "replica", volume = slot.id.0, %shard, %error, "quarantine failed");
        }
        None => {
            tracing::warn!(target: "replica", volume = slot.id.0, %shard, "quarantine takes too long: not waited for")
        }
    }
    let message = Message::Gone { volume: slot.id, shard };
    shared.mailbox.send(message).await.map_err(|_| ReplicaError::Stopped)
}

/// Looks again: whoever found the damage may have read the file before another set it aside and repair wrote a good one.
async fn is_still_damaged(shared: &Arc<Shared>, slot: &Arc<Slot>, shard: &ShardId) -> Result<bool, ReplicaError> {
    let Some(row) = shared.index.row(slot.id, shard)? else { return Ok(false) };
    let read = read(shared, slot, shard, u64::from(row.len), None).await?;
    Ok(matches!(read, Err(Fault::Damaged { .. })))
}

/// Reports one shard lost and takes its row off the index. Packs that it was part of are returned with their margins.
pub(crate) async fn report(
    shared: &Arc<Shared>,
    volume: VolumeId,
    shard: &ShardId,
) -> Result<Vec<(PackId, i16)>, ReplicaError> {
    let Some(row) = shared.index.row(volume, shard)? else {
        shared.unmark_gone(volume, shard);
        return Ok(Vec::new());
    };
    let packs = tell(shared, volume, &row).await?;
    shared.index.change(volume, shard, |_| None)?;
    if let Some(slot) = shared.shelf.slot(volume) {
        slot.removed(u64::from(row.len));
    }
    if shared.holders(shard)?.is_empty() {
        shared.index.delete_outboard(shard)?;
    }
    for (pack, _) in &row.members {
        let mut recent = shared.recent();
        let stale: Vec<_> = recent.of(pack).iter().filter(|placed| placed.volume == volume).copied().collect();
        for placed in stale.iter().filter(|placed| placed.shard == *shard) {
            recent.remove(pack, placed);
        }
    }
    shared.unmark_gone(volume, shard);
    Ok(packs)
}

/// Tells the ledger that `volume` lost the shard of this row, in each of its packs.
async fn tell(shared: &Shared, volume: VolumeId, row: &ShardRow) -> Result<Vec<(PackId, i16)>, ReplicaError> {
    let mut packs = Vec::with_capacity(row.members.len());
    for (pack, index) in &row.members {
        // A pack that was never recorded (its client stopped before) has no holders to take this one off.
        let Some(mut record) = shared.directory.pack(pack).await? else { continue };
        shared.directory.lost(*pack, *index, volume).await?;
        record.holders.retain(|holder| (holder.index, holder.volume) != (*index, volume) || holder.node != shared.node);
        packs.push((*pack, margin(shared, &record)));
    }
    Ok(packs)
}

/// Reports all shards of a lost volume. Rows of reported shards are deleted, so that this goes on where it stopped.
pub(crate) async fn report_volume(shared: &Arc<Shared>, volume: VolumeId) -> Result<(), ReplicaError> {
    let mut after: Option<ShardId> = None;
    loop {
        let page = shared.index.page(volume, after.as_ref(), PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        let reports = page.into_iter().map(|(shard, _)| {
            let shared = shared.clone();
            async move { report(&shared, volume, &shard).await }
        });
        let mut reports = futures::stream::iter(reports).buffer_unordered(REPORTS);
        while let Some(packs) = reports.next().await {
            for (pack, margin) in packs? {
                shared.mailbox.send(Message::Damaged { pack, margin }).await.map_err(|_| ReplicaError::Stopped)?;
            }
        }
    }
}

/// Shards left − `k`, as far as the record and the state of this node's volumes tell.
pub(crate) fn margin(shared: &Shared, record: &PackRecord) -> i16 {
    let lost = |volume| shared.shelf.slot(volume).is_none_or(|slot| slot.state() == VolumeState::Lost);
    let left = record.holders.iter().filter(|holder| holder.node != shared.node || !lost(holder.volume)).count();
    i16::try_from(left).unwrap_or(i16::MAX).saturating_sub(i16::from(record.header.policy.data_shards()))
}
