//! Taking a shard: verify, choose a volume, write, index, sign.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use primitives::{PackHeader, PackId, ShardAck, ShardId, VolumeId};
use rustix::io::Errno;
use store::VolumeError;

use crate::claims::Claim;
use crate::fill::Purpose;
use crate::index::ShardRow;
use crate::machine::Seen;
use crate::orphans::touch;
use crate::place::{Candidate, order, rank};
use crate::read::{Fault, read};
use crate::shared::{Placed, Shared, blocking, on_disk, wall_clock};
use crate::slot::Slot;
use crate::{ReplicaError, WIDTH_MAX, metrics};

/// A shard whose bytes are known to be right, and where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) pack: PackId,
    pub(crate) index: u8,
    pub(crate) width: u8,
    pub(crate) shard: ShardId,
    pub(crate) bytes: Bytes,
    pub(crate) outboard: Vec<u8>,
}

/// Where the other shards of the pack are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    /// How many of them each volume holds.
    pub(crate) held: BTreeMap<VolumeId, usize>,
    /// Volumes that hold the same bytes already, as another copy of the same pack: a second file there adds nothing.
    pub(crate) excluded: BTreeSet<VolumeId>,
}

/// Verifies and keeps a shard that a client sent.
pub(crate) async fn put(
    shared: &Arc<Shared>,
    pack: PackId,
    index: u8,
    width: u8,
    shard: ShardId,
    bytes: Bytes,
) -> Result<ShardAck, ReplicaError> {
    if width == 0 || width > WIDTH_MAX || index >= width {
        return Err(ReplicaError::Index { index, width });
    }
    let max = PackHeader::SHARD_LEN_MAX;
    if bytes.is_empty() || u32::try_from(bytes.len()).map_or(true, |len| len > max) {
        return Err(ReplicaError::Length { max, found: bytes.len() });
    }
    let hashed = bytes.clone();
    let (found, outboard) = blocking(move || coding::range::outboard(&hashed)).await?;
    if found != shard {
        return Err(ReplicaError::Mismatch { expected: shard, found });
    }
    let item = Item { pack, index, width, shard, bytes, outboard };
    let _claim = shared.claims.claim(vec![shard]).await;
    if let Some(ack) = held_already(shared, &item).await? {
        return Ok(ack);
    }
    let others = others_of(shared, &item)?;
    keep(shared, &item, Purpose::Write, &others).await
}

/// The acknowledgement of a shard that is here already, after looking at its bytes: an ack is never given for a file
/// that rotted.
async fn held_already(shared: &Arc<Shared>, item: &Item) -> Result<Option<ShardAck>, ReplicaError> {
    for (slot, len) in shared.holders(&item.shard)? {
        let row = shared.index.row(slot.id, &item.shard)?;
        if !row.is_some_and(|row| row.members.contains(&(item.pack, item.index))) {
            continue;
        }
        if is_right(shared, &slot, &item.shard, len).await? {
            let (shard, young) = (item.shard, slot.clone());
            if on_disk(shared.write_patience(), move || touch(&young, &shard)).await?.is_none() {
                continue;
            }
            return Ok(Some(shared.ack(item.pack, item.index, item.shard, slot.id)));
        }
    }
    Ok(None)
}

async fn is_right(shared: &Arc<Shared>, slot: &Arc<Slot>, shard: &ShardId, len: u64) -> Result<bool, ReplicaError> {
    match read(shared, slot, shard, len, None).await? {
        Ok(_) => Ok(true),
        Err(Fault::Store(error)) => Err(error.into()),
        Err(fault) => {
            crate::gone::fault(shared, slot, shard, &fault).await?;
            Ok(false)
        }
    }
}

/// What this process and the index know of the pack's other shards here.
fn others_of(shared: &Shared, item: &Item) -> Result<Others, ReplicaError> {
    let mut others = Others::default();
    for placed in shared.recent().of(&item.pack) {
        if placed.index == item.index {
            continue;
        }
        *others.held.entry(placed.volume).or_default() += 1;
        if placed.shard == item.shard {
            others.excluded.insert(placed.volume);
        }
    }
    for slot in shared.shelf.slots() {
        let row = shared.index.row(slot.id, &item.shard)?;
        if row.is_some_and(|row| row.members.iter().any(|(pack, index)| *pack == item.pack && *index != item.index)) {
            others.excluded.insert(slot.id);
        }
    }
    Ok(others)
}

/// Writes the shard to the best volume that takes it, and signs for it.
pub(crate) async fn keep(
    shared: &Arc<Shared>,
    item: &Item,
    purpose: Purpose,
    others: &Others,
) -> Result<ShardAck, ReplicaError> {
    let slots: Vec<Arc<Slot>> =
        shared.shelf.slots().into_iter().filter(|slot| slot.writable(purpose).is_some()).collect();
    let candidates: Vec<Candidate> =
        slots.iter().map(|slot| Candidate::new(&shared.node, slot.id, slot.weight())).collect();
    let ranked = rank(&item.pack, &candidates);
    // Nobody removes the shard while it is written, also when nobody waits for the write any more.
    let claim = Arc::new(shared.claims.claim(vec![item.shard]).await);
    let (mut reason, mut above_mark) = (None, false);
    for volume in order(&ranked, item.index, item.width, &others.held) {
        let is_going = shared.is_gone(volume, &item.shard) || shared.claims.is_leaving(volume, &item.shard);
        if is_going || others.excluded.contains(&volume) {
            continue;
        }
        let Some(slot) = slots.iter().find(|slot| slot.id == volume) else { continue };
        let placed = Placed { index: item.index, shard: item.shard, volume };
        if !reserve(shared, item, placed) {
            continue;
        }
        match write_on(shared, slot, item, purpose, claim.clone()).await {
            Ok(true) => return Ok(shared.ack(item.pack, item.index, item.shard, volume)),
            Ok(false) => {
                shared.recent().remove(&item.pack, &placed);
                tracing::info!(target: "replica", volume = volume.0, "volume is above its mark; trying another");
                above_mark = true;
            }
            Err(ReplicaError::Volume(error)) => {
                shared.recent().remove(&item.pack, &placed);
                failed(shared, slot, &error);
                reason = Some(error);
            }
            Err(error) => {
                shared.recent().remove(&item.pack, &placed);
                return Err(error);
            }
        }
    }
    let full = above_mark || shared.shelf.is_full(purpose);
    Err(none_left(shared, item, purpose, reason, full, !others.excluded.is_empty()))
}

/// Enters the placement, unless another copy of the same bytes took the volume since.
fn reserve(shared: &Shared, item: &Item, placed: Placed) -> bool {
    let mut recent = shared.recent();
    let twin =
        |other: &Placed| other.volume == placed.volume && other.shard == placed.shard && other.index != placed.index;
    if recent.of(&item.pack).iter().any(twin) {
        return false;
    }
    recent.add(item.pack, placed);
    true
}

/// Writes a shard to a volume; `false` when that would bring the volume above its mark. One that takes too long may end later
/// all the same: the shard then lies there too, and goes as one that nobody looks for there.
async fn write_on(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    item: &Item,
    purpose: Purpose,
    claim: Arc<Claim>,
) -> Result<bool, ReplicaError> {
    let work = async {
        let place = slot.calls().writers.clone().acquire_owned().await.map_err(|_| ReplicaError::Stopped)?;
        let (shared, slot, item) = (shared.clone(), slot.clone(), item.clone());
        blocking(move || {
            let _until_it_ends = (claim, place);
            write(&shared, &slot, item, purpose)
        })
        .await?
    };
    tokio::time::timeout(shared.write_patience(), work).await.unwrap_or_else(|_| {
        Err(VolumeError::Io { operation: "write", path: slot.path.clone(), errno: Errno::TIMEDOUT }.into())
    })
}

fn write(shared: &Shared, slot: &Slot, item: Item, purpose: Purpose) -> Result<bool, ReplicaError> {
    let path = slot.path.clone();
    let Some(volume) = slot.writable(purpose) else { return Err(VolumeError::Missing { path }.into()) };
    let len = u64::try_from(item.bytes.len()).unwrap_or(u64::MAX);
    let calls = slot.calls();
    let under_way = calls.writes.begin();
    if !slot.admits(&volume, len, purpose, &shared.config) {
        return Ok(false);
    }
    volume.put(&item.shard, &item.bytes)?;
    drop(under_way);
    // One that ends late may have gone to a disk that is not in this place any more: no row may speak of it.
    if !slot.is_on(&volume) {
        return Err(VolumeError::Missing { path }.into());
    }
    let row_len = u32::try_from(item.bytes.len()).unwrap_or(u32::MAX);
    let (before, after) = shared.index.change(slot.id, &item.shard, |row| {
        let mut row = row.unwrap_or_else(|| ShardRow::new(row_len, wall_clock(), Vec::new()));
        row.len = row_len;
        row.checked_at = wall_clock();
        row.join(item.pack, item.index);
        Some(row)
    })?;
    if before.is_none() {
        slot.added(len);
    }
    if !after.is_some_and(|row| row.members.contains(&(item.pack, item.index))) {
        let reason = "the same bytes are part of too many packs".to_owned();
        return Err(ReplicaError::NoVolume { reason });
    }
    shared.index.put_outboard(&item.shard, item.outboard)?;
    metrics::written(len);
    Ok(true)
}

/// Takes note of a failed write; the next volume is tried.
fn failed(shared: &Shared, slot: &Slot, error: &VolumeError) {
    match error {
        VolumeError::Full { .. } => slot.close(),
        VolumeError::ReadOnly { .. } => shared.observed(slot.id, Seen::SyncFailed),
        _ => shared.observed(slot.id, Seen::Absent),
    }
    tracing::warn!(target: "replica", volume = slot.id.0, %error, "write failed; trying another volume");
}

/// Why nothing was left to try.
fn none_left(
    shared: &Shared,
    item: &Item,
    purpose: Purpose,
    last: Option<VolumeError>,
    full: bool,
    copies: bool,
) -> ReplicaError {
    let slots = shared.shelf.slots();
    let up = slots.iter().filter(|slot| slot.state() == crate::VolumeState::Up).count();
    match last {
        Some(error) if !matches!(error, VolumeError::Full { .. }) => error.into(),
        None if !full && copies => ReplicaError::NoPlace {
            reason: format!("each of the {up} usable volumes that could take it holds a copy of this pack already"),
        },
        None if !full => ReplicaError::NoVolume { reason: format!("none of the {} volumes is usable", slots.len()) },
        _ => ReplicaError::Full {
            needed: u64::try_from(item.bytes.len()).unwrap_or(u64::MAX),
            mark_percent: shared.config.mark_permille(purpose) / 10,
        },
    }
}
