//! Orders metadata: the operational ledger on Raft, its rules, its outbox to the chain.
//!
//! ```text
//!   clients ─ SignedCommand ─► ingress ─► Raft ─► log on disk (fsync) ─► state machine ─► RocksDB tables
//!                                          │                               rules of machine.rs
//!                                      Transport                               │
//!                                      to peers               outbox ─► chain ─► FinalityRecord back
//! ```
//! The state machine owns the tables; everybody else reads them through a [`Reader`]. Text of the rules:
//! `docs/spec/ledger.md`.
//!
//! ```no_run
//! use std::sync::Arc;
//! use ledger::{Consistency, LedgerConfig, LedgerGenesis, NoPeers};
//! # async fn example(genesis: LedgerGenesis, store: store::Store) -> Result<(), Box<dyn std::error::Error>> {
//! # let command: primitives::ledger::SignedCommand = unimplemented!();
//! let config = LedgerConfig::new("data/raft", "data/snapshots", genesis.members[0]);
//! let cancel = tokio_util::sync::CancellationToken::new();
//! let ledger = ledger::start(config, genesis, store, Arc::new(NoPeers), cancel).await?;
//! let outcome = ledger.submit(vec![command]).await?;
//! let waiting = ledger.read(Consistency::Linearizable).await?.outbox(500)?;
//! # Ok(()) }
//! ```

mod cell;
mod check;
mod checked;
mod config;
mod digest;
mod error;
mod ingress;
mod keeper;
mod ledger;
mod log;
mod machine;
mod meta;
mod metrics;
mod network;
mod propose;
mod queries;
mod reader;
mod receiver;
mod rounds;
mod rules;
mod snapshot;
mod state;
mod tables;
mod transport;
mod types;
mod verifier;
mod wire;

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;

pub use checked::{Checked, Checker};
pub use config::{LedgerConfig, LedgerGenesis};
pub use error::LedgerError;
pub use ledger::{Ledger, LedgerStatus, start};
pub use log::LogLimits;
pub use machine::{CheckedCommand, Limits, Rules};
pub use queries::Query;
pub use reader::{Consistency, Read, Reader};
pub use tables::{LedgerReads, LedgerTable, Row, Rows, Tables, Writes};
pub use transport::{NoPeers, Transport, TransportError};
pub use types::Member;
