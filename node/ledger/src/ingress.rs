//! The way in: commands of many clients become few Raft entries (group commit), and a full ledger pushes back.
//!
//! ```text
//!   submit ─ permits (commands in flight) ─ mailbox ─► check.rs (threads) ─► propose.rs ─► Raft ─► outcomes
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::ledger::{Applied, Refusal, SignedCommand};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::check::{self, Submission};
use crate::checked::Checker;
use crate::error::LedgerError;
use crate::metrics;
use crate::parts::Parts;
use crate::propose::{GROUP_COMMANDS, propose_all};
use crate::types::Raft;

/// Submissions that may wait in the mailbox; the permits bound what they hold.
const MAILBOX: usize = 4096;

type Outcome = Result<Applied, Refusal>;

/// The mailbox; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Ingress {
    mailbox: mpsc::Sender<Submission>,
    in_flight: Arc<Semaphore>,
    limit: usize,
    deadline: Duration,
}

impl Ingress {
    /// Starts the threads that check and the task that proposes; the task ends when `cancel` is cancelled, the threads
    /// when it has ended or the last clone is gone.
    ///
    /// # Errors
    /// [`LedgerError::Config`] when the system gives no thread.
    pub(crate) fn start(
        raft: Raft,
        checker: Arc<Checker>,
        in_flight_commands: usize,
        deadline: Duration,
        tasks: &Parts,
        cancel: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let limit = in_flight_commands.clamp(1, Semaphore::MAX_PERMITS);
        let (mailbox, submissions) = mpsc::channel(MAILBOX);
        let parts = check::start(checker, submissions, tasks)?;
        tasks.task("proposes entries", propose_all(raft, parts, deadline, cancel));
        Ok(Self { mailbox, in_flight: Arc::new(Semaphore::new(limit)), limit, deadline })
    }

    /// Orders and applies commands; one outcome each, in order.
    pub(crate) async fn submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Outcome>, LedgerError> {
        let started = Instant::now();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let permits = self.permits(commands.len()).await?;
        let mut replies = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..commands.len().div_ceil(GROUP_COMMANDS) {
            let (reply, answer) = oneshot::channel();
            replies.push(reply);
            answers.push(answer);
        }
        self.mailbox.send(Submission { commands, replies, permits }).await.map_err(|_| stopped())?;
        let mut outcomes = Vec::new();
        for answer in answers {
            let part = answer.await.map_err(|_| stopped())??;
            if outcomes.is_empty() {
                outcomes = part;
            } else {
                outcomes.extend(part);
            }
        }
        metrics::submitted(started.elapsed());
        Ok(outcomes)
    }

    /// Room for this many commands; who brings more than there is room for waits for all of it.
    async fn permits(&self, commands: usize) -> Result<OwnedSemaphorePermit, LedgerError> {
        let wanted = u32::try_from(commands.min(self.limit)).unwrap_or(u32::MAX);
        let permits = match Arc::clone(&self.in_flight).try_acquire_many_owned(wanted) {
            Ok(permits) => permits,
            Err(_) => {
                let permits = Arc::clone(&self.in_flight).acquire_many_owned(wanted);
                let permits = tokio::time::timeout(self.deadline, permits).await.map_err(|_| LedgerError::Busy)?;
                permits.map_err(|_| stopped())?
            }
        };
        metrics::in_flight(self.limit.saturating_sub(self.in_flight.available_permits()));
        Ok(permits)
    }
}

fn stopped() -> LedgerError {
    LedgerError::Stopped { reason: "its ingress has ended".to_owned() }
}
