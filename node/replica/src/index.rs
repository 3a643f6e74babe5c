//! The index: one row per shard file, and what is known of it. A cache of the volumes: whatever is lost of it is
//! found again by the census, which is why rows are written without an fsync of their own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use parity_scale_codec::{Decode, Encode};
use primitives::{PackId, ShardId, TimestampMs, VolumeId, decode_exact};
use store::schema::{ReplicaMeta, ReplicaOutboards, ReplicaShards};
use store::{Durability, Raw, Store, StoreError, TableKey};

/// Version byte of [`ShardRow`].
const ROW_VERSION: u8 = 1;
/// Most packs that one shard may be part of; equal shards in several packs are rare (the same manifest under two
/// policies), so this bounds what a hostile client can pile up.
const MEMBERS_MAX: usize = 64;
/// Longest encoded row, bytes.
const ROW_BYTES_MAX: usize = 64 + MEMBERS_MAX * 33;
/// Locks that rows share.
const STRIPES: usize = 64;

/// What is known of one shard file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ShardRow {
    version: u8,
    /// Length of the file, bytes.
    pub(crate) len: u32,
    /// When its bytes were last hashed and right.
    pub(crate) checked_at: TimestampMs,
    /// Packs that it is part of, with its position in each.
    pub(crate) members: Vec<(PackId, u8)>,
}

impl ShardRow {
    pub(crate) const fn new(len: u32, checked_at: TimestampMs, members: Vec<(PackId, u8)>) -> Self {
        Self { version: ROW_VERSION, len, checked_at, members }
    }

    /// Adds a membership; `false` when it has too many.
    pub(crate) fn join(&mut self, pack: PackId, index: u8) -> bool {
        if self.members.contains(&(pack, index)) {
            return true;
        }
        if self.members.len() >= MEMBERS_MAX {
            return false;
        }
        self.members.push((pack, index));
        true
    }
}

/// The rows, and locks that make read-change-write of one shard's rows atomic.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
    stripes: Vec<Mutex<()>>,
}

impl Index {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, stripes: (0..STRIPES).map(|_| Mutex::new(())).collect() }
    }

    pub(crate) fn row(&self, volume: VolumeId, shard: &ShardId) -> Result<Option<ShardRow>, StoreError> {
        self.store.get::<ReplicaShards>(&(volume, *shard))?.map(|raw| decode_row(&raw)).transpose()
    }

    /// Changes one row under its lock: `change` sees the present row and answers with the new one. Both are returned.
    pub(crate) fn change(
        &self,
        volume: VolumeId,
        shard: &ShardId,
        change: impl FnOnce(Option<ShardRow>) -> Option<ShardRow>,
    ) -> Result<(Option<ShardRow>, Option<ShardRow>), StoreError> {
        let _guard = self.lock(shard);
        let before = self.row(volume, shard)?;
        let after = change(before.clone());
        if before != after {
            let mut batch = self.store.batch();
            match &after {
                Some(row) => batch.put::<ReplicaShards>(&(volume, *shard), &Raw(row.encode()))?,
                None => batch.delete::<ReplicaShards>(&(volume, *shard))?,
            }
            batch.commit(Durability::Buffered)?;
        }
        Ok((before, after))
    }

    /// Rows of a volume from behind `after` on, at most `limit`.
    pub(crate) fn page(
        &self,
        volume: VolumeId,
        after: Option<&ShardId>,
        limit: usize,
    ) -> Result<Vec<(ShardId, ShardRow)>, StoreError> {
        let prefix = volume.to_key();
        let mut from = after.map_or_else(|| prefix.clone(), |shard| (volume, *shard).to_key());
        if after.is_some() {
            from.push(0);
        }
        let rows = self.store.scan::<ReplicaShards>(&from, limit, |key| key.starts_with(&prefix))?;
        rows.into_iter().map(|((_, shard), raw)| Ok((shard, decode_row(&raw)?))).collect()
    }

    pub(crate) fn outboard(&self, shard: &ShardId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.store.get::<ReplicaOutboards>(shard)?.map(|raw| raw.0))
    }

    pub(crate) fn put_outboard(&self, shard: &ShardId, outboard: Vec<u8>) -> Result<(), StoreError> {
        if outboard.is_empty() {
            return Ok(());
        }
        let mut batch = self.store.batch();
        batch.put::<ReplicaOutboards>(shard, &Raw(outboard))?;
        batch.commit(Durability::Buffered)
    }

    pub(crate) fn delete_outboard(&self, shard: &ShardId) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.delete::<ReplicaOutboards>(shard)?;
        batch.commit(Durability::Buffered)
    }

    /// A fact by name.
    pub(crate) fn fact<T: Decode>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.store.get::<ReplicaMeta>(&name.to_owned())? else { return Ok(None) };
        decode_exact(name, &bytes, 1 << 20).map(Some).map_err(|error| corrupt("replica-meta", error))
    }

    /// Sets a fact, durably.
    pub(crate) fn set_fact<T: Encode>(&self, name: &'static str, value: &T) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.put::<ReplicaMeta>(&name.to_owned(), &value.encode())?;
        batch.commit(Durability::Synced)
    }

    fn lock(&self, shard: &ShardId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        shard.hash(&mut hasher);
        let stripe = hasher.finish() % u64::try_from(STRIPES).unwrap_or(1);
        self.stripes[usize::try_from(stripe).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode_row(raw: &Raw) -> Result<ShardRow, StoreError> {
    let row: ShardRow =
        decode_exact("shard row", &raw.0, ROW_BYTES_MAX).map_err(|error| corrupt("replica-shards", error))?;
    if row.version != ROW_VERSION {
        return Err(corrupt("replica-shards", format!("version {} is not known", row.version)));
    }
    Ok(row)
}

fn corrupt(table: &'static str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table, part: "value", reason: reason.to_string() }
}
