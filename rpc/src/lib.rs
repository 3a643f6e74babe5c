//! Serves JSON-RPC and shards over HTTP; a [`Backend`] is all it needs.
//!
//! One port carries everything: JSON-RPC over HTTP and WebSocket, `PUT/GET/HEAD /shards/{id}`, `/livez`, `/readyz`.
//! The methods and their types are crate `rpc-api`; what a node must offer is [`Backend`], implemented in one place of
//! the `node` crate.
//!
//! ```text
//!   socket ─► pace ─► host check ─► /shards, /livez, /readyz        (http/)
//!      (connection/)           └──► jsonrpsee ─► geth's words ─► methods ─► Backend
//!                                                (middleware)   (methods/)
//! ```
//!
//! ```no_run
//! # async fn example(backend: std::sync::Arc<dyn rpc::Backend>) -> Result<(), rpc::RpcError> {
//! use tokio_util::sync::CancellationToken;
//! let cancel = CancellationToken::new();
//! let server = rpc::serve(rpc::RpcConfig::default(), backend, cancel.clone()).await?;
//! println!("listening on {}", server.local_addr());
//! cancel.cancel();
//! server.stopped().await;
//! # Ok(()) }
//! ```

mod backend;
mod config;
mod connection;
mod error;
mod ethereum;
mod http;
mod methods;
mod metrics;
mod middleware;
mod server;

pub use backend::{
    Backend, BackendError, BlockData, ChainBackend, Check, LedgerBackend, Readiness, ReplicaBackend, ShardError,
    StateAt,
};
pub use config::{PeerLimits, RpcConfig, RpcLimits, ShardLimits};
pub use error::RpcError;
pub use server::{Server, serve};
