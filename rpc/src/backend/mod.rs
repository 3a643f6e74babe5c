//! All that the server needs of a node. Implemented in `node` over consensus, ledger and replica, and by a fake in tests.

mod chain;
mod error;
mod ledger;
mod replica;

pub use chain::{BlockData, ChainBackend, StateAt};
pub use error::{BackendError, ShardError};
pub use ledger::LedgerBackend;
pub use replica::{Check, Readiness, ReplicaBackend};

/// A node, as the server sees it.
pub trait Backend: ChainBackend + LedgerBackend + ReplicaBackend + std::fmt::Debug {}

impl<T: ChainBackend + LedgerBackend + ReplicaBackend + std::fmt::Debug> Backend for T {}
