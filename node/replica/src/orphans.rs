//! Shards that no recorded pack has: their client sent them and never recorded the pack. They are removed once they are old.
//!
//! Nothing that a recorded pack has is ever removed, also not when the pack is recorded at that moment
//! (`docs/adr/0051-orphan-shards.md`): a pack is recorded only while its shards are claimed, and a shard is
//! removed only while it is not, after the ledger was asked.

use std::sync::Arc;
use std::time::Duration;

use primitives::ledger::PackRecord;
use primitives::{ShardId, TimestampMs, VolumeId};
use store::VolumeError;

use crate::index::ShardRow;
use crate::shared::{Shared, on_disk, wall_clock};
use crate::slot::Slot;
use crate::status::OrphanReport;
use crate::surplus::{self, Surplus};
use crate::{ReplicaError, high_water, metrics};

/// Rows read at a time.
const PAGE: usize = 512;
/// Orphans removed in one pass; the next takes the rest. Bounds memory.
const PASS_MAX: usize = 65_536;

/// Looks at every shard here and removes the orphans that are older than the grace period, and what is left of moves.
///
/// # Errors
/// [`ReplicaError::Directory`] as soon as the ledger does not answer; nothing more is removed then.
pub(crate) async fn remove(shared: &Arc<Shared>, grace: Duration) -> Result<OrphanReport, ReplicaError> {
    let (mut report, Found { orphans, surplus }) = find(shared, grace).await?;
    // In this order: packs may be recorded, and noted, at this moment, and no note says more than the ledger does later.
    let had = high_water::highest(shared).await?;
    let known = shared.directory.recorded().await?;
    if known < had {
        tracing::warn!(
            target: "replica", known, had, orphans = report.orphans,
            "the ledger has fewer packs than it had: none of the shards that it does not know is removed; if it was put \
             back to an older state on purpose, they go once as many packs are recorded again"
        );
        report.held_back = true;
        return Ok(report);
    }
    // A note tells a ledger that lost records exactly, and nobody can put shards here to make it doubtful.
    if had == 0 && !is_believable(report.recorded, report.orphans) {
        tracing::warn!(
            target: "replica", orphans = report.orphans, recorded = report.recorded,
            "the ledger knows fewer of the shards here than it does not: none is removed, as it may have lost its records; \
             if it has not, they go once more packs are recorded"
        );
        report.held_back = true;
        return Ok(report);
    }
    for surplus in surplus {
        surplus::remove(shared, surplus).await?;
    }
    for (volume, shard) in orphans {
        if let Some(bytes) = remove_one(shared, volume, shard, grace).await? {
            report.removed += 1;
            report.bytes += bytes;
        }
    }
    if report.removed > 0 {
        tracing::info!(
            target: "replica", shards = report.removed, bytes = report.bytes, recorded = report.recorded,
            "removed shards of packs that were never recorded"
        );
    }
    Ok(report)
}

/// Whether to believe a ledger that does not know these shards: one that has lost its records knows none.
fn is_believable(recorded: u64, orphans: u64) -> bool {
    orphans <= recorded
}

/// What may be removed, up to [`PASS_MAX`] of each.
#[derive(Default)]
struct Found {
    orphans: Vec<(VolumeId, ShardId)>,
    surplus: Vec<Surplus>,
}

/// Counts the shards of recorded packs and the old ones of others; names the latter, and those that are not on their holder.
async fn find(shared: &Arc<Shared>, grace: Duration) -> Result<(OrphanReport, Found), ReplicaError> {
    let mut report = OrphanReport::default();
    let mut found = Found::default();
    for slot in shared.shelf.slots() {
        // The next pass sees those that do not answer now.
        if !slot.answers(shared.config.read_timeout) {
            continue;
        }
        let mut after: Option<ShardId> = None;
        loop {
            let page = shared.index.page(slot.id, after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            for (shard, row) in page {
                if is_recorded(shared, &slot, &shard, &row, &mut found.surplus).await? {
                    report.recorded += 1;
                } else if is_old(shared, &slot, &shard, grace).await? {
                    report.orphans += 1;
                    if found.orphans.len() < PASS_MAX {
                        found.orphans.push((slot.id, shard));
                    }
                }
            }
        }
    }
    Ok((report, found))
}

/// Whether a pack is recorded that has the shard. Asks first for the packs that it was sent for, which is cheap.
async fn is_recorded(
    shared: &Shared,
    slot: &Slot,
    shard: &ShardId,
    row: &ShardRow,
    surplus: &mut Vec<Surplus>,
) -> Result<bool, ReplicaError> {
    let mut is_recorded = false;
    for &(pack, index) in &row.members {
        // Whoever sent the shard could name any pack.
        let recorded = shared.directory.pack(&pack).await?;
        let is_in = |record: &PackRecord| record.header.shards.get(usize::from(index)) == Some(shard);
        let Some(record) = recorded.filter(is_in) else { continue };
        is_recorded = true;
        let place = Surplus { volume: slot.id, shard: *shard, pack, index };
        if surplus.len() < PASS_MAX && place.is_by(shared, &record) {
            surplus.push(place);
        }
    }
    Ok(is_recorded || shared.directory.needed(shard, None).await?)
}

/// Whether the file was last needed longer ago than the grace period. Not when its disk does not say.
async fn is_old(shared: &Shared, slot: &Arc<Slot>, shard: &ShardId, grace: Duration) -> Result<bool, ReplicaError> {
    let patience = shared.config.read_timeout;
    if slot.is_stalled(patience) {
        return Ok(false);
    }
    let (slot, shard) = (slot.clone(), *shard);
    let touched = move || {
        let calls = slot.calls();
        let _under_way = calls.reads.begin();
        slot.volume()?.touched(&shard).ok()?
    };
    let touched = on_disk(patience, touched).await?.flatten();
    Ok(touched.is_some_and(|touched| age(touched, wall_clock()) >= grace))
}

/// The time since `touched`; none when that lies in the future, because a clock was set back.
fn age(touched: TimestampMs, now: TimestampMs) -> Duration {
    Duration::from_millis(now.get().saturating_sub(touched.get()))
}

/// Makes a shard that is needed now as young as one that came now.
pub(crate) fn touch(slot: &Slot, shard: &ShardId) {
    let Some(volume) = slot.volume() else { return };
    let calls = slot.calls();
    let _under_way = calls.writes.begin();
    if let Err(error) = volume.touch(shard) {
        // It may be removed sooner; then a commit finds it gone. Only one whose answer was lost could still be recorded.
        tracing::warn!(target: "replica", path = %volume.path().display(), %shard, %error, "cannot touch a shard's file");
    }
}

/// Removes one shard from one volume, if it is an orphan still. Its length, bytes, when it was removed.
async fn remove_one(
    shared: &Arc<Shared>,
    volume: VolumeId,
    shard: ShardId,
    grace: Duration,
) -> Result<Option<u64>, ReplicaError> {
    // From here on no commit begins to need it, and none that needs it is under way.
    let Some(leaving) = shared.claims.let_go(volume, shard) else { return Ok(None) };
    let Some(slot) = shared.shelf.slot(volume) else { return Ok(None) };
    if shared.is_gone(volume, &shard)
        || !slot.answers(shared.config.read_timeout)
        || !is_old(shared, &slot, &shard, grace).await?
        || shared.directory.needed(&shard, None).await?
    {
        return Ok(None);
    }
    let task = shared.clone();
    let removal = move || {
        // To the end of the removal, also when nobody waits for it any more.
        let leaving = leaving;
        // The row goes first: a row without a file would be a lost shard, a file without a row is an orphan again.
        let Some(volume) = slot.volume() else { return Ok(None) };
        let (Some(row), _) = task.index.change(slot.id, &shard, |_| None)? else { return Ok(None) };
        slot.removed(u64::from(row.len));
        if task.holders(&shard)?.is_empty() {
            task.index.delete_outboard(&shard)?;
        }
        leaving.row_gone();
        let calls = slot.calls();
        let _under_way = calls.writes.begin();
        volume.delete(&shard)?;
        Ok(Some(row))
    };
    let Some(removed) = on_disk(shared.write_patience(), removal).await? else {
        tracing::warn!(target: "replica", volume = volume.0, %shard, "the removal of an orphan takes too long: not waited for");
        return Ok(None);
    };
    match removed {
        Ok(Some(row)) => {
            let bytes = u64::from(row.len);
            tracing::debug!(target: "replica", volume = volume.0, %shard, bytes, "orphan removed");
            metrics::orphan_removed(bytes);
            Ok(Some(bytes))
        }
        Ok(None) => Ok(None),
        Err(ReplicaError::Volume(error)) => {
            let error: VolumeError = error;
            tracing::warn!(target: "replica", volume = volume.0, %shard, %error, "cannot remove an orphan; found again at the next start");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
