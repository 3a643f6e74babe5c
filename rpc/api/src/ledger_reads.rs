//! Typed reads of the ledger for clients.

use async_trait::async_trait;
use jsonrpsee::core::ClientError;
use primitives::ledger::{ObjectRecord, PackRecord, SnapshotRecord, VaultRecord};
use primitives::{Address, ObjectKey, PackId, VaultId};

use crate::ledger::{Consistency, LedgerAnswer, LedgerApiClient, LedgerItems, LedgerList, LedgerQuery, Page};
use crate::{Data, Quantity, Record};

/// Why a typed read failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerReadError {
    /// The request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The node answered another question than the one asked: it breaks the protocol.
    #[error("the node's answer is not what was asked for: expected {expected}")]
    Answer {
        /// What was asked for.
        expected: &'static str,
    },
}

macro_rules! expect {
    ($answer:expr, $variant:path, $what:literal) => {
        match $answer {
            $variant(value) => Ok(value),
            _ => Err(LedgerReadError::Answer { expected: $what }),
        }
    };
}

/// Ledger reads with the types that they return; implemented for every jsonrpsee client. All are linearizable.
#[async_trait]
pub trait LedgerReads: LedgerApiClient + Sync {
    /// One vault.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn vault(&self, vault: VaultId) -> Result<Option<VaultRecord>, LedgerReadError> {
        let answer = self.get(LedgerQuery::Vault { vault }, None).await?.answer;
        Ok(expect!(answer, LedgerAnswer::Vault, "a vault")?.map(Record::into_inner))
    }

    /// All vaults of an owner.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn vaults_of(&self, owner: Address) -> Result<Vec<VaultRecord>, LedgerReadError> {
        let answer = self.get(LedgerQuery::VaultsOf { owner }, None).await?.answer;
        Ok(unwrap_all(expect!(answer, LedgerAnswer::VaultsOf, "vaults")?))
    }

    /// One pack.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn pack(&self, pack: PackId) -> Result<Option<PackRecord>, LedgerReadError> {
        let answer = self.get(LedgerQuery::Pack { pack }, None).await?.answer;
        Ok(expect!(answer, LedgerAnswer::Pack, "a pack")?.map(Record::into_inner))
    }

    /// Several packs, one place per id.
    ///
    /// # Errors
    /// [`LedgerReadError`]; also when the answer has another length than the question.
    async fn packs(&self, packs: Vec<PackId>) -> Result<Vec<Option<PackRecord>>, LedgerReadError> {
        let asked = packs.len();
        let answer = self.get(LedgerQuery::Packs { packs }, None).await?.answer;
        let found = expect!(answer, LedgerAnswer::Packs, "packs")?;
        if found.len() != asked {
            return Err(LedgerReadError::Answer { expected: "one place for each pack" });
        }
        Ok(found.into_iter().map(|pack| pack.map(Record::into_inner)).collect())
    }

    /// One snapshot; without `seq` the last.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn snapshot(&self, vault: VaultId, seq: Option<u64>) -> Result<Option<SnapshotRecord>, LedgerReadError> {
        let answer = self.get(LedgerQuery::Snapshot { vault, seq: seq.map(Quantity::new) }, None).await?.answer;
        Ok(expect!(answer, LedgerAnswer::Snapshot, "a snapshot")?.map(Record::into_inner))
    }

    /// The newest version of one object.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn object(&self, vault: VaultId, key: ObjectKey) -> Result<Option<ObjectRecord>, LedgerReadError> {
        let answer = self.get(LedgerQuery::Object { vault, key, version: None }, None).await?.answer;
        Ok(expect!(answer, LedgerAnswer::Object, "an object")?.map(Record::into_inner))
    }

    /// A page of a vault's packs, and the cursor of the next page.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn pack_page(
        &self,
        vault: VaultId,
        cursor: Option<Data>,
        limit: u64,
    ) -> Result<(Vec<PackRecord>, Option<Data>), LedgerReadError> {
        let page = self.list(LedgerList::Packs { vault }, Some(page(cursor, limit))).await?;
        Ok((unwrap_all(expect!(page.items, LedgerItems::Packs, "packs")?), page.next_cursor))
    }

    /// A page of a vault's snapshots, oldest first, and the cursor of the next page.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn snapshot_page(
        &self,
        vault: VaultId,
        cursor: Option<Data>,
        limit: u64,
    ) -> Result<(Vec<SnapshotRecord>, Option<Data>), LedgerReadError> {
        let page = self.list(LedgerList::Snapshots { vault }, Some(page(cursor, limit))).await?;
        Ok((unwrap_all(expect!(page.items, LedgerItems::Snapshots, "snapshots")?), page.next_cursor))
    }

    /// A page of a vault's objects, and the cursor of the next page.
    ///
    /// # Errors
    /// [`LedgerReadError`].
    async fn object_page(
        &self,
        vault: VaultId,
        cursor: Option<Data>,
        limit: u64,
    ) -> Result<(Vec<ObjectRecord>, Option<Data>), LedgerReadError> {
        let page = self.list(LedgerList::Objects { vault }, Some(page(cursor, limit))).await?;
        Ok((unwrap_all(expect!(page.items, LedgerItems::Objects, "objects")?), page.next_cursor))
    }
}

impl<C: LedgerApiClient + Sync> LedgerReads for C {}

fn page(cursor: Option<Data>, limit: u64) -> Page {
    Page { cursor, limit: Some(limit.into()), consistency: Consistency::Linearizable }
}

fn unwrap_all<T>(records: Vec<Record<T>>) -> Vec<T> {
    records.into_iter().map(Record::into_inner).collect()
}
