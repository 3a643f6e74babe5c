//! Decides blocks: Malachite application, mempool, execution, signing guard.
mod bft;
mod config;
mod error;
mod guard;
pub mod metrics;
mod signer;
mod solo;

pub use config::{ConsensusConfig, CrashPoint, PoolLimits};
pub use error::{ChainError, ConsensusError, GuardError};
