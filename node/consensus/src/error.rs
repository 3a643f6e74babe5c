//! What stops consensus, and what a read of the chain can meet. Refusals of transactions are [`crate::PoolError`].

use std::path::PathBuf;

use primitives::{BlockHash, CodecError, Height, NetworkId, ValidatorKey};
use store::StoreError;

/// Consensus cannot start or go on. Fatal: the node stops with this reason.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConsensusError {
    /// Reading or writing the chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The data directory belongs to another network.
    #[error(
        "the data directory holds network {found}, this node is configured for network {expected}: \
         choose another --data-dir, or the chain spec that created this one"
    )]
    OtherNetwork {
        /// Network of the configured chain spec.
        expected: NetworkId,
        /// Network of the stored chain.
        found: NetworkId,
    },
    /// The key is no validator of the network.
    #[error("this node's key {key} is not in the validator set that signs height {height}")]
    NotValidator {
        /// The configured key.
        key: ValidatorKey,
        /// Next height.
        height: Height,
    },
    /// The signing guard refused or failed.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The engine did not start.
    #[error("the consensus engine did not start: {reason}")]
    EngineStart {
        /// Its words.
        reason: String,
    },
    /// The engine ended by itself, or stopped for safety.
    #[error("the consensus engine stopped: {reason}; read the log before restarting, and never delete its WAL")]
    EngineStopped {
        /// What is known of why.
        reason: String,
    },
    /// A block was decided that this node cannot execute to the same result.
    #[error("height {height}: the decided block {block} does not execute here: {reason}")]
    Diverged {
        /// Where.
        height: Height,
        /// The decided block.
        block: BlockHash,
        /// What differs.
        reason: String,
    },
    /// A height was decided twice with different blocks.
    #[error("height {height}: {decided} was decided, but {committed} is already committed")]
    Forked {
        /// Where.
        height: Height,
        /// What the engine decided now.
        decided: BlockHash,
        /// What the store has.
        committed: BlockHash,
    },
    /// Making or executing genesis failed.
    #[error("genesis cannot be executed: {reason}")]
    Genesis {
        /// Why.
        reason: String,
    },
    /// Executing transactions failed for a reason that is not a transaction's fault.
    #[error("execution at height {height} failed: {reason}")]
    Execution {
        /// Where.
        height: Height,
        /// Why.
        reason: String,
    },
    /// A task ended with a panic.
    #[error("consensus panicked: {reason}")]
    Panicked {
        /// The panic's words.
        reason: String,
    },
    /// A directory could not be made.
    #[error("cannot create {path}: {reason}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

/// Why the signing guard gives no signature.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GuardError {
    /// Another message was already signed for this height, round and step.
    #[error(
        "refused to sign {step} at height {height} round {round}: a different message was signed there before \
         (two signed messages for one step are equivocation)"
    )]
    Conflict {
        /// Height asked for.
        height: Height,
        /// Round asked for.
        round: u32,
        /// Step asked for.
        step: &'static str,
    },
    /// Something later was signed and this step is not on record.
    #[error(
        "refused to sign {step} at height {height} round {round}: height {last_height} round {last_round} was signed \
         already, and what was signed before it is not on record"
    )]
    Regression {
        /// Height asked for.
        height: Height,
        /// Round asked for.
        round: u32,
        /// Step asked for.
        step: &'static str,
        /// Latest height on record.
        last_height: Height,
        /// Latest round on record.
        last_round: u32,
    },
    /// Both copies in the guard file are damaged.
    #[error(
        "{path} is damaged: without it this validator could sign twice; restore it, or start with a new validator key"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// There is no guard file although the chain has blocks that this validator may have signed for.
    #[error(
        "{path} is missing although the chain has reached height {tip}: without it this validator could sign twice for the \
         height in progress; restore it, or start with a new validator key"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Height of the last block here.
        tip: Height,
    },
    /// The guard file is another validator's or another network's.
    #[error("{path} belongs to validator {found} of network {network}; this node is another")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its validator.
        found: ValidatorKey,
        /// Its network.
        network: NetworkId,
    },
    /// Reading or writing failed.
    #[error("signing guard {path}: {operation} failed: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// The system's words.
        reason: String,
    },
}

/// A read or write of the chain failed; fatal to the node.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The database failed.
    #[error("chain: {reason}")]
    Store {
        /// Its words.
        reason: String,
    },
    /// A row that must be there is missing.
    #[error("chain: {what} is missing at height {height}; restore this node's data directory")]
    Missing {
        /// What.
        what: &'static str,
        /// Where.
        height: Height,
    },
    /// Stored bytes are not what they should be.
    #[error("chain: {0}; restore this node's data directory")]
    Codec(#[from] CodecError),
    /// The state tree refused.
    #[error("state tree: {reason}")]
    State {
        /// Its words.
        reason: String,
    },
    /// A proof was asked for that does not exist.
    #[error("no such proof: {reason}")]
    Proof {
        /// Why.
        reason: String,
    },
}

impl From<StoreError> for ChainError {
    fn from(error: StoreError) -> Self {
        Self::Store { reason: error.to_string() }
    }
}

impl From<StoreError> for ConsensusError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}
