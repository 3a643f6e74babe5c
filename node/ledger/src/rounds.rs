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

use std::sync::Arc;
use std::time::Duration;

use openraft::ReadPolicy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::LedgerError;
use crate::parts::Parts;
use crate::raft_errors::Failure;
use crate::types::Raft;

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
    /// One of the places, until it is answered.
    _place: OwnedSemaphorePermit,
}

/// The mailbox of the rounds; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    mailbox: mpsc::Sender<Waiting>,
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Rounds {
    /// Starts the task that runs the rounds; it ends when `cancel` is cancelled. At most `waiting_reads` reads wait, each
    /// at most `deadline`, for a leader.
    pub(crate) fn start(
        raft: Raft,
        waiting_reads: usize,
        deadline: Duration,
        parts: &Parts,
        cancel: CancellationToken,
    ) -> Self {
        let places = waiting_reads.clamp(1, Semaphore::MAX_PERMITS);
        let (mailbox, waiting) = mpsc::channel(places);
        // Boxed, so that the task carries a pointer and not the state of Raft's whole read path.
        let rounds = Box::pin(run(raft, waiting, places));
        parts.task("confirms linearizable reads", async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = rounds => {}
            }
        });
        Self { mailbox, places: Arc::new(Semaphore::new(places)), deadline }
    }

    /// Waits for a round that begins after this call; refused when as many wait as may. Without a leader they would wait
    /// for their whole deadline, and whoever asks again meanwhile would make them more and more.
    pub(crate) async fn confirm(&self) -> Result<Confirmed, LedgerError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| LedgerError::Busy)?;
        let (reply, confirmed) = oneshot::channel();
        let waiting = Waiting { until: Instant::now() + self.deadline, reply, _place: place };
        self.mailbox.send(waiting).await.map_err(|_| stopped())?;
        confirmed.await.map_err(|_| stopped())?
    }
}

async fn run(raft: Raft, mut mailbox: mpsc::Receiver<Waiting>, places: usize) {
    let mut waiting = Vec::new();
    loop {
        // A round that failed is begun anew with those who came meanwhile.
        if waiting.is_empty() {
            if mailbox.recv_many(&mut waiting, places).await == 0 {
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

async fn round(raft: &Raft) -> Result<Confirmed, Failure> {
    match raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
        Ok(read) => {
            let id = read.log_id();
            Ok(Confirmed { index: id.index, term: id.leader_id.term })
        }
        Err(error) => Err(Failure::of_call(error, |error| Failure::of_read(raft, error))),
    }
}

fn stopped() -> LedgerError {
    LedgerError::Stopped { reason: "it answers no more reads".to_owned() }
}
