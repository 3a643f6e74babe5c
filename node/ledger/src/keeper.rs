//! Watches Raft and the parts around it: tells when one ends, and why; keeps the log from growing without bound.

use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::LedgerError;
use crate::log::LogStore;
use crate::raft_errors;
use crate::types::Raft;

/// How often the log's size is looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// How long who met the end of a part waits to hear why; the keeper knows it a moment later.
const EXPLAIN_WAIT: Duration = Duration::from_secs(2);

/// Why the ledger ends.
#[derive(Clone, Debug)]
enum End {
    /// It was asked to.
    Cancelled,
    /// Raft or another part failed.
    Failed(String),
}

#[derive(Clone, Debug)]
enum State {
    Running,
    /// Nothing new begins; Raft is being ended.
    Ending(End),
    /// Raft has ended.
    Ended(End),
}

/// Tells how the ledger ended; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    state: watch::Receiver<State>,
}

impl Keeper {
    /// Starts the task. It ends Raft when `cancel` is cancelled, Raft fails, or one of the parts tells that it has ended.
    pub(crate) fn start(
        raft: Raft,
        log: LogStore,
        log_bytes: u64,
        mut parts: mpsc::Receiver<String>,
        cancel: CancellationToken,
    ) -> Self {
        let (sender, state) = watch::channel(State::Running);
        tokio::spawn(async move {
            let end = keep(&raft, &log, log_bytes, &mut parts, &cancel).await;
            sender.send_replace(State::Ending(end.clone()));
            if let Err(error) = raft.shutdown().await {
                tracing::warn!(target: "ledger", %error, "Raft did not end cleanly");
            }
            sender.send_replace(State::Ended(end));
        });
        Self { state }
    }

    /// Waits until the ledger has ended: `Ok` when it was cancelled.
    pub(crate) async fn ended(&self) -> Result<(), LedgerError> {
        let mut state = self.state.clone();
        match state.wait_for(|state| matches!(state, State::Ended(_))).await.as_deref() {
            Ok(State::Ended(End::Failed(reason))) => Err(LedgerError::Stopped { reason: reason.clone() }),
            Ok(_) => Ok(()),
            Err(_) => Err(LedgerError::Stopped { reason: "its keeper has ended".to_owned() }),
        }
    }

    /// The error with the reason for which the ledger ends, where that is what the error comes from.
    pub(crate) async fn explain(&self, error: LedgerError) -> LedgerError {
        if !matches!(error, LedgerError::Stopped { .. }) {
            return error;
        }
        let mut state = self.state.clone();
        let ends = state.wait_for(|state| !matches!(state, State::Running));
        match tokio::time::timeout(EXPLAIN_WAIT, ends).await.as_ref().map(Result::as_deref) {
            Ok(Ok(State::Ending(End::Failed(reason)) | State::Ended(End::Failed(reason)))) => {
                LedgerError::Stopped { reason: reason.clone() }
            }
            Ok(Ok(State::Ending(End::Cancelled) | State::Ended(End::Cancelled))) => {
                LedgerError::Stopped { reason: "the node is stopping".to_owned() }
            }
            _ => error,
        }
    }
}

async fn keep(
    raft: &Raft,
    log: &LogStore,
    log_bytes: u64,
    parts: &mut mpsc::Receiver<String>,
    cancel: &CancellationToken,
) -> End {
    let mut metrics = raft.metrics();
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let failed = |reason: String| if cancel.is_cancelled() { End::Cancelled } else { End::Failed(reason) };
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return End::Cancelled,
            changed = metrics.changed() => {
                if let Err(fatal) = &metrics.borrow_watched().running_state {
                    return failed(raft_errors::reason(fatal));
                }
                if changed.is_err() {
                    return failed("Raft has ended".to_owned());
                }
            }
            Some(reason) = parts.recv() => return failed(reason),
            _ = tick.tick() => bound(raft, log, log_bytes).await,
        }
    }
}

/// Snapshots when the log has grown too long, and purges what the snapshot holds.
async fn bound(raft: &Raft, log: &LogStore, log_bytes: u64) {
    if log.disk_bytes() <= log_bytes {
        return;
    }
    let snapshot = raft.metrics().borrow_watched().snapshot;
    let asked = match snapshot {
        Some(id) => raft.trigger().purge_log(id.index).await,
        None => Ok(()),
    };
    if let Err(fatal) = match asked {
        Ok(()) => raft.trigger().snapshot().await,
        failed => failed,
    } {
        tracing::warn!(target: "ledger", error = %fatal, "the log cannot be shortened");
    }
}
