//! What can go wrong with the ledger itself; refusals of commands are answers, not errors.

use std::path::PathBuf;

use primitives::MemberKey;
use store::StoreError;

/// A ledger failure.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log directory is open elsewhere. Fatal.
    #[error("{path} is in use by another process; stop it, or choose another --data-dir")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The Raft log cannot be opened. Fatal.
    #[error(
        "the ledger's log in {path} cannot be opened ({source}); a damaged log is never repaired silently: restore the \
         data directory, or start this member anew with an empty one and a new member id"
    )]
    Log {
        /// The directory.
        path: PathBuf,
        /// What the log met.
        source: std::io::Error,
    },
    /// A file of the ledger failed. Fatal.
    #[error("{operation} {path} failed: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A snapshot file is damaged or of another kind. Fatal.
    #[error("the ledger snapshot {path} is damaged: {reason}")]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tables failed. Fatal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting that Raft refuses. Fatal.
    #[error("the ledger's configuration is invalid: {reason}")]
    Config {
        /// Raft's words.
        reason: String,
    },
    /// Raft has stopped. Fatal.
    #[error("the ledger has stopped: {reason}")]
    Stopped {
        /// Raft's words, or that it was asked to.
        reason: String,
    },
    /// Another member leads. Not yet: send it there.
    #[error("another member leads the ledger: {leader}")]
    NotLeader {
        /// Its key.
        leader: MemberKey,
    },
    /// No member leads, or the leader has no quorum. Not yet: try again.
    #[error("the ledger has no leader with a quorum; try again")]
    NoLeader,
    /// As many commands or reads wait as may. Not yet: try again.
    #[error("the ledger is busy; try again")]
    Busy,
    /// A disk of the ledger is nearly full. Not yet: again when there is room.
    #[error(
        "the node takes nothing new: the file system of {path} has {} MiB free, and {} MiB are kept for what must be \
         written about data that is here already; free space there, or lower store.free_mib_min",
        .free_bytes >> 20,
        .free_bytes_min >> 20,
    )]
    DiskLow {
        /// A directory of the ledger on that disk.
        path: PathBuf,
        /// What is free, bytes.
        free_bytes: u64,
        /// What must stay free, bytes.
        free_bytes_min: u64,
    },
    /// A request from a peer that is none. The sender's fault.
    #[error("not a ledger request: {reason}")]
    Request {
        /// What the decoder met.
        reason: String,
    },
}

impl LedgerError {
    pub(crate) fn file(operation: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { operation, path: path.into(), source }
    }

    /// Whether the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            Self::NotLeader { .. } | Self::NoLeader | Self::Busy | Self::DiskLow { .. } | Self::Request { .. }
        )
    }

    /// The same, for one more of those who wait.
    pub(crate) fn for_another(&self) -> Self {
        match self {
            Self::NotLeader { leader } => Self::NotLeader { leader: *leader },
            Self::NoLeader => Self::NoLeader,
            Self::Busy => Self::Busy,
            Self::Stopped { reason } => Self::Stopped { reason: reason.clone() },
            other => Self::Stopped { reason: other.to_string() },
        }
    }
}
