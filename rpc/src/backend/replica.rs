//! The storage node.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use primitives::{PackId, ShardAck, ShardId};
use rpc_api::replica::ReplicaStatus;
use serde::Serialize;

use super::{BackendError, ShardError};

/// The storage node inside this process.
#[async_trait]
pub trait ReplicaBackend: Send + Sync + 'static {
    /// Stores a shard durably and says so, signed. `bytes` begin on a 4 KiB boundary of memory.
    async fn shard_put(
        &self,
        pack: PackId,
        index: u8,
        width: u8,
        shard: ShardId,
        bytes: Bytes,
    ) -> Result<ShardAck, ShardError>;

    /// Length of a shard, bytes.
    async fn shard_len(&self, shard: ShardId) -> Result<u64, ShardError>;

    /// Bytes of a shard; `range` lies within its length.
    async fn shard_get(&self, shard: ShardId, range: Range<u64>) -> Result<Bytes, ShardError>;

    /// Volumes, repairs and scrub.
    async fn replica_status(&self) -> Result<ReplicaStatus, BackendError>;

    /// Whether the node can do its work, part by part.
    async fn readiness(&self) -> Readiness;
}

/// Whether the node can do its work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Its parts; ready when all are.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// Whether all parts are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// One part of the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: `chain`, `ledger`, `replica`, …
    pub name: String,
    /// Whether it can do its work.
    pub ok: bool,
    /// Why not, and what to do; or how it is.
    pub reason: String,
}
