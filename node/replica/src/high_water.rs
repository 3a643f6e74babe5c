//! How many packs the ledger has had recorded at most, kept on the volumes.
//!
//! Nothing that is recorded is ever taken off the ledger. So a ledger with fewer packs than it had was put back to an older
//! state, or lost its records, and shards that it does not know may be all that is left of the packs it forgot. The number
//! stands beside the shards and not in the database, which is put back together with the ledger. The actor keeps it up every
//! second in which packs are recorded, whether orphans are removed or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::VolumeError;

use crate::ReplicaError;
use crate::shared::{Shared, on_disk};
use crate::slot::Slot;

/// Name of the note on each volume: a decimal number.
const NOTE: &str = "recorded-packs";

/// Notes how many packs are recorded, if they are more than ever before. One at a time: the number never falls.
pub(crate) async fn keep_up(shared: &Arc<Shared>) -> Result<(), ReplicaError> {
    let known = match shared.directory.recorded().await {
        Ok(known) => known,
        Err(error) => {
            // Asked again in a second; whoever needs the ledger more has said so louder.
            tracing::debug!(target: "replica", %error, "cannot ask how many packs are recorded");
            return Ok(());
        }
    };
    if known > shared.recorded.load(Ordering::Relaxed) && known > highest(shared).await? {
        futures::future::try_join_all(usable(shared).map(|slot| write(shared, slot, known))).await?;
        shared.recorded.fetch_max(known, Ordering::Relaxed);
    }
    Ok(())
}

/// The greatest number that any volume has, or that this process has seen; none of them can be read: zero.
pub(crate) async fn highest(shared: &Arc<Shared>) -> Result<u64, ReplicaError> {
    let notes = futures::future::try_join_all(usable(shared).map(|slot| read(shared, slot))).await?;
    let highest = notes.into_iter().flatten().max().unwrap_or(0);
    Ok(shared.recorded.fetch_max(highest, Ordering::Relaxed).max(highest))
}

/// The volumes that are there and answer.
fn usable(shared: &Shared) -> impl Iterator<Item = Arc<Slot>> {
    let patience = shared.config.read_timeout;
    shared.shelf.slots().into_iter().filter(move |slot| slot.answers(patience))
}

async fn read(shared: &Arc<Shared>, slot: Arc<Slot>) -> Result<Option<u64>, ReplicaError> {
    let read = move || {
        let calls = slot.calls();
        let _under_way = calls.reads.begin();
        slot.volume()?.read_note(NOTE).ok()??.trim().parse().ok()
    };
    Ok(on_disk(shared.config.read_timeout, read).await?.flatten())
}

async fn write(shared: &Arc<Shared>, slot: Arc<Slot>, packs: u64) -> Result<(), ReplicaError> {
    let volume = slot.id.0;
    let write = move || {
        let calls = slot.calls();
        let _under_way = calls.writes.begin();
        slot.volume().map_or(Ok(()), |volume| volume.write_note(NOTE, &format!("{packs}\n")))
    };
    match on_disk(shared.write_patience(), write).await? {
        // One that takes no writes any more has said so before.
        Some(Ok(()) | Err(VolumeError::ReadOnly { .. })) => {}
        Some(Err(error)) => {
            tracing::warn!(target: "replica", volume, %error, "cannot note how many packs are recorded");
        }
        None => {
            tracing::warn!(target: "replica", volume, "noting how many packs are recorded takes too long: not waited for")
        }
    }
    Ok(())
}
