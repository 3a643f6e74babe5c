//! How many packs the ledger has had recorded at most, kept on the volumes.
//!
//! Nothing that is recorded is ever taken off the ledger. So a ledger with fewer packs than it had was put back to an older
//! state, or lost its records, and shards that it does not know may be all that is left of the packs it forgot. The number
//! stands beside the shards and not in the database, which is put back together with the ledger. The actor keeps it up every
//! second, whether orphans are removed or not: also on a volume that was added, replaced or away since.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use store::{Volume, VolumeError};

use crate::ReplicaError;
use crate::shared::{Shared, on_disk};
use crate::slot::{Note, Slot};

/// How long a note that is being written keeps the next one of other volumes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Notes how many packs are recorded, or were once, on every volume that says less. One at a time: the number never falls.
pub(crate) async fn keep_up(shared: &Arc<Shared>) -> Result<(), ReplicaError> {
    let known = match shared.directory.recorded().await {
        Ok(known) => known,
        Err(error) => {
            // Asked again in a second; whoever needs the ledger more has said so louder.
            tracing::debug!(target: "replica", %error, "cannot ask how many packs are recorded");
            return Ok(());
        }
    };
    let most = known.max(highest(shared).await?);
    shared.recorded.fetch_max(most, Ordering::Relaxed);
    // What one that cannot be read says may be more. The first time it is written when there is nothing new, too: later it is
    // written over, and a volume that somebody is deleting gets no new file.
    let is_due = |slot: &Arc<Slot>| {
        let note = slot.note();
        !note.writing && note.packs.is_some_and(|packs| packs < most || !note.written)
    };
    futures::future::try_join_all(usable(shared).filter(is_due).map(|slot| write(slot, most))).await.map(drop)
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

/// What the volume's note says, read once for each opening; `None` when it cannot be read.
async fn read(shared: &Arc<Shared>, slot: Arc<Slot>) -> Result<Option<u64>, ReplicaError> {
    if let Some(packs) = slot.note().packs {
        return Ok(Some(packs));
    }
    let read = move || {
        let calls = slot.calls();
        let _under_way = calls.reads.begin();
        let volume = slot.volume()?;
        let packs =
            volume.read_note(Volume::RECORDED_NOTE).ok()?.and_then(|note| note.trim().parse().ok()).unwrap_or(0);
        // What is being written just now is not older than what was read before.
        slot.change_note(&volume, |note| if note.writing { note } else { Note { packs: Some(packs), ..note } });
        Some(packs)
    };
    Ok(on_disk(shared.config.read_timeout, read).await?.flatten())
}

async fn write(slot: Arc<Slot>, packs: u64) -> Result<(), ReplicaError> {
    let id = slot.id.0;
    // Both of one opening: what an earlier one still waits for says nothing of the disk that is here now.
    let calls = slot.calls();
    let Some(volume) = slot.volume() else { return Ok(()) };
    if slot.change_note(&volume, |note| Note { writing: true, ..note }).is_none() {
        return Ok(());
    }
    let write = move || {
        if !slot.is_on(&volume) {
            return;
        }
        let _under_way = calls.writes.begin();
        // As long as the one before, whatever it says.
        let written = volume.write_note(Volume::RECORDED_NOTE, &format!("{packs:020}\n"));
        let note = match &written {
            Ok(()) => Note { packs: Some(packs), written: true, failed: false, writing: false },
            // Read again and tried again: nobody knows what it says now.
            Err(_) => Note { packs: None, written: false, failed: true, writing: false },
        };
        let before = slot.change_note(&volume, |_| note);
        match written {
            // One that takes no writes any more has said so before.
            Ok(()) | Err(VolumeError::ReadOnly { .. }) => {}
            // Said once, not every second.
            Err(_) if before.is_none_or(|before| before.failed) => {}
            Err(error) => {
                tracing::warn!(
                    target: "replica", volume = slot.id.0, %error,
                    "cannot note how many packs are recorded; trying again every second"
                );
            }
        }
    };
    // The others' notes wait no longer. What hangs is told of by whoever looks for that.
    if on_disk(PATIENCE, write).await?.is_none() {
        tracing::debug!(target: "replica", volume = id, "noting how many packs are recorded takes too long: not waited for");
    }
    Ok(())
}
