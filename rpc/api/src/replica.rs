//! `replica_`: the node's volumes, repairs and scrub.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use primitives::NodeKey;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// The storage node inside this process.
#[rpc(server, client, namespace = "replica")]
pub trait ReplicaApi {
    /// Volumes, repairs and scrub.
    #[method(name = "status")]
    async fn status(&self) -> RpcResult<ReplicaStatus>;
}

/// How the storage node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// The node's key.
    pub node: NodeKey,
    /// Its volumes.
    pub volumes: Vec<VolumeStatus>,
    /// Its repairs.
    pub repairs: RepairStatus,
    /// Its scrub.
    pub scrub: ScrubStatus,
}

/// How one volume is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// Unique within the node.
    pub volume: Quantity,
    /// Where it is.
    pub path: String,
    /// `up`, or why not: `full`, `readOnly` (its disk failed), `suspect` (not there, being watched), `lost`.
    pub state: String,
    /// Shards on it.
    pub shards: Quantity,
    /// Bytes of those shards.
    pub used_bytes: Quantity,
    /// Bytes free on its file system.
    pub free_bytes: Quantity,
    /// Why the directory that was given in its place cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Repairs since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairStatus {
    /// Packs that wait: for lost shards to be rebuilt, or shards to move apart.
    pub queued: Quantity,
    /// Packs under repair.
    pub running: Quantity,
    /// Shards rebuilt or moved.
    pub done: Quantity,
    /// Packs that cannot be repaired now: too few shards are left, or no volume has room.
    pub failed: Quantity,
}

/// The scrub: re-hashing every shard, over and over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrubStatus {
    /// Shards checked since the node started.
    pub checked: Quantity,
    /// Bytes checked since the node started.
    pub checked_bytes: Quantity,
    /// Corrupt shards found since the node started.
    pub corrupt: Quantity,
    /// When the last full pass ended, milliseconds since the epoch; `null` = none yet.
    pub last_pass_ms: Option<Quantity>,
}
