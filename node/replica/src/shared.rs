//! What all parts of the replica share.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer, SigningKey};
use primitives::{Ed25519Signature, NetworkId, NodeKey, PackId, ShardAck, ShardId, TimestampMs, VolumeId};
use tokio::sync::{Semaphore, broadcast, mpsc};

use crate::cache::GroupCache;
use crate::calls::DiskCalls;
use crate::claims::Claims;
use crate::index::Index;
use crate::ingress::Message;
use crate::machine::Seen;
use crate::shelf::Shelf;
use crate::slot::Slot;
use crate::{Directory, ReplicaConfig, ReplicaEvent, ShardStat};

/// Packs whose recent placements are remembered.
const RECENT_MAX: usize = 4096;

/// Calls that record packs and are under way at a time; others wait, with those who sent them.
const COMMITS_MAX: usize = 1024;

/// Volumes that are hashed at the same time; each has one shard in memory.
pub(crate) const AT_ONCE: usize = 8;

/// Handles and caches; cheap to share, safe to use from any task.
pub(crate) struct Shared {
    pub(crate) config: ReplicaConfig,
    pub(crate) network: NetworkId,
    pub(crate) node: NodeKey,
    pub(crate) key: SigningKey,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) index: Index,
    pub(crate) shelf: Shelf,
    pub(crate) groups: GroupCache,
    pub(crate) claims: Claims,
    /// Commits that may still begin.
    pub(crate) commits: Arc<Semaphore>,
    /// KiB that repairs may still take.
    pub(crate) repair_memory: Semaphore,
    pub(crate) events: broadcast::Sender<ReplicaEvent>,
    pub(crate) mailbox: mpsc::Sender<Message>,
    pub(crate) scrub: ScrubCounters,
    pub(crate) recent: Mutex<Recent>,
    /// The most packs that were ever recorded, as far as this process has noted or read it.
    pub(crate) recorded: AtomicU64,
    // Files found damaged whose loss is still being reported: rows that must not be used.
    gone: Mutex<HashSet<(VolumeId, ShardId)>>,
}

/// Counts of [`crate::ScrubStatus`].
#[derive(Debug, Default)]
pub(crate) struct ScrubCounters {
    pub(crate) checked: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) completed: AtomicU64,
}

/// Where shards of packs went lately, so that the shards of one pack spread although each comes in a call of its own.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    packs: std::collections::HashMap<PackId, Vec<Placed>>,
    order: VecDeque<PackId>,
}

/// One placement, possibly still being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) index: u8,
    pub(crate) shard: ShardId,
    pub(crate) volume: VolumeId,
}

impl Recent {
    pub(crate) fn of(&self, pack: &PackId) -> &[Placed] {
        self.packs.get(pack).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn add(&mut self, pack: PackId, placed: Placed) {
        let entry = self.packs.entry(pack).or_insert_with(|| {
            self.order.push_back(pack);
            Vec::new()
        });
        entry.retain(|other| other.index != placed.index);
        entry.push(placed);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.packs.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, pack: &PackId, placed: &Placed) {
        if let Some(entry) = self.packs.get_mut(pack) {
            entry.retain(|other| other != placed);
        }
    }
}

impl Shared {
    #[expect(clippy::too_many_arguments, reason = "called once, by start")]
    pub(crate) fn new(
        config: ReplicaConfig,
        network: NetworkId,
        key: SigningKey,
        directory: Arc<dyn Directory>,
        index: Index,
        shelf: Shelf,
        mailbox: mpsc::Sender<Message>,
        events: broadcast::Sender<ReplicaEvent>,
    ) -> Self {
        let repair_memory = Semaphore::new(usize::try_from(config.repair_memory_kib()).unwrap_or(1));
        Self {
            config,
            network,
            node: NodeKey::new(key.verifying_key().to_bytes()),
            key,
            directory,
            index,
            shelf,
            groups: GroupCache::default(),
            claims: Claims::default(),
            commits: Arc::new(Semaphore::new(COMMITS_MAX)),
            repair_memory,
            events,
            mailbox,
            scrub: ScrubCounters::default(),
            recent: Mutex::default(),
            recorded: AtomicU64::new(0),
            gone: Mutex::default(),
        }
    }

    /// This node's signed word that it keeps the shard.
    pub(crate) fn ack(&self, pack: PackId, index: u8, shard: ShardId, volume: VolumeId) -> ShardAck {
        let hash = ShardAck::sign_hash(&self.network, &pack, index, &shard, &self.node, volume);
        let signature = Ed25519Signature::new(self.key.sign(hash.as_ref()).to_bytes());
        ShardAck { pack, index, shard, node: self.node, volume, signature }
    }

    /// Volumes that hold the shard for all that is known, those that answer fastest first, with its length.
    pub(crate) fn holders(&self, shard: &ShardId) -> Result<Vec<(Arc<Slot>, u64)>, store::StoreError> {
        let mut holders = Vec::new();
        for slot in self.shelf.slots() {
            if slot.volume().is_none() || self.is_gone(slot.id, shard) {
                continue;
            }
            if let Some(row) = self.index.row(slot.id, shard)? {
                holders.push((slot, u64::from(row.len)));
            }
        }
        holders.sort_by_key(|(slot, _)| slot.latency_us());
        Ok(holders)
    }

    /// Whether the volume has the shard as this member of this pack, for all that is known.
    pub(crate) fn has_member(
        &self,
        volume: VolumeId,
        shard: &ShardId,
        member: (PackId, u8),
    ) -> Result<bool, store::StoreError> {
        // In this order: the row of a lost one goes before its mark does.
        if self.is_gone(volume, shard) {
            return Ok(false);
        }
        let row = self.index.row(volume, shard)?;
        Ok(row.is_some_and(|row| row.members.contains(&member)))
    }

    pub(crate) fn stat(&self, shard: &ShardId) -> Result<Option<ShardStat>, store::StoreError> {
        let holders = self.holders(shard)?;
        let Some(len) = holders.first().map(|(_, len)| *len) else { return Ok(None) };
        let mut volumes: Vec<VolumeId> = holders.iter().map(|(slot, _)| slot.id).collect();
        volumes.sort_unstable();
        Ok(Some(ShardStat { len, volumes }))
    }

    /// Tells the actor what was seen of a volume. A full mailbox loses it, and the next look at the volume sees it again.
    pub(crate) fn observed(&self, volume: VolumeId, seen: Seen) {
        let _ = self.mailbox.try_send(Message::Observed { volume, seen });
    }

    /// How long a write is waited for.
    pub(crate) fn write_patience(&self) -> Duration {
        DiskCalls::write_patience(self.config.read_timeout)
    }

    pub(crate) fn event(&self, event: ReplicaEvent) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    pub(crate) fn is_gone(&self, volume: VolumeId, shard: &ShardId) -> bool {
        self.gone().contains(&(volume, *shard))
    }

    /// Marks a row as not to be used; `false` when it was already.
    pub(crate) fn mark_gone(&self, volume: VolumeId, shard: &ShardId) -> bool {
        self.gone().insert((volume, *shard))
    }

    pub(crate) fn unmark_gone(&self, volume: VolumeId, shard: &ShardId) {
        self.gone().remove(&(volume, *shard));
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> MutexGuard<'_, HashSet<(VolumeId, ShardId)>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScrubCounters {
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

/// The wall clock.
pub(crate) fn wall_clock() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Runs disk work on a blocking thread. A panic in it costs a request that asked for it, and ends the actor when the work was
/// the replica's own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, crate::ReplicaError> {
    tokio::task::spawn_blocking(work).await.map_err(crate::ReplicaError::unfinished)
}

/// Runs disk work as [`blocking`] does and waits for it no longer than `patience`; `None` when it has not come back by then. It
/// goes on alone, and keeps what it took along until the disk lets it go.
pub(crate) async fn on_disk<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, crate::ReplicaError> {
    tokio::time::timeout(patience, blocking(work)).await.ok().transpose()
}

/// A stopwatch for read times.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn read(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, ReplicaError};

    #[tokio::test]
    async fn a_panic_in_disk_work_is_told_as_the_defect_that_it_is() {
        let error = blocking(|| assert!(std::hint::black_box(false), "no such sector")).await.unwrap_err();
        assert!(matches!(&error, ReplicaError::Panicked { reason } if reason.contains("no such sector")), "{error}");
        assert_eq!(error.class(), Class::Fatal);
    }
}
