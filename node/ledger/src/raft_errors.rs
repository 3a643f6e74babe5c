//! What Raft's errors mean for those who wait: try again, or not from here.

use openraft::errors::{ClientWriteError, Fatal, ForwardToLeader, LinearizableReadError, RaftError};

use crate::error::LedgerError;
use crate::types::{Raft, TypeConfig};

/// Why Raft has not done what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody leads, as far as this member knows, or no quorum answers: it may pass. Sessions make a second try harmless if
    /// the first one counted after all.
    Again,
    /// Not from here.
    Final(LedgerError),
}

impl Failure {
    /// Another member leads, or nobody does. A member that names itself has just lost its office, or has just won it.
    fn forward(raft: &Raft, forward: ForwardToLeader<TypeConfig>) -> Self {
        match forward.leader_id.zip(forward.leader_node) {
            Some((id, member)) if id != *raft.node_id() => Self::Final(LedgerError::NotLeader { leader: member.key }),
            _ => Self::Again,
        }
    }

    /// Of a write.
    pub(crate) fn of_write(raft: &Raft, error: ClientWriteError<TypeConfig>) -> Self {
        match error {
            ClientWriteError::ForwardToLeader(forward) | ClientWriteError::LogEntryDiscarded(forward) => {
                Self::forward(raft, forward)
            }
            other => Self::Final(LedgerError::Stopped { reason: other.to_string() }),
        }
    }

    /// Of a read.
    pub(crate) fn of_read(raft: &Raft, error: LinearizableReadError<TypeConfig>) -> Self {
        match error {
            LinearizableReadError::QuorumNotEnough(_) => Self::Again,
            LinearizableReadError::ForwardToLeader(forward) => Self::forward(raft, forward),
        }
    }

    /// Of a call that Raft may also end in.
    pub(crate) fn of_call<E>(error: RaftError<TypeConfig, E>, answer: impl FnOnce(E) -> Self) -> Self {
        match error {
            RaftError::APIError(error) => answer(error),
            RaftError::Fatal(fatal) => Self::Final(stopped(&fatal)),
        }
    }
}

/// The system's words for a full disk, from whichever of log, tables and files they come.
const DISK_FULL: &str = "No space left on device";

/// Why Raft has ended, and what to do about it.
pub(crate) fn reason(fatal: &Fatal<TypeConfig>) -> String {
    let mut reason = fatal.to_string();
    if reason.contains(DISK_FULL) {
        reason.push_str("; free space on that disk and start the node again: nothing that was acknowledged is lost");
    }
    reason
}

/// Raft has ended.
pub(crate) fn stopped(fatal: &Fatal<TypeConfig>) -> LedgerError {
    LedgerError::Stopped { reason: reason(fatal) }
}
