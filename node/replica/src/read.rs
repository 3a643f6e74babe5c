//! Reading a shard from one volume, so that only bytes that were verified come back.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use primitives::ShardId;
use store::{StoreError, Volume, VolumeError};

use crate::ReplicaError;
use crate::groups::{GROUP, GroupHashes};
use crate::shared::{Shared, Watch, blocking};
use crate::slot::Slot;

/// Why a read gave nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file is missing, short, unreadable or has other bytes than the shard: this shard is lost.
    Damaged { reason: String, disk: bool },
    /// The volume is not there, or failed in a way that says nothing about this shard.
    Volume(VolumeError),
    /// The read, or an earlier one of the volume, did not come back in time. The volume is asked nothing more while one hangs: each
    /// further read could take a thread for as long.
    Stalled,
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Bytes `range` (default: all) of a shard of `len` bytes, waited for as long as a read may take. The range must lie inside the
/// shard.
///
/// # Errors
/// [`ReplicaError::Panicked`], [`ReplicaError::Stopped`].
pub(crate) async fn read(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    shard: &ShardId,
    len: u64,
    range: Option<Range<u64>>,
) -> Result<Result<Bytes, Fault>, ReplicaError> {
    let patience = shared.config.read_timeout;
    let work = async {
        if slot.is_stalled(patience) {
            return Ok(Err(Fault::Stalled));
        }
        let place = slot.calls().readers.clone().acquire_owned().await.map_err(|_| ReplicaError::Stopped)?;
        let (task, slot, shard) = (shared.clone(), slot.clone(), *shard);
        blocking(move || {
            // To the end of the read, also when nobody waits for it any more.
            let _place = place;
            read_verified(&task, &slot, &shard, len, range)
        })
        .await
    };
    tokio::time::timeout(patience, work).await.unwrap_or(Ok(Err(Fault::Stalled)))
}

fn read_verified(
    shared: &Shared,
    slot: &Slot,
    shard: &ShardId,
    len: u64,
    range: Option<Range<u64>>,
) -> Result<Bytes, Fault> {
    let missing = || Fault::Volume(VolumeError::Missing { path: slot.path.clone() });
    let volume = slot.volume().ok_or_else(missing)?;
    if slot.is_stalled(shared.config.read_timeout) {
        return Err(Fault::Stalled);
    }
    let watch = Watch::start();
    let range = range.unwrap_or(0..len);
    // Hashing everything is cheaper than proving nearly everything.
    let read = if len <= GROUP || range.end.saturating_sub(range.start) > len / 2 {
        read_whole(slot, &volume, shard, len).map(|bytes| part(&bytes, &range, 0))
    } else {
        read_range(shared, slot, &volume, shard, len, &range)
    };
    slot.took(watch.read());
    read
}

/// The whole shard, hashed. Read a second time before it counts as damaged: memory and cables err too.
fn read_whole(slot: &Slot, volume: &Volume, shard: &ShardId, len: u64) -> Result<Bytes, Fault> {
    for _ in 0..2 {
        let bytes = read_raw(slot, volume, shard, 0..len)?;
        if ShardId::of(&bytes) == *shard {
            return Ok(bytes);
        }
    }
    Err(Fault::Damaged { reason: "its bytes are not the shard's".to_owned(), disk: false })
}

/// The groups around a range, each compared with its proven hash.
fn read_range(
    shared: &Shared,
    slot: &Slot,
    volume: &Volume,
    shard: &ShardId,
    len: u64,
    range: &Range<u64>,
) -> Result<Bytes, Fault> {
    let Some(hashes) = group_hashes(shared, shard, len)? else {
        // Without an outboard the whole shard is read once, which makes one.
        let bytes = read_whole(slot, volume, shard, len)?;
        let (_, outboard) = coding::range::outboard(&bytes);
        shared.index.put_outboard(shard, outboard)?;
        return Ok(part(&bytes, range, 0));
    };
    let first = range.start / GROUP;
    let start = first * GROUP;
    let end = range.end.next_multiple_of(GROUP).min(len);
    let bytes = read_raw(slot, volume, shard, start..end)?;
    if hashes.verify(first, &bytes) {
        return Ok(part(&bytes, range, start));
    }
    read_whole(slot, volume, shard, len).map(|bytes| part(&bytes, range, 0))
}

fn group_hashes(shared: &Shared, shard: &ShardId, len: u64) -> Result<Option<Arc<GroupHashes>>, StoreError> {
    if let Some(hashes) = shared.groups.get(shard) {
        return Ok(Some(hashes));
    }
    let Some(outboard) = shared.index.outboard(shard)? else { return Ok(None) };
    let hashes = GroupHashes::from_outboard(shard, len, &outboard).map(Arc::new);
    if let Some(hashes) = &hashes {
        shared.groups.insert(*shard, hashes.clone());
    }
    Ok(hashes)
}

/// Tells the loss of a shard from the loss of a volume.
fn read_raw(slot: &Slot, volume: &Volume, shard: &ShardId, range: Range<u64>) -> Result<Bytes, Fault> {
    let read = {
        let calls = slot.calls();
        let _under_way = calls.reads.begin();
        volume.read(shard, range)
    };
    read.map_err(|error| match &error {
        VolumeError::Absent { .. } | VolumeError::Short { .. } if volume.is_present() => {
            Fault::Damaged { reason: error.to_string(), disk: false }
        }
        VolumeError::Absent { .. } | VolumeError::Short { .. } => {
            Fault::Volume(VolumeError::Missing { path: volume.path().to_owned() })
        }
        _ if error.is_bad_block() && volume.is_present() => Fault::Damaged { reason: error.to_string(), disk: true },
        _ => Fault::Volume(error),
    })
}

/// The bytes `range` of the shard out of `bytes`, which begin at `start`.
fn part(bytes: &Bytes, range: &Range<u64>, start: u64) -> Bytes {
    let at = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(range.start)..at(range.end))
}
