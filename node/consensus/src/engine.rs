//! Starts Malachite on our types, notices when it ends, stops it.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use malachite_app_channel::app::config::{ConsensusConfig as EngineConsensus, NodeConfig, ValueSyncConfig};
use malachite_app_channel::app::engine::util::events::{Event, RxEvent};
use malachite_app_channel::{
    Channels, ConsensusContext, EngineBuilder, EngineHandle, RequestContext, SyncContext, WalContext,
};
use tokio::sync::oneshot;

use crate::bft::{Bft, Scale, SetAddress};
use crate::error::ConsensusError;
use crate::signer::{GuardedSigner, StrictVerifier};
use crate::{lock, solo};

/// How long the engine may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running engine.
pub(crate) struct Engine {
    moniker: String,
    handle: EngineHandle,
    complaint: Arc<Mutex<Option<String>>>,
}

/// What the application gets from a started engine.
pub(crate) struct Started {
    pub channels: Channels<Bft>,
    /// Resolves when the engine ended its actors: by itself, or for safety (then its supervisor stays alive on
    /// purpose, so that nothing restarts it blindly).
    pub ended: oneshot::Receiver<()>,
    pub engine: Engine,
}

/// The engine's settings; everything about its own peer-to-peer layer is unused.
struct Settings {
    moniker: String,
    consensus: EngineConsensus,
    value_sync: ValueSyncConfig,
}

impl NodeConfig for Settings {
    fn moniker(&self) -> &str {
        &self.moniker
    }

    fn consensus(&self) -> &EngineConsensus {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut EngineConsensus {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.value_sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.value_sync
    }
}

/// Starts the engine with its log at `wal`.
pub(crate) async fn start(
    wal: &Path,
    signer: GuardedSigner,
    verifier: StrictVerifier,
) -> Result<Started, ConsensusError> {
    wait_for_lock(wal).await?;
    let failed = |reason: String| ConsensusError::EngineStart { reason };
    let solo = solo::spawn().await.map_err(|error| failed(error.to_string()))?;
    let moniker: String = signer.key().to_string().chars().take(16).collect();
    let settings = Settings {
        moniker: moniker.clone(),
        consensus: EngineConsensus::default(),
        value_sync: ValueSyncConfig { status_update_interval: Duration::from_secs(1), ..ValueSyncConfig::default() },
    };
    let address = SetAddress(signer.key());
    let (channels, handle) = EngineBuilder::new(Bft, settings)
        .with_default_wal(WalContext::new(wal.to_owned(), Scale))
        .with_custom_network(solo.network, solo.parts)
        .with_default_sync(SyncContext::new(Scale))
        .with_default_consensus(ConsensusContext::new_validator(address, Box::new(verifier), Box::new(signer)))
        .with_default_request(RequestContext::new(16))
        .build()
        .await
        .map_err(|error| failed(format!("{error:#}")))?;
    let complaint = Arc::new(Mutex::new(None));
    tokio::spawn(listen(channels.events.subscribe(), Arc::clone(&complaint)));
    Ok(Started { channels, ended: solo.ended, engine: Engine { moniker, handle, complaint } })
}

/// Waits until nobody has the engine's log; the engine itself would fail at once.
async fn wait_for_lock(wal: &Path) -> Result<(), ConsensusError> {
    let path = wal.to_owned();
    let probe = move || {
        let file: File = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        lock::acquire(&file, lock::PATIENCE)?;
        file.unlock()
    };
    let failed = |reason: String| ConsensusError::EngineStart { reason: format!("{}: {reason}", wal.display()) };
    tokio::task::spawn_blocking(probe)
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))
}

/// Keeps the engine's last words about its log.
async fn listen(mut events: RxEvent<Bft>, complaint: Arc<Mutex<Option<String>>>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        let reason = match events.recv().await {
            Ok(Event::WalCorrupted(error)) => format!("its WAL is corrupted: {error}"),
            Ok(Event::WalReplayError(error)) => format!("its WAL cannot be replayed: {error}"),
            Ok(Event::WalResetError(error)) => format!("its WAL cannot be opened: {error:#}"),
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        *complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }
}

impl Engine {
    /// Why the engine ended, as far as it said.
    pub(crate) fn reason(&self) -> String {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unsafe_to_go_on = if self.has_safety_failure() { "for safety" } else { "by itself" };
        complaint.map_or_else(|| unsafe_to_go_on.to_owned(), |words| format!("{unsafe_to_go_on}, {words}"))
    }

    /// The engine's alarm: its supervisor halted everything because going on could sign twice.
    fn has_safety_failure(&self) -> bool {
        let mut text = String::new();
        malachite_app_channel::app::metrics::export(&mut text);
        text.lines().any(|line| {
            line.contains("node_safety_failure") && line.contains(&self.moniker) && line.trim_end().ends_with(" 1")
        })
    }

    /// Stops the engine's actors. Call it while a reply is held, or after the engine ended.
    pub(crate) async fn stop(self) {
        self.handle.actor.stop(Some("the node stops".to_owned()));
        if tokio::time::timeout(STOP_TIMEOUT, self.handle.handle).await.is_err() {
            tracing::warn!(target: "consensus", "the engine did not stop in time");
            self.handle.actor.kill();
        }
    }
}
