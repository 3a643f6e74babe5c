//! `snapshot_`: commitments that the chain has recorded.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use primitives::{Address, BlockHash, Commitment, CommitmentHash, Hash32, VaultId};
use serde::{Deserialize, Serialize};

use crate::{Quantity, Record};

/// Snapshots on the chain.
#[rpc(server, client, namespace = "snapshot")]
pub trait SnapshotApi {
    /// One commitment; `null` when the chain has none like it.
    #[method(name = "get")]
    fn get(&self, of: SnapshotId) -> RpcResult<Option<Snapshot>>;

    /// Commitments, newest first: of one vault, or of all.
    #[method(name = "list")]
    async fn list(&self, filter: Option<SnapshotFilter>) -> RpcResult<SnapshotPage>;

    /// A vault's stream as the chain knows it; `null` when the vault is not on chain.
    #[method(name = "head")]
    fn head(&self, vault: VaultId) -> RpcResult<Option<SnapshotHead>>;
}

/// Names one commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a commitment's hash (0x and 64 hex digits), {\"commitment\": hash} or {\"leafIndex\": quantity}"
)]
pub enum SnapshotId {
    /// By its hash, as a bare string.
    Hash(CommitmentHash),
    /// By its hash.
    #[serde(rename_all = "camelCase")]
    Commitment {
        /// The hash.
        commitment: CommitmentHash,
    },
    /// By its place in the snapshot log.
    #[serde(rename_all = "camelCase")]
    Leaf {
        /// Index of the leaf, from 0.
        leaf_index: Quantity,
    },
    /// By its place in its vault's stream.
    #[serde(rename_all = "camelCase")]
    Stream {
        /// The vault.
        vault: VaultId,
        /// Sequence number, from 1.
        seq: Quantity,
    },
}

/// Which commitments to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotFilter {
    /// Only of this vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultId>,
    /// Where the page before this one ended: its `nextCursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Quantity>,
    /// At most so many, 1 to 1000; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Quantity>,
}

/// A commitment and where it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The commitment's hash.
    pub hash: CommitmentHash,
    /// Index of its leaf in the snapshot log.
    pub leaf_index: Quantity,
    /// Height of the block that added it.
    pub height: Quantity,
    /// That block's native hash.
    pub block: BlockHash,
    /// That block's time, milliseconds.
    pub timestamp_ms: Quantity,
    /// The commitment.
    pub commitment: Record<Commitment>,
}

/// One page of commitments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPage {
    /// Newest first.
    pub items: Vec<Snapshot>,
    /// Give it as `cursor` for the next page; `null` = this was the last.
    pub next_cursor: Option<Quantity>,
}

/// A vault's stream on the chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotHead {
    /// The vault.
    pub vault: VaultId,
    /// Who owns it.
    pub owner: Address,
    /// The cluster that may commit for the owner; zero = none.
    pub cluster: Hash32,
    /// Last sequence number; 0 = no snapshot yet.
    pub seq: Quantity,
    /// Hash of the last commitment; zero = none.
    pub hash: CommitmentHash,
    /// The last commitment; `null` = none yet.
    pub snapshot: Option<Snapshot>,
}
