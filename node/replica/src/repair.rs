//! Rebuilding the lost shards of one pack from `k` others. No key that opens data is needed, or here.

use std::sync::Arc;

use bytes::Bytes;
use coding::CheckedShard;
use primitives::ledger::PackRecord;
use primitives::{PackId, ShardId, VolumeId};

use crate::fill::Purpose;
use crate::index::ShardRow;
use crate::machine::Outcome;
use crate::put::{Item, Others, keep};
use crate::read::{Fault, read};
use crate::rebuild::{Rebuilt, inconsistent, memory, rebuild};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::spread::spread;
use crate::{Class, ReplicaError, ReplicaEvent, VolumeState, gone, metrics};

/// Repairs a pack as far as that can be done now. Only failures of the database and panics are errors.
pub(crate) async fn repair(shared: &Arc<Shared>, pack: PackId) -> Result<Outcome, ReplicaError> {
    let mut work = Work::default();
    match work.repair(shared, pack).await {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.class() == Class::Fatal => Err(error),
        Err(ReplicaError::Full { .. } | ReplicaError::NoVolume { .. } | ReplicaError::NoPlace { .. }) => {
            Ok(Outcome::Stuck { unrepairable: false, shards: work.shards, bytes: work.bytes })
        }
        Err(error) => {
            tracing::warn!(target: "replica", %pack, %error, "repair failed; trying again later");
            Ok(Outcome::Failed { shards: work.shards, bytes: work.bytes })
        }
    }
}

/// What one repair did.
#[derive(Default)]
struct Work {
    shards: u64,
    bytes: u64,
    // A volume did not answer: what it holds may be lost or not.
    in_doubt: bool,
}

/// Where the shards of a pack are.
#[derive(Default)]
struct Holdings {
    /// On this node: index, volume.
    here: Vec<(u8, Arc<Slot>)>,
    /// On other nodes.
    elsewhere: Vec<u8>,
}

impl Holdings {
    fn has(&self, index: u8) -> bool {
        self.elsewhere.contains(&index) || self.here.iter().any(|(other, _)| *other == index)
    }
}

impl Work {
    async fn repair(&mut self, shared: &Arc<Shared>, pack: PackId) -> Result<Outcome, ReplicaError> {
        let Some(record) = shared.directory.pack(&pack).await? else {
            return Ok(Outcome::Complete { shards: 0, bytes: 0 });
        };
        let mut holdings = holdings(shared, pack, &record).await?;
        let policy = record.header.policy;
        let mut missing: Vec<u8> = (0..policy.width()).filter(|index| !holdings.has(*index)).collect();
        if missing.is_empty() {
            let (shards, bytes) = spread(shared, pack, &record, holdings.here).await?;
            return Ok(Outcome::Complete { shards, bytes });
        }
        let need = usize::from(policy.data_shards());
        let _memory = memory(shared, &record, missing.len()).await?;
        let sources = self.sources(shared, &record, &mut holdings, need).await?;
        // Sources that turned out to be damaged are missing too.
        missing.extend((0..policy.width()).filter(|index| !holdings.has(*index)));
        missing.sort_unstable();
        missing.dedup();
        if sources.len() < need && self.in_doubt {
            return Ok(Outcome::Failed { shards: 0, bytes: 0 });
        }
        if sources.len() < need {
            let have = u8::try_from(sources.len()).unwrap_or(u8::MAX);
            tracing::error!(target: "replica", %pack, have, need, "too few shards are left here to repair the pack");
            shared.event(ReplicaEvent::PackUnrepairable { pack, have, need: policy.data_shards() });
            return Ok(Outcome::Stuck { unrepairable: true, shards: 0, bytes: 0 });
        }
        for shard in rebuild(record.clone(), sources, missing).await? {
            self.keep(shared, pack, &record, &mut holdings, shard).await?;
        }
        shared.event(ReplicaEvent::PackRepaired { pack });
        Ok(Outcome::Complete { shards: self.shards, bytes: self.bytes })
    }

    /// Reads and checks shards until `need` distinct ones are at hand; damaged ones leave the holdings.
    async fn sources(
        &mut self,
        shared: &Arc<Shared>,
        record: &PackRecord,
        holdings: &mut Holdings,
        need: usize,
    ) -> Result<Vec<CheckedShard<Bytes>>, ReplicaError> {
        let mut sources = Vec::with_capacity(need);
        // Data shards first: they need no computing.
        holdings.here.sort_by_key(|(index, _)| *index);
        for (index, slot) in std::mem::take(&mut holdings.here) {
            if sources.len() >= need {
                holdings.here.push((index, slot));
                continue;
            }
            let Some(shard) = record.header.shards.get(usize::from(index)).copied() else { continue };
            match read(shared, &slot, &shard, u64::from(record.header.shard_len), None).await? {
                Ok(bytes) => {
                    sources.push(CheckedShard::check(&record.header, index, bytes).map_err(inconsistent)?);
                    holdings.here.push((index, slot));
                }
                Err(Fault::Store(error)) => return Err(error.into()),
                // It is no source now, and no loss: what hangs is not rebuilt before its volume is lost.
                Err(Fault::Stalled) => {
                    self.in_doubt = true;
                    holdings.here.push((index, slot));
                }
                Err(fault) => {
                    self.in_doubt |= matches!(fault, Fault::Volume(_));
                    gone::fault(shared, &slot, &shard, &fault).await?;
                }
            }
        }
        Ok(sources)
    }

    /// Writes one rebuilt shard and tells the ledger.
    async fn keep(
        &mut self,
        shared: &Arc<Shared>,
        pack: PackId,
        record: &PackRecord,
        holdings: &mut Holdings,
        Rebuilt { index, shard: id, bytes, outboard }: Rebuilt,
    ) -> Result<(), ReplicaError> {
        // The old holder is taken off first: the ledger keeps one holder per index.
        for holder in record.holders.iter().filter(|holder| holder.index == index && holder.node == shared.node) {
            shared.directory.lost(pack, index, holder.volume).await?;
        }
        let mut others = Others::default();
        for (other, slot) in &holdings.here {
            *others.held.entry(slot.id).or_default() += 1;
            if record.header.shards.get(usize::from(*other)) == Some(&id) {
                others.excluded.insert(slot.id);
            }
        }
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let item = Item { pack, index, width: record.header.policy.width(), shard: id, bytes, outboard };
        let ack = keep(shared, &item, Purpose::Repair, &others).await?;
        let volume: VolumeId = ack.volume;
        shared.directory.held(ack).await?;
        if let Some(slot) = shared.shelf.slot(volume) {
            holdings.here.push((index, slot));
        }
        self.shards += 1;
        self.bytes += len;
        metrics::rebuilt(len);
        tracing::info!(target: "replica", %pack, index, volume = volume.0, "shard rebuilt");
        shared.event(ReplicaEvent::ShardRebuilt { pack, index, volume, bytes: len });
        Ok(())
    }
}

/// Compares the record with this node's index. A holder of this node that has no usable row is not one. A shard that
/// lies here although the record does not know is told to the ledger: a repair stopped between writing and telling, or
/// a lost volume came back.
async fn holdings(shared: &Arc<Shared>, pack: PackId, record: &PackRecord) -> Result<Holdings, ReplicaError> {
    let mut holdings = Holdings::default();
    for holder in &record.holders {
        if holder.node != shared.node {
            holdings.elsewhere.push(holder.index);
            continue;
        }
        let Some(shard) = record.header.shards.get(usize::from(holder.index)) else { continue };
        let Some(slot) = usable(shared, holder.volume) else { continue };
        if holds(shared, &slot, shard, pack, holder.index)? {
            holdings.here.push((holder.index, slot));
        }
    }
    for (index, shard) in (0..record.header.policy.width()).zip(&record.header.shards) {
        if holdings.has(index) {
            continue;
        }
        for slot in shared.shelf.slots() {
            let slot = match usable(shared, slot.id) {
                Some(slot) if holds(shared, &slot, shard, pack, index)? => slot,
                _ => continue,
            };
            let join = |row: Option<ShardRow>| {
                row.map(|mut row| {
                    row.join(pack, index);
                    row
                })
            };
            shared.index.change(slot.id, shard, join)?;
            for holder in record.holders.iter().filter(|holder| holder.index == index) {
                shared.directory.lost(pack, index, holder.volume).await?;
            }
            shared.directory.held(shared.ack(pack, index, *shard, slot.id)).await?;
            holdings.here.push((index, slot));
            break;
        }
    }
    Ok(holdings)
}

fn usable(shared: &Shared, volume: VolumeId) -> Option<Arc<Slot>> {
    shared.shelf.slot(volume).filter(|slot| slot.state() != VolumeState::Lost && slot.volume().is_some())
}

/// Whether the volume has the shard, and not as another copy of the same pack.
fn holds(shared: &Shared, slot: &Slot, shard: &ShardId, pack: PackId, index: u8) -> Result<bool, ReplicaError> {
    if shared.is_gone(slot.id, shard) {
        return Ok(false);
    }
    let Some(row) = shared.index.row(slot.id, shard)? else { return Ok(false) };
    let mut places = row.members.iter().filter(|(other, _)| *other == pack).peekable();
    Ok(places.peek().is_none() || places.any(|(_, other)| *other == index))
}
