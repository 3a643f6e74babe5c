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
//! use ed25519_dalek::{Signer as _, SigningKey};
//! use ledger::{Consistency, LedgerConfig, LedgerGenesis, NoPeers};
//! use primitives::ledger::{Command, SignedCommand, Signer, VolumeInfo};
//! use primitives::{Ed25519Signature, NodeKey, SessionId, VolumeId};
//!
//! # async fn example(genesis: LedgerGenesis, store: store::Store, node: SigningKey)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! // A storage node announces its volume.
//! let command = Command::NodeAnnounce { volumes: vec![VolumeInfo { volume: VolumeId(0), weight: 10 }] };
//! let (session, serial) = (SessionId::new([1; 16]), 1);
//! let hash = SignedCommand::sign_hash(&genesis.network, &command, session, serial);
//! let signature = Ed25519Signature::new(node.sign(hash.as_ref()).to_bytes());
//! let signer = Signer::Node(NodeKey::new(node.verifying_key().to_bytes()), signature);
//!
//! let config = LedgerConfig::new("data/raft", "data/snapshots", genesis.members[0]);
//! let cancel = tokio_util::sync::CancellationToken::new();
//! let ledger = ledger::start(config, genesis, store, Arc::new(NoPeers), cancel).await?;
//! for outcome in ledger.submit(vec![SignedCommand { command, session, serial, signer }]).await? {
//!     outcome?;
//! }
//! let nodes = ledger.read(Consistency::Linearizable).await?.nodes(None, 10)?;
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
mod parts;
mod propose;
mod queries;
mod raft_errors;
mod reader;
mod receiver;
mod room;
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
