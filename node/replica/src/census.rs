//! The census: files against index rows when a volume comes up, and rows against the ledger's packs ever again.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use primitives::ledger::{Holder, PackRecord};
use primitives::{PackHeader, PackId, ShardId};
use store::{ShardFile, Volume, VolumeError};
use tokio_util::sync::CancellationToken;

use crate::index::ShardRow;
use crate::ingress::Message;
use crate::shared::{AT_ONCE, Shared, blocking, wall_clock};
use crate::slot::Slot;
use crate::spread::is_crowded;
use crate::{ReplicaError, VolumeState, gone};

/// Packs, or rows, read at a time.
const PAGE: usize = 512;

/// What the census of one volume found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Rows whose file is missing or has another length: shards that are lost.
    pub(crate) lost: Vec<ShardId>,
    /// Files without a row whose bytes are right; they have one now.
    pub(crate) added: u64,
    /// Files without a row whose bytes are wrong; in quarantine now.
    pub(crate) rotten: u64,
    /// Files without a row that could not be read; left in place.
    pub(crate) unread: u64,
}

/// Compares the files of a volume with its rows. Runs before the volume serves, so that what was acknowledged before a
/// power loss is served after it even when its row was lost.
/// Ends early, with what was found so far, when `stop` is cancelled.
pub(crate) fn of_volume(
    shared: &Shared,
    slot: &Slot,
    volume: &Volume,
    stop: &CancellationToken,
) -> Result<Found, ReplicaError> {
    let mut found = Found::default();
    let (mut shards, mut bytes) = (0, 0);
    let mut files = volume.list()?.into_iter().peekable();
    let mut after: Option<ShardId> = None;
    loop {
        let page = shared.index.page(slot.id, after.as_ref(), PAGE)?;
        for (shard, row) in &page {
            while let Some(file) = files.next_if(|file| file.shard < *shard) {
                if stop.is_cancelled() {
                    return Ok(found);
                }
                let len = add(shared, slot, volume, file, &mut found)?;
                (shards, bytes) = (shards + u64::from(len.is_some()), bytes + len.unwrap_or(0));
            }
            let file = files.next_if(|file| file.shard == *shard);
            // A lost one counts until its loss is reported, which takes it off again.
            (shards, bytes) = (shards + 1, bytes + u64::from(row.len));
            if file.is_none_or(|file| file.len != u64::from(row.len)) {
                found.lost.push(*shard);
            }
        }
        match page.last() {
            Some((last, _)) => after = Some(*last),
            None => break,
        }
    }
    for file in files {
        if stop.is_cancelled() {
            return Ok(found);
        }
        let len = add(shared, slot, volume, file, &mut found)?;
        (shards, bytes) = (shards + u64::from(len.is_some()), bytes + len.unwrap_or(0));
    }
    slot.set_counts(shards, bytes);
    Ok(found)
}

/// What a file without a row turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Stray {
    /// The shard that its name speaks of.
    Right { len: u32, outboard: Vec<u8> },
    /// Other bytes.
    Wrong,
    /// Not read: nothing is known of it.
    Unread(VolumeError),
}

/// Reads a file without a row up to twice. Only bytes that were read and are wrong twice make it wrong: memory and cables
/// err too, and an error of the disk may pass.
fn inspect(file: ShardFile, mut read: impl FnMut(u32) -> Result<Bytes, VolumeError>) -> Stray {
    let Some(len) = u32::try_from(file.len).ok().filter(|len| *len <= PackHeader::SHARD_LEN_MAX) else {
        return Stray::Wrong;
    };
    let mut failed = None;
    for _ in 0..2 {
        match read(len) {
            Ok(bytes) => {
                let (shard, outboard) = coding::range::outboard(&bytes);
                if shard == file.shard {
                    return Stray::Right { len, outboard };
                }
            }
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Stray::Wrong, Stray::Unread)
}

/// Gives a file without a row one, if its bytes are right: its length then, bytes.
fn add(
    shared: &Shared,
    slot: &Slot,
    volume: &Volume,
    file: ShardFile,
    found: &mut Found,
) -> Result<Option<u64>, ReplicaError> {
    let shard = file.shard;
    // One that is just being removed has lost its row on purpose.
    let Some(_claim) = shared.claims.try_claim(&[shard]) else { return Ok(None) };
    if shared.claims.is_leaving(slot.id, &shard) {
        return Ok(None);
    }
    match inspect(file, |len| volume.read(&shard, 0..u64::from(len))) {
        Stray::Right { len, outboard } => {
            // Its packs are found by the census of the ledger.
            let row = ShardRow::new(len, wall_clock(), Vec::new());
            shared.index.change(slot.id, &shard, |before| Some(before.unwrap_or(row)))?;
            shared.index.put_outboard(&shard, outboard)?;
            found.added += 1;
            return Ok(Some(u64::from(len)));
        }
        Stray::Wrong => {
            tracing::warn!(target: "replica", volume = slot.id.0, %shard, "stray file has other bytes: quarantined");
            volume.quarantine(&shard)?;
            found.rotten += 1;
        }
        Stray::Unread(error) => {
            tracing::warn!(target: "replica", volume = slot.id.0, %shard, %error, "stray file cannot be read: left for the next census");
            found.unread += 1;
        }
    }
    Ok(None)
}

/// Takes what the census of a volume found into the index and hands losses to the actor.
pub(crate) async fn take(shared: &Arc<Shared>, slot: &Arc<Slot>, found: Found) -> Result<(), ReplicaError> {
    tracing::info!(
        target: "replica", volume = slot.id.0, shards = slot.shards(), added = found.added, rotten = found.rotten,
        unread = found.unread, lost = found.lost.len(), "census of volume"
    );
    for shard in found.lost {
        gone::damaged(shared, slot, &shard, "its file is missing or has another length").await?;
    }
    Ok(())
}

/// Runs the census of a volume on a blocking thread.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    stop: &CancellationToken,
) -> Result<Found, ReplicaError> {
    let (shared, slot, stop) = (shared.clone(), slot.clone(), stop.clone());
    blocking(move || match slot.volume() {
        Some(volume) => of_volume(&shared, &slot, &volume, &stop),
        None => Ok(Found::default()),
    })
    .await?
}

/// Runs the census of all volumes, several at a time.
pub(crate) async fn of_all(
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> Result<Vec<(Arc<Slot>, Found)>, ReplicaError> {
    let census = shared.shelf.slots().into_iter().map(|slot| {
        let (shared, stop) = (shared.clone(), stop.clone());
        async move { run(&shared, &slot, &stop).await.map(|found| (slot, found)) }
    });
    futures::stream::iter(census).buffer_unordered(AT_ONCE).try_collect().await
}

/// Walks all packs of the ledger: gives rows their packs, reports holdings that are not there, and queues every pack
/// that lacks shards.
pub(crate) async fn of_ledger(shared: &Arc<Shared>) -> Result<(), ReplicaError> {
    let mut after: Option<PackId> = None;
    loop {
        let page = shared.directory.packs(after, PAGE).await?;
        for (pack, record) in &page {
            if look(shared, *pack, record)? {
                let message = Message::Damaged { pack: *pack, margin: gone::margin(shared, record) };
                shared.mailbox.send(message).await.map_err(|_| ReplicaError::Stopped)?;
            }
            after = Some(*pack);
        }
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// Whether a pack needs repair, or could be spread better. Cheap when it does not: one row look-up for each of its holders here.
fn look(shared: &Shared, pack: PackId, record: &PackRecord) -> Result<bool, ReplicaError> {
    let mut whole = !record.is_degraded();
    for Holder { index, node, volume } in &record.holders {
        let Some(shard) = record.header.shards.get(usize::from(*index)) else { continue };
        if *node != shared.node {
            continue;
        }
        let slot = shared.shelf.slot(*volume).filter(|slot| slot.state() != VolumeState::Lost);
        let row = match &slot {
            Some(_) => shared.index.row(*volume, shard)?,
            None => None,
        };
        match row {
            Some(row) if row.members.contains(&(pack, *index)) => {}
            Some(_) => {
                shared.index.change(*volume, shard, |row| {
                    row.map(|mut row| {
                        row.join(pack, *index);
                        row
                    })
                })?;
            }
            None => whole = false,
        }
    }
    Ok(!whole || is_crowded(shared, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_file_is_wrong_only_when_its_bytes_were_read_and_are_wrong_twice() {
        let right = || Ok(Bytes::from_static(b"right"));
        let wrong = || Ok(Bytes::from_static(b"wrong"));
        let failed = || Err(VolumeError::Missing { path: "v".into() });
        let len = |len: u32| u64::from(len);
        let good = || Stray::Right { len: 5, outboard: coding::range::outboard(b"right").1 };
        let unread = || Stray::Unread(VolumeError::Missing { path: "v".into() });
        // length, what the reads give, verdict
        let cases = [
            (len(5), vec![right()], good()),
            (len(5), vec![wrong(), right()], good()),
            (len(5), vec![failed(), right()], good()),
            (len(5), vec![wrong(), wrong()], Stray::Wrong),
            (len(5), vec![failed(), failed()], unread()),
            (len(5), vec![wrong(), failed()], unread()),
            (len(5), vec![failed(), wrong()], unread()),
            (len(PackHeader::SHARD_LEN_MAX), vec![failed(), failed()], unread()),
            // Longer than any shard: not read at all.
            (len(PackHeader::SHARD_LEN_MAX) + 1, vec![], Stray::Wrong),
            (u64::MAX, vec![], Stray::Wrong),
        ];
        for (number, (len, reads, verdict)) in cases.into_iter().enumerate() {
            let mut reads = reads.into_iter();
            let file = ShardFile { shard: ShardId::of(b"right"), len };
            assert_eq!(inspect(file, |_| reads.next().unwrap()), verdict, "case {number}");
            assert!(reads.next().is_none(), "case {number}: read too seldom");
        }
    }
}
