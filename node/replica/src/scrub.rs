//! Scrubbing: every shard is read and hashed once in a period, so that rot is found while the pack can be repaired.
//!
//! Volumes and shards are walked in the order of their ids, round and round, and the place is kept across restarts: so
//! each time the shard that was walked longest ago comes next, in constant memory. A shard that was written or checked within
//! half a period is passed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use primitives::{ShardId, TimestampMs, VolumeId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::index::ShardRow;
use crate::read::{Fault, read};
use crate::shared::{AT_ONCE, ScrubCounters, Shared, wall_clock};
use crate::slot::Slot;
use crate::{ReplicaError, ScrubReport, gone};

/// Name of the fact that keeps the place.
const PLACE: &str = "scrub-place";
/// Name of the fact that keeps when the last round ended.
const COMPLETED: &str = "scrub-completed";
/// Slowest pace, bytes a second: nearly empty volumes are scrubbed sooner than they must be.
const PACE_MIN: u64 = 1 << 20;
/// How often the place is written down.
const SAVE: Duration = Duration::from_secs(60);
/// Pause when there is nothing to do.
const IDLE: Duration = Duration::from_secs(30);

/// Where the walk is: behind this shard of this volume.
type Place = (VolumeId, ShardId);

/// Scrubs at the pace that the period asks for, until cancelled.
pub(crate) async fn run(shared: Arc<Shared>, cancel: CancellationToken) -> Result<(), ReplicaError> {
    let mut place: Option<Place> = shared.index.fact(PLACE)?;
    if let Some(completed) = shared.index.fact::<TimestampMs>(COMPLETED)? {
        shared.scrub.completed.store(completed.get(), Ordering::Relaxed);
    }
    let mut saved = Instant::now();
    loop {
        let pause = match next(&shared, place)? {
            Some((slot, shard, row)) => {
                place = Some((slot.id, shard));
                if is_due(&row, wall_clock(), shared.config.scrub_period) {
                    cancel.run_until_cancelled(check(&shared, &slot, &shard, &row)).await.transpose()?;
                    pace(&shared, u64::from(row.len))
                } else {
                    // Passing over costs a row look-up; yield so that a long run of them does not starve others.
                    tokio::task::yield_now().await;
                    Duration::ZERO
                }
            }
            None => {
                if place.take().is_some() {
                    completed(&shared)?;
                }
                IDLE
            }
        };
        if saved.elapsed() >= SAVE {
            saved = Instant::now();
            if let Some(place) = &place {
                shared.index.set_fact(PLACE, place)?;
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {
                if let Some(place) = &place {
                    shared.index.set_fact(PLACE, place)?;
                }
                return Ok(());
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Checks every shard now, several volumes at the same time, without regard to pace.
pub(crate) async fn everything(shared: &Arc<Shared>) -> Result<ScrubReport, ReplicaError> {
    let volumes = shared.shelf.slots().into_iter().map(|slot| volume(shared.clone(), slot));
    let reports: Vec<_> = futures::stream::iter(volumes).buffer_unordered(AT_ONCE).try_collect().await?;
    completed(shared)?;
    Ok(reports.into_iter().fold(ScrubReport::default(), |sum, report| ScrubReport {
        checked: sum.checked + report.checked,
        bytes: sum.bytes + report.bytes,
        damaged: sum.damaged + report.damaged,
    }))
}

async fn volume(shared: Arc<Shared>, slot: Arc<Slot>) -> Result<ScrubReport, ReplicaError> {
    let mut report = ScrubReport::default();
    let mut after = None;
    while let Some((shard, row)) = shared.index.page(slot.id, after.as_ref(), 1)?.pop() {
        after = Some(shard);
        if slot.volume().is_none() {
            break;
        }
        let right = check(&shared, &slot, &shard, &row).await?;
        report.checked += 1;
        report.bytes += u64::from(row.len);
        report.damaged += u64::from(!right);
    }
    Ok(report)
}

/// Reads and hashes one shard; whether it is right. A volume that does not answer says nothing about its shards.
async fn check(shared: &Arc<Shared>, slot: &Arc<Slot>, shard: &ShardId, row: &ShardRow) -> Result<bool, ReplicaError> {
    if shared.is_gone(slot.id, shard) {
        return Ok(true);
    }
    match read(shared, slot, shard, u64::from(row.len), None).await? {
        Ok(_) => {
            ScrubCounters::add(&shared.scrub.checked, 1);
            ScrubCounters::add(&shared.scrub.bytes, u64::from(row.len));
            let checked = |row: Option<ShardRow>| {
                row.map(|mut row| {
                    row.checked_at = wall_clock();
                    row
                })
            };
            shared.index.change(slot.id, shard, checked)?;
            Ok(true)
        }
        Err(Fault::Store(error)) => Err(error.into()),
        Err(fault) => {
            gone::fault(shared, slot, shard, &fault).await?;
            Ok(!matches!(fault, Fault::Damaged { .. }))
        }
    }
}

/// The next row behind `place`, on that volume or the next ones that are there.
fn next(shared: &Shared, place: Option<Place>) -> Result<Option<(Arc<Slot>, ShardId, ShardRow)>, ReplicaError> {
    for slot in shared.shelf.slots() {
        let after = match place {
            Some((volume, _)) if slot.id < volume => continue,
            Some((volume, shard)) if slot.id == volume => Some(shard),
            _ => None,
        };
        if slot.volume().is_none() {
            continue;
        }
        if let Some((shard, row)) = shared.index.page(slot.id, after.as_ref(), 1)?.pop() {
            return Ok(Some((slot, shard, row)));
        }
    }
    Ok(None)
}

/// Whether a row was not checked within half a period. A clock that was set back makes it due too.
fn is_due(row: &ShardRow, now: TimestampMs, period: Duration) -> bool {
    let half = u64::try_from(period.as_millis() / 2).unwrap_or(u64::MAX);
    match now.get().checked_sub(row.checked_at.get()) {
        Some(age) => age >= half,
        None => true,
    }
}

/// The pause after `bytes`, so that all bytes here take one period.
fn pace(shared: &Shared, bytes: u64) -> Duration {
    let total: u64 = shared.shelf.slots().iter().map(|slot| slot.used()).sum();
    let rate = total.checked_div(shared.config.scrub_period.as_secs().max(1)).unwrap_or(0).max(PACE_MIN);
    Duration::from_millis(bytes.saturating_mul(1000).checked_div(rate).unwrap_or(0))
}

fn completed(shared: &Shared) -> Result<(), ReplicaError> {
    let now = wall_clock();
    shared.scrub.completed.store(now.get(), Ordering::Relaxed);
    Ok(shared.index.set_fact(COMPLETED, &now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_due_after_half_a_period_or_when_it_is_from_the_future() {
        let row = |at| ShardRow::new(1, TimestampMs::new(at), Vec::new());
        let period = Duration::from_millis(100);
        let now = TimestampMs::new(1000);
        for (at, due) in [(0, true), (950, true), (951, false), (1000, false), (1001, true)] {
            assert_eq!(is_due(&row(at), now, period), due, "{at}");
        }
    }
}
