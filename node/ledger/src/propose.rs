//! Makes Raft entries of waiting commands: what gathers while entries are being written goes into the next one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use openraft::raft::ClientWriteResult;
use primitives::SignatureError;
use primitives::ledger::{Applied, Refusal, SignedCommand};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::checked::Checked;
use crate::error::LedgerError;
use crate::raft_errors::{Failure, stopped};
use crate::types::{CommandBatch, Outcomes, Raft, TypeConfig};

/// Most commands of one part, and of one entry.
pub(crate) const GROUP_COMMANDS: usize = 512;
/// Commands' bytes after which an entry is full; one command may be larger.
const GROUP_BYTES: usize = 1 << 20;
/// Entries proposed and not yet applied: one being written, one being applied; the rest gathers meanwhile.
const GROUPS_IN_FLIGHT: usize = 3;
/// Pause before a proposal is tried again when nobody leads.
const RETRY: Duration = Duration::from_millis(20);

/// Outcomes of a part's commands, in order.
pub(crate) type Answer = Result<Vec<Result<Applied, Refusal>>, LedgerError>;

/// Some commands of one submission, all with a good signature.
#[derive(Debug)]
pub(crate) struct Part {
    commands: Vec<(SignedCommand, Result<Checked, SignatureError>)>,
    bytes: usize,
    waiting: Waiting,
}

/// Who waits for a part; room for new commands is made when it is answered.
#[derive(Debug)]
struct Waiting {
    /// `None` for a command that is to be ordered.
    outcomes: Vec<Option<Refusal>>,
    reply: oneshot::Sender<Answer>,
    permits: Option<OwnedSemaphorePermit>,
}

impl Part {
    /// A part without commands, whose outcomes go to `reply`.
    pub(crate) fn new(reply: oneshot::Sender<Answer>) -> Self {
        let waiting = Waiting { outcomes: Vec::new(), reply, permits: None };
        Self { commands: Vec::new(), bytes: 0, waiting }
    }

    /// Adds a command of so many bytes.
    pub(crate) fn add(&mut self, signed: SignedCommand, checked: Result<Checked, SignatureError>, bytes: usize) {
        self.commands.push((signed, checked));
        self.bytes = self.bytes.saturating_add(bytes);
        self.waiting.outcomes.push(None);
    }

    /// Notes that the next command is refused before it is ordered.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.waiting.outcomes.push(Some(refusal));
    }

    /// Keeps these permits until the part is answered.
    pub(crate) fn hold(&mut self, permits: Option<OwnedSemaphorePermit>) {
        self.waiting.permits = permits;
    }
}

/// The task: gathers parts into entries and proposes them in order, until `cancel`.
pub(crate) async fn propose_all(
    raft: Raft,
    mut arriving: mpsc::Receiver<Vec<Part>>,
    deadline: Duration,
    cancel: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(GROUPS_IN_FLIGHT));
    let mut parts = VecDeque::new();
    loop {
        if parts.is_empty() {
            tokio::select! {
                () = cancel.cancelled() => return,
                more = arriving.recv() => match more {
                    Some(more) => parts.extend(more),
                    None => return,
                },
            }
        }
        let slot = tokio::select! {
            () = cancel.cancelled() => return,
            slot = Arc::clone(&slots).acquire_owned() => slot.expect("the slots are never closed"),
        };
        while let Ok(more) = arriving.try_recv() {
            parts.extend(more);
        }
        let mut group = Group::default();
        while let Some(part) = parts.pop_front_if(|part| group.has_room_for(part)) {
            group.add(part);
        }
        if group.commands.is_empty() {
            answer(group.waiting, Ok(Outcomes::default()));
        } else {
            group.propose(&raft, deadline, slot).await;
        }
    }
}

/// Parts that become one entry.
#[derive(Default)]
struct Group {
    commands: Vec<SignedCommand>,
    checked: Vec<Result<Checked, SignatureError>>,
    bytes: usize,
    waiting: Vec<Waiting>,
}

impl Group {
    /// An empty one has room for any part.
    fn has_room_for(&self, part: &Part) -> bool {
        let commands = self.commands.len().saturating_add(part.commands.len());
        let bytes = self.bytes.saturating_add(part.bytes);
        self.commands.is_empty() || commands <= GROUP_COMMANDS && bytes <= GROUP_BYTES
    }

    fn add(&mut self, part: Part) {
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.waiting.push(part.waiting);
        for (signed, checked) in part.commands {
            self.commands.push(signed);
            self.checked.push(checked);
        }
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
                Err(fatal) => Err(Failure::Final(stopped(&fatal))),
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

fn result_of(raft: &Raft, result: ClientWriteResult<TypeConfig>) -> Result<Outcomes, Failure> {
    result.map(|response| response.data).map_err(|error| Failure::of_write(raft, error))
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
        let written = raft.client_write(batch.clone()).await;
        result = written
            .map(|response| response.data)
            .map_err(|error| Failure::of_call(error, |error| Failure::of_write(raft, error)));
    }
}

/// Gives each part its share of the entry's outcomes.
fn answer(waiting: Vec<Waiting>, outcomes: Result<Outcomes, LedgerError>) {
    let mut outcomes = outcomes.map(|Outcomes(outcomes)| outcomes.into_iter());
    for part in waiting {
        let share = match &mut outcomes {
            Ok(outcomes) => share(part.outcomes, outcomes),
            Err(error) => Err(error.for_another()),
        };
        // Who submitted may have gone; the outcome stands in the ledger all the same.
        drop(part.reply.send(share));
        drop(part.permits);
    }
}

/// What was refused before it was ordered, and the outcomes of the rest.
fn share(refused: Vec<Option<Refusal>>, ordered: &mut impl Iterator<Item = Result<Applied, Refusal>>) -> Answer {
    let missing = || LedgerError::Stopped { reason: "Raft gave an outcome too few".to_owned() };
    let outcome = |refused: Option<Refusal>| match refused {
        Some(refusal) => Ok(Err(refusal)),
        None => ordered.next().ok_or_else(missing),
    };
    refused.into_iter().map(outcome).collect()
}
