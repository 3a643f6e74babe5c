//! The operational ledger.

use async_trait::async_trait;
use primitives::ledger::{
    Applied, NodeRecord, ObjectRecord, PackRecord, Refusal, Rows, RowsMax, SignedCommand, SnapshotRecord, VaultRecord,
};
use primitives::{Address, NodeKey, ObjectKey, PackId, VaultId};
use rpc_api::ledger::{Consistency, LedgerStatus, OutboxItem};

use super::BackendError;

/// The operational ledger. List reads return what comes strictly after `after`, at most `max`.
#[async_trait]
pub trait LedgerBackend: Send + Sync + 'static {
    /// Submits commands, in order; returns when all are durable, with one outcome each.
    async fn ledger_submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Result<Applied, Refusal>>, BackendError>;

    /// Begins a read: for [`Consistency::Linearizable`] makes sure that the reads that follow see every write acknowledged
    /// before this call. Returns the index of the last entry applied. The server calls it once per request.
    async fn ledger_read(&self, consistency: Consistency) -> Result<u64, BackendError>;

    /// One vault.
    async fn vault(&self, vault: VaultId) -> Result<Option<VaultRecord>, BackendError>;

    /// The vaults of an owner.
    async fn vaults_of(&self, owner: Address, max: RowsMax) -> Result<Rows<VaultRecord>, BackendError>;

    /// Packs, one place per id.
    async fn packs(&self, packs: Vec<PackId>) -> Result<Vec<Option<PackRecord>>, BackendError>;

    /// A vault's packs with their ordinals, in the order they were recorded.
    async fn packs_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<(u64, PackRecord)>, BackendError>;

    /// One snapshot.
    async fn snapshot(&self, vault: VaultId, seq: u64) -> Result<Option<SnapshotRecord>, BackendError>;

    /// A vault's snapshots, ascending by sequence number.
    async fn snapshots_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<SnapshotRecord>, BackendError>;

    /// A version of an object, a tombstone too; without `version` the newest.
    async fn object(
        &self,
        vault: VaultId,
        key: ObjectKey,
        version: Option<u64>,
    ) -> Result<Option<ObjectRecord>, BackendError>;

    /// The newest versions of a vault's objects, ascending by key.
    async fn objects_of(
        &self,
        vault: VaultId,
        after: Option<ObjectKey>,
        max: RowsMax,
    ) -> Result<Rows<ObjectRecord>, BackendError>;

    /// The storage nodes, ascending by key.
    async fn nodes(&self, after: Option<NodeKey>, max: RowsMax) -> Result<Rows<NodeRecord>, BackendError>;

    /// Commitments that wait for the chain, oldest first.
    async fn outbox(&self, after: Option<u64>, max: RowsMax) -> Result<Rows<OutboxItem>, BackendError>;

    /// The cluster and this member's state.
    async fn ledger_status(&self) -> Result<LedgerStatus, BackendError>;
}
