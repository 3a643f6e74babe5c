//! The handle that others hold.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures::future::BoxFuture;
use primitives::{NetworkId, NodeKey, PackHeader, PackId, ShardAck, ShardId, TimestampMs};
use store::Store;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, View};
use crate::calls::DiskCalls;
use crate::index::Index;
use crate::machine::{Limits, Machine};
use crate::shared::{Shared, blocking};
use crate::shelf::{self, Shelf};
use crate::{
    Confirmed, Directory, OrphanReport, ReplicaConfig, ReplicaError, ReplicaEvent, ReplicaStatus, ScrubReport,
    ScrubStatus, ShardStat, census, confirm, get, orphans, put, scrub,
};

/// Messages that may wait for the actor.
const MAILBOX: usize = 1024;
/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;

/// A running replica; clones share it.
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
    view: Arc<Mutex<View>>,
    stopped: watch::Receiver<Option<Result<(), Arc<ReplicaError>>>>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").field("node", &self.shared.node).finish_non_exhaustive()
    }
}

/// Opens the volumes, compares their files with the index, and starts serving. Returns when every shard that was
/// acknowledged before is served again.
///
/// # Errors
/// A configured volume that cannot be used ([`ReplicaError::Foreign`], [`ReplicaError::Duplicate`],
/// [`ReplicaError::Volume`]), or a failing database. A volume that was here before and is gone, or does not answer
/// within the time that a write may take, is not an error: its shards are repaired.
pub fn start(
    config: ReplicaConfig,
    network: NetworkId,
    node_key: SigningKey,
    store: Store,
    directory: Arc<dyn Directory>,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<Replica, ReplicaError>> {
    // Boxed here, so that the actor is compiled with this crate and not again with the program that runs it.
    Box::pin(launch(config, network, node_key, store, directory, cancel))
}

async fn launch(
    config: ReplicaConfig,
    network: NetworkId,
    node_key: SigningKey,
    store: Store,
    directory: Arc<dyn Directory>,
    cancel: CancellationToken,
) -> Result<Replica, ReplicaError> {
    let node = NodeKey::new(node_key.verifying_key().to_bytes());
    let index = Index::new(store);
    let places = shelf::knock(&config.volumes, DiskCalls::write_patience(config.read_timeout)).await?;
    let (index, shelf) = blocking(move || {
        let shelf = Shelf::open(&places, &index, node, network);
        (index, shelf)
    })
    .await?;
    let (mailbox, inbox) = mpsc::channel(MAILBOX);
    let (events, _) = broadcast::channel(EVENTS);
    let limits = Limits {
        confirm_loss: config.confirm_loss,
        repair_bytes_per_second: config.repair_bytes_per_second,
        repairs_max: config.repairs_max.max(1),
    };
    let shared = Arc::new(Shared::new(config, network, node_key, directory, index, shelf?, mailbox, events));
    let found = census::of_all(&shared, &cancel).await?;
    let view = Arc::new(Mutex::new(View::default()));
    let actor = Actor::new(shared.clone(), Machine::new(limits), view.clone());
    let (done, stopped) = watch::channel(None);
    let task = tokio::spawn(actor.run(inbox, cancel.child_token()));
    let scrubber = tokio::spawn(scrub::run(shared.clone(), cancel.child_token()));
    tokio::spawn(async move {
        // Whichever ends first decides; after a cancellation both end well.
        let result = tokio::select! {
            result = task => result,
            result = async { match scrubber.await {
                // Cancelled, or the actor has ended and will say why.
                Ok(Ok(()) | Err(ReplicaError::Stopped)) => std::future::pending().await,
                other => other,
            } } => result,
        };
        let result = result.unwrap_or_else(|error| Err(ReplicaError::unfinished(error)));
        let _ = done.send(Some(result.map_err(Arc::new)));
    });
    for (slot, found) in found {
        census::take(&shared, &slot, found).await?;
    }
    Ok(Replica { shared, view, stopped })
}

impl Replica {
    /// Keeps a shard: checks that `bytes` are `shard`, writes them to the volume that placement chooses for position
    /// `index` of a pack of `width` shards, and signs for it once they are durable. The same shard again gives an
    /// acknowledgement again.
    ///
    /// # Errors
    /// [`ReplicaError::Mismatch`], [`ReplicaError::Length`], [`ReplicaError::Index`] for a wrong request;
    /// [`ReplicaError::Full`], [`ReplicaError::NoVolume`], [`ReplicaError::NoPlace`] when no volume takes it.
    pub async fn put(
        &self,
        pack: PackId,
        index: u8,
        width: u8,
        shard: ShardId,
        bytes: Bytes,
    ) -> Result<ShardAck, ReplicaError> {
        // In a task of its own: a client that leaves does not stop a write half-way between volume and index.
        let shared = self.shared.clone();
        let task = async move { put::put(&shared, pack, index, width, shard, bytes).await };
        tokio::spawn(task).await.map_err(ReplicaError::unfinished)?
    }

    /// Bytes `range` of a shard (default: all of it). What comes back was verified against the shard's id, or against
    /// hashes proven by it, after it was read.
    ///
    /// # Errors
    /// [`ReplicaError::Unknown`], [`ReplicaError::Range`]; [`ReplicaError::Corrupt`], [`ReplicaError::Slow`] and
    /// [`ReplicaError::Volume`] when other shards of the pack should be read instead.
    pub async fn get(&self, shard: &ShardId, range: Option<Range<u64>>) -> Result<Bytes, ReplicaError> {
        get::get(&self.shared, shard, range).await
    }

    /// Whether and where the shard is here, by the index.
    ///
    /// # Errors
    /// [`ReplicaError::Store`].
    pub async fn stat(&self, shard: &ShardId) -> Result<Option<ShardStat>, ReplicaError> {
        let (shared, shard) = (self.shared.clone(), *shard);
        blocking(move || Ok(shared.stat(&shard)?)).await?
    }

    /// The node's key: who signs acknowledgements.
    #[must_use]
    pub fn node(&self) -> NodeKey {
        self.shared.node
    }

    /// The state of volumes, repairs and scrubbing.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        let counters = &self.shared.scrub;
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        ReplicaStatus {
            volumes: self.shared.shelf.slots().iter().map(|slot| slot.status()).collect(),
            repairs: view.repairs,
            scrub: ScrubStatus {
                checked: read(&counters.checked),
                bytes: read(&counters.bytes),
                damaged: read(&counters.damaged),
                completed: Some(read(&counters.completed)).filter(|at| *at > 0).map(TimestampMs::new),
            },
            unrepairable: view.unrepairable.clone(),
        }
    }

    /// Re-hashes every shard now.
    ///
    /// # Errors
    /// [`ReplicaError::Store`].
    pub async fn scrub_now(&self) -> Result<ScrubReport, ReplicaError> {
        scrub::everything(&self.shared).await
    }

    /// To be called before packs are recorded with these acknowledgements: says which of the acknowledged shards are not
    /// here any more, and keeps the others here until the answer is dropped. A pack with fewer than
    /// [`Shortage::need`](crate::Shortage) shards must not be recorded: nobody could read it. Waits while many commits are
    /// under way.
    ///
    /// # Errors
    /// [`ReplicaError::Store`].
    pub async fn confirm(&self, commits: Vec<(PackHeader, Vec<ShardAck>)>) -> Result<Confirmed, ReplicaError> {
        confirm::confirm(&self.shared, commits).await
    }

    /// Removes shards now that no recorded pack has and whose files are older than `grace`.
    ///
    /// # Errors
    /// [`ReplicaError::Directory`] when the ledger does not answer, [`ReplicaError::Store`].
    pub async fn remove_orphans_now(&self, grace: Duration) -> Result<OrphanReport, ReplicaError> {
        orphans::remove(&self.shared, grace).await
    }

    /// What happens to volumes and shards from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<ReplicaEvent> {
        self.shared.events.subscribe()
    }

    /// Waits until the replica has stopped: after a cancellation, because the database failed, or because its own work panicked.
    ///
    /// # Errors
    /// What stopped it.
    pub async fn stopped(&self) -> Result<(), Arc<ReplicaError>> {
        let mut stopped = self.stopped.clone();
        let ended = stopped.wait_for(Option::is_some).await.map(|result| result.clone());
        ended.ok().flatten().unwrap_or_else(|| Err(Arc::new(ReplicaError::Stopped)))
    }
}
