//! Threads that check signatures before commands are ordered. Each drains what waits, so that a busy ledger hands over
//! many submissions at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use parity_scale_codec::Encode;
use primitives::SignatureError;
use primitives::ledger::{COMMAND_MAX, Refusal, SignedCommand};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::checked::{Checked, Checker};
use crate::error::LedgerError;
use crate::machine::invalid;
use crate::parts::Parts;
use crate::propose::{Answer, GROUP_COMMANDS, Part};

/// Most submissions that a thread takes at once: about a millisecond of work when each is one command, short enough for
/// the other threads to have something too.
const DRAIN: usize = 16;
/// Most threads: the state machine, which is one, keeps up with no more.
const THREADS_MAX: usize = 8;
/// Sets of parts that may wait to be proposed.
const MAILBOX: usize = 1024;

/// Commands that somebody waits for.
#[derive(Debug)]
pub(crate) struct Submission {
    /// At least one.
    pub(crate) commands: Vec<SignedCommand>,
    /// One for each [`GROUP_COMMANDS`] of them, and one for the rest.
    pub(crate) replies: Vec<oneshot::Sender<Answer>>,
    /// Room for these commands.
    pub(crate) permits: OwnedSemaphorePermit,
}

/// Starts the threads. They end when nobody can send submissions any more, or nobody takes the parts.
pub(crate) fn start(
    checker: Arc<Checker>,
    submissions: mpsc::Receiver<Submission>,
    threads: &Parts,
) -> Result<mpsc::Receiver<Vec<Part>>, LedgerError> {
    let (sender, parts) = mpsc::channel(MAILBOX);
    let submissions = Arc::new(Mutex::new(submissions));
    let cores = available_parallelism().map_or(1, usize::from);
    for number in 0..cores.min(THREADS_MAX) {
        let (checker, submissions, sender) = (Arc::clone(&checker), Arc::clone(&submissions), sender.clone());
        let body = move || run(&checker, &submissions, &sender, cores);
        threads
            .thread(format!("ledger-check-{number}"), "checks signatures", body)
            .map_err(|error| LedgerError::Config { reason: format!("no thread to check signatures on: {error}") })?;
    }
    Ok(parts)
}

fn run(
    checker: &Checker,
    submissions: &Mutex<mpsc::Receiver<Submission>>,
    parts: &mpsc::Sender<Vec<Part>>,
    cores: usize,
) {
    let mut taken = Vec::with_capacity(DRAIN);
    loop {
        // Whoever holds the lock waits for the first submission; the others wait for the lock.
        submissions.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut taken, DRAIN);
        if taken.is_empty() {
            return;
        }
        // A lone submission has all cores; several keep one thread each.
        let threads = if taken.len() == 1 { cores } else { 1 };
        let commands: Vec<&SignedCommand> = taken.iter().flat_map(|submission| &submission.commands).collect();
        let mut checked = checker.check_all(&commands, threads).into_iter();
        let made = taken.drain(..).flat_map(|submission| parts_of(submission, &mut checked)).collect();
        if parts.blocking_send(made).is_err() {
            return;
        }
    }
}

/// A submission with what its signatures say, in parts that fit an entry.
fn parts_of(submission: Submission, checked: &mut impl Iterator<Item = Result<Checked, SignatureError>>) -> Vec<Part> {
    let Submission { commands, replies, mut permits } = submission;
    let mut commands = commands.into_iter().zip(checked);
    let mut parts = Vec::with_capacity(replies.len());
    for reply in replies {
        let mut part = Part::new(reply);
        for (signed, checked) in commands.by_ref().take(GROUP_COMMANDS) {
            let bytes = signed.encoded_size();
            match admit(&checked, bytes) {
                Ok(()) => part.add(signed, checked, bytes),
                Err(refusal) => part.refuse(refusal),
            }
        }
        parts.push(part);
    }
    let share = permits.num_permits().checked_div(parts.len()).unwrap_or(0);
    for part in parts.iter_mut().skip(1) {
        part.hold(permits.split(share));
    }
    if let Some(first) = parts.first_mut() {
        first.hold(Some(permits));
    }
    parts
}

/// What needs no order to be refused: a bad signature, a command that is too long.
fn admit(checked: &Result<Checked, SignatureError>, bytes: usize) -> Result<(), Refusal> {
    if checked.is_err() {
        return Err(Refusal::BadSignature);
    }
    if bytes > COMMAND_MAX {
        return Err(invalid("command", format!("{bytes} bytes, at most {COMMAND_MAX} allowed")));
    }
    Ok(())
}
