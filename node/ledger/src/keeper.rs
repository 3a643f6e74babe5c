//! Watches Raft: tells when it ends, and keeps the log from growing without bound.

use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::log::LogStore;
use crate::types::Raft;

/// How often the log's size is looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// Why the ledger has ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// It was asked to.
    Cancelled,
    /// Raft failed.
    Failed(String),
}

/// Starts the task; it ends Raft when `cancel` is cancelled.
pub(crate) fn start(
    raft: Raft,
    log: LogStore,
    log_bytes: u64,
    cancel: CancellationToken,
) -> watch::Receiver<Option<End>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let end = keep(&raft, &log, log_bytes, &cancel).await;
        if let Err(error) = raft.shutdown().await {
            tracing::warn!(target: "ledger", %error, "Raft did not end cleanly");
        }
        sender.send_replace(Some(end));
    });
    receiver
}

async fn keep(raft: &Raft, log: &LogStore, log_bytes: u64, cancel: &CancellationToken) -> End {
    let mut metrics = raft.metrics();
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return End::Cancelled,
            changed = metrics.changed() => {
                if changed.is_err() {
                    return End::Failed("Raft has ended".to_owned());
                }
                let running = metrics.borrow_watched().running_state.clone();
                if let Err(fatal) = running {
                    return if cancel.is_cancelled() { End::Cancelled } else { End::Failed(fatal.to_string()) };
                }
            }
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
