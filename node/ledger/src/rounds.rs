//! Linearizable reads: all that wait share one confirmation of leadership (Raft's `ReadIndex`, Ongaro 2014, §6.4).
//!
//! ```text
//!   read ─► mailbox ─► round: the leader notes its commit index c, hears from a quorum, applies up to c ─► reads go on
//!   read ─► (arrives while the round runs: waits for the next one)
//! ```
//! Why what is read then is linearizable. A round takes only reads that arrived before it began. Its leader notes `c`
//! after that, and then a quorum answers that it knows no later term: so at some moment after these reads arrived no other
//! leader could have acknowledged anything, and every write acknowledged before they arrived is an entry at or below `c`
//! (a leader reads no `c` before an entry of its own term is committed). The tables hold all entries up to `c` when the
//! round ends, and a read looks at them only after that, on its own thread: it sees every write acknowledged before it
//! arrived and, the tables being changed by one entry's batch at a time, nothing that was not ordered. A cluster of one is
//! its own quorum, and its round sends nothing.
//!
//! No clock takes part: a leader that was paused for an hour and lost its office gets no quorum.

use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{LinearizableReadError, RaftError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::LedgerError;
use crate::types::Raft;

/// Reads that may wait for a round; more wait in line for a place.
const MAILBOX: usize = 4096;
/// Pause before a round is tried again when nobody leads.
const RETRY: Duration = Duration::from_millis(20);

/// What a round has confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// The commit index that the tables have reached.
    pub(crate) index: u64,
    /// The term in which this member leads.
    pub(crate) term: u64,
}

struct Waiting {
    until: Instant,
    reply: oneshot::Sender<Result<Confirmed, LedgerError>>,
}

/// The mailbox of the rounds; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    mailbox: mpsc::Sender<Waiting>,
    deadline: Duration,
}

impl Rounds {
    /// Starts the task that runs the rounds; it ends when `cancel` is cancelled. A read waits at most `deadline` for a
    /// leader.
    pub(crate) fn start(raft: Raft, deadline: Duration, cancel: CancellationToken) -> Self {
        let (mailbox, waiting) = mpsc::channel(MAILBOX);
        // Boxed, so that the task carries a pointer and not the state of Raft's whole read path.
        let rounds = Box::pin(run(raft, waiting));
        tokio::spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = rounds => {}
            }
        });
        Self { mailbox, deadline }
    }

    /// Waits for a round that begins after this call.
    pub(crate) async fn confirm(&self) -> Result<Confirmed, LedgerError> {
        let (reply, confirmed) = oneshot::channel();
        let waiting = Waiting { until: Instant::now() + self.deadline, reply };
        self.mailbox.send(waiting).await.map_err(|_| stopped())?;
        confirmed.await.map_err(|_| stopped())?
    }
}

async fn run(raft: Raft, mut mailbox: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::new();
    loop {
        // A round that failed is begun anew with those who came meanwhile.
        if waiting.is_empty() {
            if mailbox.recv_many(&mut waiting, MAILBOX).await == 0 {
                return;
            }
        } else {
            while let Ok(one) = mailbox.try_recv() {
                waiting.push(one);
            }
        }
        match round(&raft).await {
            Ok(confirmed) => answer(waiting.drain(..), || Ok(confirmed)),
            Err(Failure::Final(error)) => answer(waiting.drain(..), || Err(error.for_another())),
            Err(Failure::Again) => {
                let now = Instant::now();
                answer(waiting.extract_if(.., |one| one.until <= now), || Err(LedgerError::NoLeader));
                sleep(RETRY).await;
            }
        }
    }
}

fn answer(waiting: impl Iterator<Item = Waiting>, result: impl Fn() -> Result<Confirmed, LedgerError>) {
    for one in waiting {
        // Who asked may have gone.
        drop(one.reply.send(result()));
    }
}

/// Why a round has confirmed nothing.
enum Failure {
    /// Nobody leads, as far as this member knows, or no quorum answers: it may pass.
    Again,
    /// Not from here.
    Final(LedgerError),
}

async fn round(raft: &Raft) -> Result<Confirmed, Failure> {
    match raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
        Ok(read) => {
            let id = read.log_id();
            Ok(Confirmed { index: id.index, term: id.leader_id.term })
        }
        Err(RaftError::Fatal(fatal)) => Err(Failure::Final(LedgerError::Stopped { reason: fatal.to_string() })),
        Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Err(Failure::Again),
        Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
            match forward.leader_id.zip(forward.leader_node) {
                Some((id, member)) if id != *raft.node_id() => {
                    Err(Failure::Final(LedgerError::NotLeader { leader: member.key }))
                }
                _ => Err(Failure::Again),
            }
        }
    }
}

fn stopped() -> LedgerError {
    LedgerError::Stopped { reason: "it answers no more reads".to_owned() }
}
