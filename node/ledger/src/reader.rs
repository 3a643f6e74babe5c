//! What the ledger knows, for reading.

use std::sync::Arc;

use primitives::ledger::{NodeRecord, ObjectRecord, PackRecord, SnapshotRecord, Totals, TrustedSet, VaultRecord};
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
/// record is of that moment or a later one.
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

    /// The vaults that an account owns, ascending, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn vaults_of(&self, owner: &Address, limit: usize) -> Read<Vec<VaultRecord>> {
        let rows = self.store.scan_prefix::<schema::LedgerOwners>(&owner.to_key(), limit)?;
        let records = rows.iter().map(|((_, vault), ())| self.vault(vault));
        records.filter_map(Result::transpose).collect()
    }

    /// A pack.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pack(&self, pack: &PackId) -> Read<Option<PackRecord>> {
        self.store.get::<schema::LedgerPacks>(pack)
    }

    /// A vault's packs in order of arrival, from position `from` on, at most `limit`; positions begin at 0.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn packs(&self, vault: &VaultId, from: u64, limit: usize) -> Read<Vec<(u64, PackId, PackRecord)>> {
        let prefix = vault.to_key();
        let rows = self
            .store
            .scan::<schema::LedgerVaultPacks>(&(*vault, from).to_key(), limit, |key| key.starts_with(&prefix))?;
        let found =
            rows.into_iter().map(|((_, position), pack)| Ok(self.pack(&pack)?.map(|record| (position, pack, record))));
        found.filter_map(Result::transpose).collect()
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

    /// A vault's snapshots from sequence number `from` on, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshots(&self, vault: &VaultId, from: u64, limit: usize) -> Read<Vec<SnapshotRecord>> {
        let prefix = vault.to_key();
        let rows = self
            .store
            .scan::<schema::LedgerSnapshots>(&(*vault, from).to_key(), limit, |key| key.starts_with(&prefix))?;
        Ok(rows.into_iter().map(|(_, record)| record).collect())
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

    /// The latest version of each of a vault's objects after key `after`, tombstones too, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn objects(&self, vault: &VaultId, after: Option<&ObjectKey>, limit: usize) -> Read<Vec<ObjectRecord>> {
        let prefix = vault.to_key();
        let from = after.map_or_else(|| prefix.clone(), |key| [vault.as_ref(), key.as_ref(), &[0]].concat());
        let heads = self.store.scan::<schema::LedgerObjectHeads>(&from, limit, |key| key.starts_with(&prefix))?;
        let found = heads.into_iter().map(|((_, key), version)| self.object(vault, &key, Some(version)));
        found.filter_map(Result::transpose).collect()
    }

    /// The storage nodes after `after`, by key, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn nodes(&self, after: Option<&NodeKey>, limit: usize) -> Read<Vec<NodeRecord>> {
        let from = after.map_or_else(Vec::new, |node| [node.as_ref(), &[0]].concat());
        let rows = self.store.scan::<schema::LedgerNodes>(&from, limit, |_| true)?;
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }

    /// Commitments that wait for the chain, oldest first, from row `from` on: row, vault, sequence number; at most
    /// `limit`. Rows begin at 0, and a number is never used again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox(&self, from: u64, limit: usize) -> Read<Vec<(u64, VaultId, u64)>> {
        let rows = self.store.scan::<schema::LedgerOutbox>(&from.to_key(), limit, |_| true)?;
        Ok(rows.into_iter().map(|(row, (vault, seq))| (row, vault, seq)).collect())
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
