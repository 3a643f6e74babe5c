//! Makes Raft entries of waiting commands: what gathers while entries are being written goes into the next one.

use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{ClientWriteError, RaftError};
use openraft::raft::ClientWriteResult;
use parity_scale_codec::Encode;
use primitives::SignatureError;
use primitives::ledger::{Applied, Refusal, SignedCommand};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::checked::Checked;
use crate::error::LedgerError;
use crate::types::{CommandBatch, Outcomes, Raft, TypeConfig};

/// Most commands of one part, and of one entry.
pub(crate) const GROUP_COMMANDS: usize = 512;
/// Commands' bytes after which an entry is full; one command may be larger.
const GROUP_BYTES: usize = 1 << 20;
/// Entries proposed and not yet applied: one being written, one being applied; the rest gathers meanwhile.
const GROUPS_IN_FLIGHT: usize = 3;
/// Pause before a proposal is tried again when nobody leads.
const RETRY: Duration = Duration::from_millis(20);

type Answer = Result<Vec<Result<Applied, Refusal>>, LedgerError>;
/// Where a part's outcomes arrive.
pub(crate) type PartReply = oneshot::Receiver<Answer>;

/// Some commands of one submission, all with a good signature.
pub(crate) struct Part {
    commands: Vec<(SignedCommand, Result<Checked, SignatureError>)>,
    bytes: usize,
    waiting: Waiting,
}

/// Who waits for a part; room for new commands is made when it is answered.
struct Waiting {
    commands: usize,
    reply: oneshot::Sender<Answer>,
    _permits: OwnedSemaphorePermit,
}

impl Part {
    pub(crate) fn new(
        commands: Vec<(SignedCommand, Result<Checked, SignatureError>)>,
        reply: oneshot::Sender<Answer>,
        permits: OwnedSemaphorePermit,
    ) -> Self {
        let bytes = commands.iter().map(|(signed, _)| signed.encoded_size()).sum();
        let waiting = Waiting { commands: commands.len(), reply, _permits: permits };
        Self { commands, bytes, waiting }
    }
}

/// The task: gathers parts into entries and proposes them in order, until `cancel`.
pub(crate) async fn propose_all(
    raft: Raft,
    mut parts: mpsc::Receiver<Part>,
    deadline: Duration,
    cancel: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(GROUPS_IN_FLIGHT));
    let mut left_over: Option<Part> = None;
    loop {
        let first = match left_over.take() {
            Some(part) => part,
            None => tokio::select! {
                () = cancel.cancelled() => return,
                part = parts.recv() => match part {
                    Some(part) => part,
                    None => return,
                },
            },
        };
        let slot = tokio::select! {
            () = cancel.cancelled() => return,
            slot = Arc::clone(&slots).acquire_owned() => slot.expect("the slots are never closed"),
        };
        let mut group = Group::new(first);
        while let Ok(part) = parts.try_recv() {
            if let Err(part) = group.add(part) {
                left_over = Some(part);
                break;
            }
        }
        group.propose(&raft, deadline, slot).await;
    }
}

/// Parts that become one entry.
struct Group {
    commands: Vec<SignedCommand>,
    checked: Vec<Result<Checked, SignatureError>>,
    bytes: usize,
    waiting: Vec<Waiting>,
}

impl Group {
    fn new(part: Part) -> Self {
        let (commands, checked) = part.commands.into_iter().unzip();
        Self { commands, checked, bytes: part.bytes, waiting: vec![part.waiting] }
    }

    /// Adds a part, or gives it back when the entry is full.
    fn add(&mut self, part: Part) -> Result<(), Part> {
        let commands = self.commands.len().saturating_add(part.commands.len());
        let bytes = self.bytes.saturating_add(part.bytes);
        if commands > GROUP_COMMANDS || bytes > GROUP_BYTES {
            return Err(part);
        }
        self.bytes = bytes;
        self.waiting.push(part.waiting);
        for (signed, checked) in part.commands {
            self.commands.push(signed);
            self.checked.push(checked);
        }
        Ok(())
    }

    /// Hands the entry to Raft before it returns, so that entries keep their order; a task of its own waits for the
    /// outcomes.
    async fn propose(self, raft: &Raft, deadline: Duration, slot: OwnedSemaphorePermit) {
        let batch = CommandBatch { commands: self.commands.into(), checked: Some(self.checked.into()) };
        let (responder, outcome) = openraft::impls::ProgressResponder::complete_only();
        let sent = raft.client_write_ff(batch.clone(), Some(responder)).await;
        let raft = raft.clone();
        tokio::spawn(async move {
            let first = match sent {
                Err(fatal) => Err(Failure::Final(LedgerError::Stopped { reason: fatal.to_string() })),
                Ok(()) => match outcome.await {
                    Ok(result) => result_of(&raft, result),
                    Err(_) => Err(Failure::Final(LedgerError::Stopped { reason: "Raft has ended".to_owned() })),
                },
            };
            let outcomes = insist(&raft, batch, first, deadline).await;
            drop(slot);
            answer(self.waiting, outcomes);
        });
    }
}

/// Why a proposal has no outcome.
enum Failure {
    /// Worth another try: sessions make it harmless if the first one counted after all.
    Again,
    /// Not from here.
    Final(LedgerError),
}

fn result_of(raft: &Raft, result: ClientWriteResult<TypeConfig>) -> Result<Outcomes, Failure> {
    match result {
        Ok(response) => Ok(response.data),
        Err(ClientWriteError::ForwardToLeader(forward) | ClientWriteError::LogEntryDiscarded(forward)) => {
            match (forward.leader_id, forward.leader_node) {
                (Some(id), Some(member)) if id != *raft.node_id() => {
                    Err(Failure::Final(LedgerError::NotLeader { leader: member.key }))
                }
                _ => Err(Failure::Again),
            }
        }
        Err(other) => Err(Failure::Final(LedgerError::Stopped { reason: other.to_string() })),
    }
}

async fn insist(
    raft: &Raft,
    batch: CommandBatch,
    first: Result<Outcomes, Failure>,
    deadline: Duration,
) -> Result<Outcomes, LedgerError> {
    let until = Instant::now() + deadline;
    let mut result = first;
    loop {
        match result {
            Ok(outcomes) => return Ok(outcomes),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Again) if Instant::now() >= until => return Err(LedgerError::NoLeader),
            Err(Failure::Again) => sleep(RETRY).await,
        }
        result = match raft.client_write(batch.clone()).await {
            Ok(response) => Ok(response.data),
            Err(RaftError::APIError(error)) => result_of(raft, Err(error)),
            Err(RaftError::Fatal(fatal)) => Err(Failure::Final(LedgerError::Stopped { reason: fatal.to_string() })),
        };
    }
}

/// Gives each part its share of the entry's outcomes.
fn answer(waiting: Vec<Waiting>, outcomes: Result<Outcomes, LedgerError>) {
    let mut outcomes = outcomes.map(|Outcomes(outcomes)| outcomes.into_iter());
    for part in waiting {
        let share = match &mut outcomes {
            Ok(outcomes) => Ok(outcomes.by_ref().take(part.commands).collect()),
            Err(error) => Err(error.for_another()),
        };
        // Who submitted may have gone; the outcome stands in the ledger all the same.
        drop(part.reply.send(share));
    }
}
