//! The ledger, as the RPC server sees it.

use async_trait::async_trait;
use ledger::{Consistency, LedgerError, Reader};
use primitives::ledger::{
    Applied, NodeRecord, ObjectRecord, PackRecord, Refusal, Rows, RowsMax, SignedCommand, SnapshotRecord, VaultRecord,
};
use primitives::{Address, NodeKey, ObjectKey, PackId, VaultId};
use rpc::{BackendError, LedgerBackend};
use rpc_api::codes;
use rpc_api::ledger::{LedgerStatus, OutboxItem};

use super::{NodeBackend, commits};

pub(super) fn failed(error: LedgerError) -> BackendError {
    match error {
        LedgerError::DiskLow { .. } => BackendError::NotYet { code: codes::LEDGER_FULL, reason: error.to_string() },
        error if !error.is_fatal() => {
            BackendError::NotYet { code: codes::LEDGER_UNAVAILABLE, reason: error.to_string() }
        }
        fatal => BackendError::internal(fatal),
    }
}

impl NodeBackend {
    /// The tables as they are: the server has begun the read with the consistency that the caller wants.
    async fn reader(&self) -> Result<Reader, BackendError> {
        self.ledger.read(Consistency::Stale).await.map_err(failed)
    }
}

#[async_trait]
impl LedgerBackend for NodeBackend {
    async fn ledger_submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Result<Applied, Refusal>>, BackendError> {
        commits::submit(&self.ledger, &self.replica, commands).await
    }

    async fn ledger_read(&self, consistency: rpc_api::ledger::Consistency) -> Result<u64, BackendError> {
        let consistency = match consistency {
            rpc_api::ledger::Consistency::Linearizable => Consistency::Linearizable,
            rpc_api::ledger::Consistency::Stale => Consistency::Stale,
        };
        self.ledger.read(consistency).await.map(|reader| reader.applied()).map_err(failed)
    }

    async fn vault(&self, vault: VaultId) -> Result<Option<VaultRecord>, BackendError> {
        self.reader().await?.vault(&vault).map_err(BackendError::internal)
    }

    async fn vaults_of(&self, owner: Address, max: RowsMax) -> Result<Rows<VaultRecord>, BackendError> {
        self.reader().await?.vaults_of(&owner, max).map_err(BackendError::internal)
    }

    async fn packs(&self, packs: Vec<PackId>) -> Result<Vec<Option<PackRecord>>, BackendError> {
        let reader = self.reader().await?;
        packs.iter().map(|pack| reader.pack(pack).map_err(BackendError::internal)).collect()
    }

    async fn packs_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<(u64, PackRecord)>, BackendError> {
        let from = after.map_or(0, |position| position.saturating_add(1));
        let rows = self.reader().await?.packs(&vault, from, max).map_err(BackendError::internal)?;
        Ok(rows.map(|(position, _, record)| (position, record)))
    }

    async fn snapshot(&self, vault: VaultId, seq: u64) -> Result<Option<SnapshotRecord>, BackendError> {
        self.reader().await?.snapshot(&vault, seq).map_err(BackendError::internal)
    }

    async fn snapshots_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<SnapshotRecord>, BackendError> {
        let from = after.map_or(0, |seq| seq.saturating_add(1));
        self.reader().await?.snapshots(&vault, from, max).map_err(BackendError::internal)
    }

    async fn object(
        &self,
        vault: VaultId,
        key: ObjectKey,
        version: Option<u64>,
    ) -> Result<Option<ObjectRecord>, BackendError> {
        self.reader().await?.object(&vault, &key, version).map_err(BackendError::internal)
    }

    async fn objects_of(
        &self,
        vault: VaultId,
        after: Option<ObjectKey>,
        max: RowsMax,
    ) -> Result<Rows<ObjectRecord>, BackendError> {
        self.reader().await?.objects(&vault, after.as_ref(), max).map_err(BackendError::internal)
    }

    async fn nodes(&self, after: Option<NodeKey>, max: RowsMax) -> Result<Rows<NodeRecord>, BackendError> {
        self.reader().await?.nodes(after.as_ref(), max).map_err(BackendError::internal)
    }

    async fn outbox(&self, after: Option<u64>, max: RowsMax) -> Result<Rows<OutboxItem>, BackendError> {
        let from = after.map_or(0, |position| position.saturating_add(1));
        let rows = self.reader().await?.outbox(from, max).map_err(BackendError::internal)?;
        let item =
            |(position, vault, seq): (u64, _, u64)| OutboxItem { position: position.into(), vault, seq: seq.into() };
        Ok(rows.map(item))
    }

    async fn ledger_status(&self) -> Result<LedgerStatus, BackendError> {
        let status = self.ledger.status().map_err(failed)?;
        Ok(LedgerStatus {
            cluster: self.cluster,
            member: self.member,
            role: status.role,
            leader: status.leader,
            term: status.term.into(),
            last_log: status.last_log.map(Into::into),
            applied: status.applied.into(),
            log_bytes: status.log_bytes.into(),
            members: status.members,
            refusing: self.ledger.room().err().map(|error| error.to_string()),
            totals: status.totals.into(),
        })
    }
}
