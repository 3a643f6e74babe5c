//! What can go wrong behind the server.

use primitives::{Height, ShardId};
use rpc_api::codes;
use serde_json::Value;

/// Why a node did not answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BackendError {
    /// The request is wrong, and will be tomorrow.
    #[error("{message}")]
    Invalid {
        /// JSON-RPC code, see [`rpc_api::codes`].
        code: i32,
        /// geth's words where clients match on them.
        message: String,
        /// `error.data`.
        data: Option<Value>,
    },
    /// The node cannot answer now; the same request may succeed later.
    #[error("{reason}; try again")]
    NotYet {
        /// JSON-RPC code, see [`rpc_api::codes`].
        code: i32,
        /// Why not now.
        reason: String,
    },
    /// The state of a block that is there is not kept.
    #[error("the state of block {height} is not kept, only that of the last block: ask for \"latest\"")]
    Pruned {
        /// The block.
        height: Height,
    },
    /// The node failed.
    #[error("{reason}")]
    Internal {
        /// What failed, for the log and the caller.
        reason: String,
    },
}

impl BackendError {
    /// A refused transaction or call, in geth's words.
    #[must_use]
    pub fn refused(message: impl ToString) -> Self {
        Self::Invalid { code: codes::SERVER, message: message.to_string(), data: None }
    }

    /// The node failed.
    #[must_use]
    pub fn internal(reason: impl ToString) -> Self {
        Self::Internal { reason: reason.to_string() }
    }
}

/// Why a shard was not taken or given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// No volume of this node has it.
    #[error(
        "shard {shard} is not on this node: ask the ledger for the pack's holders, or rebuild it from other shards"
    )]
    Unknown {
        /// The shard.
        shard: ShardId,
    },
    /// It was here, and its bytes are no longer right: never served, being repaired.
    #[error("shard {shard} is corrupt on this node and set aside for repair: read other shards of its pack")]
    Corrupt {
        /// The shard.
        shard: ShardId,
    },
    /// The bytes are not those of the id.
    #[error("the bytes hash to {found}, not to {expected}: they changed on the way, send them again")]
    Mismatch {
        /// The id in the request.
        expected: ShardId,
        /// BLAKE3 of the bytes.
        found: ShardId,
    },
    /// A parameter breaks a rule.
    #[error("{reason}")]
    Invalid {
        /// Which rule.
        reason: String,
    },
    /// No volume has room for it.
    #[error("{reason}")]
    Full {
        /// What is full, and what an operator can do.
        reason: String,
    },
    /// No volume can take it now.
    #[error("{reason}; try again, or another node")]
    NotYet {
        /// Why not.
        reason: String,
    },
    /// The node failed.
    #[error("{reason}")]
    Internal {
        /// What failed.
        reason: String,
    },
}
