//! How many packs the ledger has had recorded at most, kept on the volumes.
//!
//! Nothing that is recorded is ever taken off the ledger. So a ledger with fewer packs than it had was put back to an older
//! state, or lost its records, and shards that it does not know may be all that is left of the packs it forgot. The number
//! stands beside the shards and not in the database, which is put back together with the ledger.

use store::{Volume, VolumeError};

use crate::slot::Slot;

/// Name of the note on each volume: a decimal number.
const NOTE: &str = "recorded-packs";

/// The greatest number that any volume has; none of them can be read: zero.
pub(crate) fn highest<'s>(slots: impl IntoIterator<Item = &'s Slot>) -> u64 {
    let read = |volume: &Volume| volume.read_note(NOTE).ok()??.trim().parse().ok();
    slots.into_iter().filter_map(|slot| read(&*slot.volume()?)).max().unwrap_or(0)
}

/// Writes the number to every volume that is there.
pub(crate) fn raise<'s>(slots: impl IntoIterator<Item = &'s Slot>, packs: u64) {
    for slot in slots {
        match slot.volume().map(|volume| volume.write_note(NOTE, &format!("{packs}\n"))) {
            // One that takes no writes any more has said so before.
            None | Some(Ok(()) | Err(VolumeError::ReadOnly { .. })) => {}
            Some(Err(error)) => {
                tracing::warn!(target: "replica", volume = slot.id.0, %error, "cannot note how many packs are recorded");
            }
        }
    }
}
