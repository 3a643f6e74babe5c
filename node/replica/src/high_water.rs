//! How many packs the ledger has had recorded at most, kept on the volumes.
//!
//! Nothing that is recorded is ever taken off the ledger. So a ledger with fewer packs than it had was put back to an older
//! state, or lost its records, and shards that it does not know may be all that is left of the packs it forgot. The number
//! stands beside the shards and not in the database, which is put back together with the ledger.

use std::path::{Path, PathBuf};

use crate::slot::Slot;

/// Name of the file in a volume's directory: a decimal number.
const FILE: &str = "recorded-packs";

/// The greatest number that any volume has; none of them can be read: zero.
pub(crate) fn highest<'s>(slots: impl IntoIterator<Item = &'s Slot>) -> u64 {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse().ok();
    slots.into_iter().filter_map(|slot| read(slot.path.join(FILE))).max().unwrap_or(0)
}

/// Writes the number to every volume that is there.
pub(crate) fn raise<'s>(slots: impl IntoIterator<Item = &'s Slot>, packs: u64) {
    for slot in slots {
        if slot.volume().is_some()
            && let Err(error) = write(&slot.path, packs)
        {
            tracing::warn!(target: "replica", path = %slot.path.display(), %error, "cannot note how many packs are recorded");
        }
    }
}

/// Replaces the file whole: one that is torn would count as none.
fn write(directory: &Path, packs: u64) -> std::io::Result<()> {
    let temporary = directory.join(format!("{FILE}.tmp"));
    std::fs::write(&temporary, format!("{packs}\n"))?;
    std::fs::rename(temporary, directory.join(FILE))
}
