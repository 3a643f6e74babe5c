//! Decides blocks: Malachite application, mempool, execution, signing guard.
//!
//! One task, the application, owns block building, checking and committing; Malachite's actors drive it. Whoever holds
//! a [`Consensus`] submits transactions and reads the final [`Chain`]; nothing that [`Chain`] returns ever changes.
//!
//! ```text
//!   submit ─► Intake (pool + store) ─bell─► App ◄─ messages ─ Malachite ─ signs through ─► Guard (fsynced)
//!                                            │                    └─ network actor: solo = no peers
//!                                            ├─ Executor: runtime::execute, state tree, header
//!                                            └─ Chain::commit: one synced batch a block
//! ```
//!
//! ```no_run
//! # async fn example(
//! #     spec: std::sync::Arc<chain_spec::ChainSpec>, store: store::Store, key: ed25519_dalek::SigningKey, raw: Vec<u8>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use consensus::ConsensusConfig;
//! let cancel = tokio_util::sync::CancellationToken::new();
//! let config = ConsensusConfig::new("data/consensus".into());
//! let consensus = consensus::start(config, spec, store, key, cancel.clone()).await?;
//! let hash = consensus.submit(raw).await?;
//! if let Some((height, position)) = consensus.finality(&hash).await? {
//!     println!("final at height {height}, position {position}");
//! }
//! cancel.cancel();
//! consensus.stopped().await?;
//! # Ok(())
//! # }
//! ```
//!
//! What holds at every moment, also across a kill: a proposed block is on disk before the engine hears its hash; a
//! signature leaves only after the guard's record of it is on disk; a block is committed whole or not at all.

mod app;
mod bft;
mod block;
mod chain;
mod clock;
mod config;
mod engine;
mod error;
mod executor;
mod guard;
mod handle;
mod history;
mod hold;
mod intake;
mod lock;
pub mod metrics;
mod parts;
mod pool;
mod signer;
mod solo;

pub use chain::{Chain, Head, State};
pub use config::{ConsensusConfig, CrashPoint, PoolLimits};
pub use error::{ChainError, ConsensusError, GuardError};
pub use handle::{Consensus, start};
pub use pool::PoolError;
