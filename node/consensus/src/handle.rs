//! Starting consensus, and the handle that the rest of the node holds.

use std::sync::Arc;

use chain_spec::ChainSpec;
use ed25519_dalek::SigningKey;
use futures::future::BoxFuture;
use primitives::{Address, Height, TxHash};
use runtime::CheckedTx;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::app::{App, End, Inputs};
use crate::chain::{Chain, Head};
use crate::config::ConsensusConfig;
use crate::engine::{self, Engine};
use crate::error::{ChainError, ConsensusError};
use crate::guard::{Beginning, Guard};
use crate::intake::Intake;
use crate::lock;
use crate::pool::PoolError;
use crate::signer::{GuardedSigner, StrictVerifier};

/// File names inside [`ConsensusConfig::wal_dir`].
const WAL: &str = "consensus.wal";
const GUARD: &str = "signing-guard";

/// Running consensus; clones share it.
#[derive(Clone, Debug)]
pub struct Consensus {
    chain: Chain,
    intake: Arc<Intake>,
    waits: watch::Receiver<u64>,
    stopped: watch::Receiver<Option<Result<(), ConsensusError>>>,
}

/// Opens the chain (writing block 0 into an empty store), restores the pool, and starts the engine as the validator
/// with `key`. Ends when `cancel` is cancelled or something breaks; see [`Consensus::stopped`].
///
/// # Errors
/// [`ConsensusError`]: another network's store, a key that is no validator, a damaged or foreign signing guard, a
/// second process on the same directory, or failing storage.
pub fn start(
    config: ConsensusConfig,
    spec: Arc<ChainSpec>,
    store: Store,
    key: SigningKey,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<Consensus, ConsensusError>> {
    // Boxed here, so that the engine is compiled with this crate and not again with the program that runs it.
    Box::pin(launch(config, spec, store, key, cancel))
}

async fn launch(
    config: ConsensusConfig,
    spec: Arc<ChainSpec>,
    store: Store,
    key: SigningKey,
    cancel: CancellationToken,
) -> Result<Consensus, ConsensusError> {
    let network = spec.network;
    let (fatal_sender, fatal) = mpsc::channel(8);
    let opened = config.clone();
    let open = move || open(&opened, spec, store, key, fatal_sender);
    let (chain, intake, signer) = tokio::task::spawn_blocking(open).await.map_err(panicked)??;
    let started = engine::start(&config.wal_dir.join(WAL), signer.clone(), StrictVerifier(network)).await?;
    let (counter, waits) = watch::channel(0);
    let parts = started.channels.network.clone();
    let app = App::new(config, chain.clone(), Arc::clone(&intake), signer, parts, counter);
    let inputs = Inputs { engine: started.channels.consensus, fatal, ended: started.ended, cancel };
    let (report, stopped) = watch::channel(None);
    tokio::spawn(supervise(app, inputs, started.engine, report));
    Ok(Consensus { chain, intake, waits, stopped })
}

type Opened = (Chain, Arc<Intake>, GuardedSigner);

fn open(
    config: &ConsensusConfig,
    spec: Arc<ChainSpec>,
    store: Store,
    key: SigningKey,
    fatal: mpsc::Sender<ConsensusError>,
) -> Result<Opened, ConsensusError> {
    let dir = &config.wal_dir;
    std::fs::create_dir_all(dir)
        .map_err(|error| ConsensusError::Directory { path: dir.clone(), reason: error.to_string() })?;
    let network = spec.network;
    let chain = Chain::open(store, spec)?;
    let key_id = primitives::ValidatorKey::new(key.verifying_key().to_bytes());
    let next = chain.head().map_or(Height::GENESIS, |tip| tip.height.next());
    let validators = Chain::required("validator set", next, chain.validators_at(next)?)?;
    if validators.find(&key_id).is_none() {
        return Err(ConsensusError::NotValidator { key: key_id, height: next });
    }
    let tip = chain.head().map_or(Height::GENESIS, |tip| tip.height);
    let beginning = Beginning { tip, alone: validators.members().len() == 1 };
    let guard = Guard::open(&dir.join(GUARD), network, key_id, beginning, lock::PATIENCE)?;
    let intake = Arc::new(Intake::open(chain.clone(), config.pool)?);
    Ok((chain, intake, GuardedSigner::new(network, key, guard, fatal)))
}

/// Runs the application on a thread of its own, because it waits for the disk; stops the engine after it.
async fn supervise(
    app: App,
    inputs: Inputs,
    engine: Engine,
    report: watch::Sender<Option<Result<(), ConsensusError>>>,
) {
    let runtime = tokio::runtime::Handle::current();
    let ended = tokio::task::spawn_blocking(move || runtime.block_on(app.run(inputs))).await;
    let result = match ended.map_err(panicked) {
        Ok(Ok(end @ End::Stopped { .. })) => {
            engine.stop().await;
            drop(end);
            Ok(())
        }
        Ok(Ok(End::EngineEnded)) => {
            let reason = engine.reason();
            engine.stop().await;
            Err(ConsensusError::EngineStopped { reason })
        }
        Ok(Err(error)) | Err(error) => {
            engine.stop().await;
            Err(error)
        }
    };
    match &result {
        Ok(()) => tracing::info!(target: "consensus", "stopped"),
        Err(error) => tracing::error!(target: "consensus", %error, "stopped"),
    }
    report.send_replace(Some(result));
}

fn panicked(error: tokio::task::JoinError) -> ConsensusError {
    ConsensusError::Panicked { reason: error.to_string() }
}

impl Consensus {
    /// Takes a transaction's EIP-2718 bytes into the pool. It survives the end of the process from then on; whether
    /// it becomes final shows in [`Self::finality`].
    ///
    /// # Errors
    /// [`PoolError`] in geth's words; nothing of the transaction is kept then.
    #[allow(clippy::unused_async, reason = "a remote pool will need it; callers await already")]
    pub async fn submit(&self, raw: Vec<u8>) -> Result<TxHash, PoolError> {
        if self.stopped.borrow().is_some() {
            return Err(PoolError::Unavailable { reason: "consensus has stopped".to_owned() });
        }
        self.intake.submit(&raw)
    }

    /// Waits until a transaction is final and says where; `None` when it is neither final nor waiting (any more).
    ///
    /// # Errors
    /// [`ConsensusError`] when consensus stops first.
    pub async fn finality(&self, hash: &TxHash) -> Result<Option<(Height, u32)>, ConsensusError> {
        let (mut head, mut stopped) = (self.chain.watch(), self.stopped.clone());
        loop {
            let announced = head.borrow_and_update().height;
            match self.chain.transaction(hash)? {
                Some(place) if place.0 <= announced => return Ok(Some(place)),
                // Committed, and about to be announced.
                Some(_) => {}
                None if self.intake.get(hash).is_some() => {}
                // It may have become final between the two looks.
                None if self.chain.transaction(hash)?.is_some() => {}
                None => return Ok(None),
            }
            tokio::select! {
                _ = head.changed() => {}
                ended = stopped.wait_for(Option::is_some) => {
                    let reason = ended.ok().and_then(|ended| ended.clone()).unwrap_or(Ok(()));
                    reason?;
                    return Err(ConsensusError::EngineStopped { reason: "it was asked to".to_owned() });
                }
            }
        }
    }

    /// The final chain.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Follows the last final block.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<Head> {
        self.chain.watch()
    }

    /// How often since the start the next height was looked at and held back, because there was no work for a block and the
    /// heartbeat was not due.
    #[must_use]
    pub fn waits(&self) -> watch::Receiver<u64> {
        self.waits.clone()
    }

    /// The nonce that an account's next transaction should have, counting those that wait without a gap.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn pending_nonce(&self, sender: &Address) -> Result<u64, ChainError> {
        self.intake.pending_nonce(sender)
    }

    /// A transaction that waits for a block.
    #[must_use]
    pub fn pending(&self, hash: &TxHash) -> Option<CheckedTx> {
        self.intake.get(hash)
    }

    /// Transactions that wait, and their bytes.
    #[must_use]
    pub fn pool_size(&self) -> (usize, usize) {
        self.intake.size()
    }

    /// Resolves when consensus has ended, with the reason unless it was asked to.
    ///
    /// # Errors
    /// [`ConsensusError`]: why it ended.
    pub async fn stopped(&self) -> Result<(), ConsensusError> {
        let mut stopped = self.stopped.clone();
        let ended = stopped.wait_for(Option::is_some).await;
        ended
            .ok()
            .and_then(|ended| ended.clone())
            .unwrap_or_else(|| Err(ConsensusError::Panicked { reason: "the supervising task is gone".to_owned() }))
    }
}
