//! What can go wrong with the state tree.

/// What can go wrong with the state tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The storage behind [`super::StateNodes`] failed. Fatal.
    #[error("reading the state tree failed: {reason}")]
    Read {
        /// What the storage said.
        reason: String,
    },
    /// Stored bytes are no node, or a node that must exist does not. Fatal.
    #[error("the state tree is damaged: {reason}")]
    Damaged {
        /// What was met.
        reason: String,
    },
    /// The version before the one to write does not exist: a height was skipped. Fatal for the caller's logic.
    #[error("cannot write state version {version}: version {missing} was never written")]
    Gap {
        /// Version to write.
        version: u64,
        /// Version that must come first.
        missing: u64,
    },
    /// No such version, or no longer.
    #[error("state version {version} does not exist or is pruned")]
    NoVersion {
        /// Version asked for.
        version: u64,
    },
}

impl StateError {
    /// A failure of the storage.
    pub fn read(reason: impl ToString) -> Self {
        Self::Read { reason: reason.to_string() }
    }

    pub(super) fn damaged(reason: impl ToString) -> Self {
        Self::Damaged { reason: reason.to_string() }
    }
}
