//! What the ledger knows, for reading.

use std::sync::Arc;

use primitives::ledger::{
    NodeRecord, ObjectRecord, PackRecord, Rows, RowsMax, SnapshotRecord, Totals, TrustedSet, VaultRecord,
};
use primitives::{Address, NodeKey, ObjectKey, PackId, ShardId, VaultId};
use store::{Store, StoreError, TableKey, schema};

/// What a read may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Everything that was acknowledged before the read began, on whatever member (Raft's `ReadIndex`).
    #[default]
    Linearizable,
    /// What this member has applied, perhaps a little behind.
    Stale,
}

/// What a read sees, as it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// See [`Consistency::Linearizable`]. The member was confirmed as the leader of `term`.
    Linearizable { applied: u64, term: u64 },
    /// See [`Consistency::Stale`].
    Stale { applied: u64 },
}

/// The tables, at least as new as the read asked for. Its methods read from disk or cache, on the caller's thread: cheap,
/// but not for ever on a thread that must not block. Where one returns several rows, which they are is of one moment; each
/// record is of that moment or a later one. Lists end at `max` and say whether there is more.
#[derive(Clone, Debug)]
pub struct Reader {
    store: Store,
    genesis: Arc<TrustedSet>,
    view: View,
}

/// Result of a read; an error is fatal.
pub type Read<T> = Result<T, StoreError>;

impl Reader {
    pub(crate) fn new(store: Store, genesis: Arc<TrustedSet>, view: View) -> Self {
        Self { store, genesis, view }
    }

    /// What this read may see.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        match self.view {
            View::Linearizable { .. } => Consistency::Linearizable,
            View::Stale { .. } => Consistency::Stale,
        }
    }

    /// Index of the last entry applied when the read began; the tables are at least as new.
    #[must_use]
    pub fn applied(&self) -> u64 {
        match self.view {
            View::Linearizable { applied, .. } | View::Stale { applied } => applied,
        }
    }

    /// Raft's term in which this member was confirmed as the leader for this read; `None` for a stale one, which nobody
    /// confirmed.
    #[must_use]
    pub fn confirmed_term(&self) -> Option<u64> {
        match self.view {
            View::Linearizable { term, .. } => Some(term),
            View::Stale { .. } => None,
        }
    }

    /// A vault.
    ///
    /// # Errors
    /// [`StoreError`] when reading fails, as for all of these.
    pub fn vault(&self, vault: &VaultId) -> Read<Option<VaultRecord>> {
        self.store.get::<schema::LedgerVaults>(vault)
    }

    /// The vaults that an account owns, ascending.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn vaults_of(&self, owner: &Address, max: impl Into<RowsMax>) -> Read<Rows<VaultRecord>> {
        let prefix = owner.to_key();
        let rows = self.store.rows::<schema::LedgerOwners, _>(&prefix, |key| key.starts_with(&prefix))?;
        let found = rows.map(|row| self.vault(&row?.0.1));
        Rows::collect(found.filter_map(Result::transpose), max.into(), |record| record)
    }

    /// A pack.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pack(&self, pack: &PackId) -> Read<Option<PackRecord>> {
        self.store.get::<schema::LedgerPacks>(pack)
    }

    /// A vault's packs in order of arrival, from position `from` on; positions begin at 0.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn packs(&self, vault: &VaultId, from: u64, max: impl Into<RowsMax>) -> Read<Rows<(u64, PackId, PackRecord)>> {
        let prefix = vault.to_key();
        let rows =
            self.store.rows::<schema::LedgerVaultPacks, _>(&(*vault, from).to_key(), |key| key.starts_with(&prefix))?;
        let found = rows.map(|row| {
            let ((_, position), pack) = row?;
            Ok(self.pack(&pack)?.map(|record| (position, pack, record)))
        });
        Rows::collect(found.filter_map(Result::transpose), max.into(), |(_, _, record)| record)
    }

    /// All packs after `after`, by id, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_packs(&self, after: Option<&PackId>, limit: usize) -> Read<Vec<(PackId, PackRecord)>> {
        // A key and one more byte is the least that comes after the key.
        let from = after.map_or_else(Vec::new, |pack| [pack.as_ref(), &[0]].concat());
        self.store.scan::<schema::LedgerPacks>(&from, limit, |_| true)
    }

    /// The packs that contain a shard.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn packs_with_shard(&self, shard: &ShardId, limit: usize) -> Read<Vec<(PackId, PackRecord)>> {
        let rows = self.store.scan_prefix::<schema::LedgerShards>(&shard.to_key(), limit)?;
        let found = rows.into_iter().map(|((_, pack), _)| Ok(self.pack(&pack)?.map(|record| (pack, record))));
        found.filter_map(Result::transpose).collect()
    }

    /// A snapshot by its sequence number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshot(&self, vault: &VaultId, seq: u64) -> Read<Option<SnapshotRecord>> {
        self.store.get::<schema::LedgerSnapshots>(&(*vault, seq))
    }

    /// A vault's snapshots from sequence number `from` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshots(&self, vault: &VaultId, from: u64, max: impl Into<RowsMax>) -> Read<Rows<SnapshotRecord>> {
        let prefix = vault.to_key();
        let rows =
            self.store.rows::<schema::LedgerSnapshots, _>(&(*vault, from).to_key(), |key| key.starts_with(&prefix))?;
        Rows::collect(rows.map(|row| Ok(row?.1)), max.into(), |record| record)
    }

    /// An object: this version, or its latest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn object(&self, vault: &VaultId, key: &ObjectKey, version: Option<u64>) -> Read<Option<ObjectRecord>> {
        let version = match version {
            Some(version) => Some(version),
            None => self.store.get::<schema::LedgerObjectHeads>(&(*vault, *key))?,
        };
        let Some(version) = version else { return Ok(None) };
        self.store.get::<schema::LedgerObjects>(&(*vault, *key, version))
    }

    /// The latest version of each of a vault's objects after key `after`, tombstones too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn objects(
        &self,
        vault: &VaultId,
        after: Option<&ObjectKey>,
        max: impl Into<RowsMax>,
    ) -> Read<Rows<ObjectRecord>> {
        let prefix = vault.to_key();
        let from = after.map_or_else(|| prefix.clone(), |key| [vault.as_ref(), key.as_ref(), &[0]].concat());
        let heads = self.store.rows::<schema::LedgerObjectHeads, _>(&from, |key| key.starts_with(&prefix))?;
        let found = heads.map(|row| {
            let ((_, key), version) = row?;
            self.object(vault, &key, Some(version))
        });
        Rows::collect(found.filter_map(Result::transpose), max.into(), |record| record)
    }

    /// The storage nodes after `after`, by key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn nodes(&self, after: Option<&NodeKey>, max: impl Into<RowsMax>) -> Read<Rows<NodeRecord>> {
        let from = after.map_or_else(Vec::new, |node| [node.as_ref(), &[0]].concat());
        let rows = self.store.rows::<schema::LedgerNodes, _>(&from, |_| true)?;
        Rows::collect(rows.map(|row| Ok(row?.1)), max.into(), |record| record)
    }

    /// Commitments that wait for the chain, oldest first, from row `from` on: row, vault, sequence number. Rows begin at
    /// 0, and a number is never used again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox(&self, from: u64, max: impl Into<RowsMax>) -> Read<Rows<(u64, VaultId, u64)>> {
        let rows = self.store.rows::<schema::LedgerOutbox, _>(&from.to_key(), |_| true)?;
        let found = rows.map(|row| row.map(|(row, (vault, seq))| (row, vault, seq)));
        Rows::collect(found, max.into(), |row| row)
    }

    /// Whether the commitment of a snapshot waits for the chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waits(&self, vault: &VaultId, seq: u64) -> Read<bool> {
        Ok(self.store.get::<schema::LedgerOutboxRows>(&(*vault, seq))?.is_some())
    }

    /// The validators whose certificates the ledger believes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn trusted(&self) -> Read<TrustedSet> {
        Ok(self.store.get::<schema::LedgerTrust>(&())?.unwrap_or_else(|| TrustedSet::clone(&self.genesis)))
    }

    /// Counters over the whole ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn totals(&self) -> Read<Totals> {
        Ok(self.store.get::<schema::LedgerTotals>(&())?.unwrap_or_default())
    }
}
