//! The way in: commands of many clients become few Raft entries (group commit), and a full ledger pushes back.
//!
//! ```text
//!   submit ─ check signatures ─ permits (commands in flight) ─ mailbox ─► propose.rs ─► outcomes
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use parity_scale_codec::Encode;
use primitives::SignatureError;
use primitives::ledger::{Applied, COMMAND_MAX, Refusal, SignedCommand};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::checked::{Checked, check_all};
use crate::error::LedgerError;
use crate::machine::{Rules, invalid};
use crate::metrics;
use crate::propose::{GROUP_COMMANDS, Part, PartReply, propose_all};
use crate::types::Raft;

/// Submissions that may wait in the mailbox.
const MAILBOX: usize = 4096;

type Outcome = Result<Applied, Refusal>;

/// The mailbox; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Ingress {
    rules: Arc<Rules>,
    mailbox: mpsc::Sender<Part>,
    in_flight: Arc<Semaphore>,
    part_commands: usize,
    limit: usize,
    deadline: Duration,
}

impl Ingress {
    /// Starts the task that proposes; it ends when `cancel` is cancelled.
    pub(crate) fn start(
        raft: Raft,
        rules: Arc<Rules>,
        in_flight_commands: usize,
        deadline: Duration,
        cancel: CancellationToken,
    ) -> Self {
        let (mailbox, parts) = mpsc::channel(MAILBOX);
        tokio::spawn(propose_all(raft, parts, deadline, cancel));
        let limit = in_flight_commands.clamp(1, Semaphore::MAX_PERMITS);
        let in_flight = Arc::new(Semaphore::new(limit));
        Self { rules, mailbox, in_flight, part_commands: limit.min(GROUP_COMMANDS), limit, deadline }
    }

    /// Orders and applies commands; one outcome each, in order.
    pub(crate) async fn submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Outcome>, LedgerError> {
        let started = Instant::now();
        let checked = self.check(commands).await?;
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(checked.len());
        let mut parts = Vec::new();
        let mut part = Vec::new();
        for (signed, checked) in checked {
            match admit(&signed, &checked) {
                Err(refusal) => outcomes.push(Some(Err(refusal))),
                Ok(()) => {
                    outcomes.push(None);
                    part.push((signed, checked));
                }
            }
            if part.len() >= self.part_commands {
                parts.push(self.enqueue(std::mem::take(&mut part)).await?);
            }
        }
        if !part.is_empty() {
            parts.push(self.enqueue(part).await?);
        }
        let mut ordered = Vec::new();
        for part in parts {
            ordered.extend(part.await.map_err(|_| stopped())??);
        }
        metrics::submitted(started.elapsed());
        let mut ordered = ordered.into_iter();
        outcomes.into_iter().map(|refused| refused.or_else(|| ordered.next()).ok_or_else(stopped)).collect()
    }

    /// What the signatures say, found on a thread that may block.
    async fn check(
        &self,
        commands: Vec<SignedCommand>,
    ) -> Result<Vec<(SignedCommand, Result<Checked, SignatureError>)>, LedgerError> {
        let network = self.rules.network;
        let checking = tokio::task::spawn_blocking(move || {
            let references: Vec<&SignedCommand> = commands.iter().collect();
            let checked = check_all(&network, &references);
            commands.into_iter().zip(checked).collect()
        });
        checking.await.map_err(|error| LedgerError::Stopped { reason: error.to_string() })
    }

    async fn enqueue(
        &self,
        commands: Vec<(SignedCommand, Result<Checked, SignatureError>)>,
    ) -> Result<PartReply, LedgerError> {
        let wanted = u32::try_from(commands.len()).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.in_flight).acquire_many_owned(wanted);
        let permits = tokio::time::timeout(self.deadline, permits).await.map_err(|_| LedgerError::Busy)?;
        let permits = permits.map_err(|_| stopped())?;
        metrics::in_flight(self.limit.saturating_sub(self.in_flight.available_permits()));
        let (reply, receiver) = oneshot::channel();
        self.mailbox.send(Part::new(commands, reply, permits)).await.map_err(|_| stopped())?;
        Ok(receiver)
    }
}

/// What needs no order to be refused: a bad signature, a command that is too long.
fn admit(signed: &SignedCommand, checked: &Result<Checked, SignatureError>) -> Result<(), Refusal> {
    if checked.is_err() {
        return Err(Refusal::BadSignature);
    }
    let bytes = signed.encoded_size();
    if bytes > COMMAND_MAX {
        return Err(invalid("command", format!("{bytes} bytes, at most {COMMAND_MAX} allowed")));
    }
    Ok(())
}

fn stopped() -> LedgerError {
    LedgerError::Stopped { reason: "its ingress has ended".to_owned() }
}
