//! The database handle.

use std::path::Path;
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction,
    IteratorMode, Options,
};

use crate::{Batch, Row, StoreError, Table, TableKey, TableValue, schema};

/// Memory that the database may use.
#[derive(Clone, Copy, Debug)]
pub struct StoreConfig {
    /// Block cache, bytes. Default 128 MiB.
    pub block_cache_bytes: usize,
    /// All memtables together, bytes. Default 128 MiB.
    pub write_buffer_bytes: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { block_cache_bytes: 128 << 20, write_buffer_bytes: 128 << 20 }
    }
}

/// An open database; clones share it.
#[derive(Clone)]
pub struct Store {
    db: Arc<DB>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish()
    }
}

impl Store {
    /// Opens the database at `path`, creating it and all tables of [`schema`] when missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Database`] otherwise.
    pub fn open(path: &Path, config: StoreConfig) -> Result<Self, StoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_db_write_buffer_size(config.write_buffer_bytes);
        options.set_max_background_jobs(2);
        options.set_bytes_per_sync(1 << 20);
        options.set_wal_bytes_per_sync(512 << 10);
        options.set_max_total_wal_size(256 << 20);
        options.set_max_open_files(1024);
        options.set_keep_log_file_num(4);
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        let cache = Cache::new_lru_cache(config.block_cache_bytes);
        let families = schema::TABLES.iter().map(|name| ColumnFamilyDescriptor::new(*name, family_options(&cache)));
        let db = DB::open_cf_descriptors(&options, path, families).map_err(|source| {
            if is_locked(&source) {
                StoreError::InUse { path: path.to_owned() }
            } else {
                StoreError::Database { operation: "open", source }
            }
        })?;
        Ok(Self { db: Arc::new(db) })
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.db.path()
    }

    /// How many clones of this handle there are. Who wants to open the database again waits until one is left, and drops it.
    #[must_use]
    pub fn clones(&self) -> usize {
        Arc::strong_count(&self.db)
    }

    /// An empty batch of writes.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError`] when reading fails or the value is corrupt.
    pub fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Value>, StoreError> {
        let bytes = self
            .db
            .get_pinned_cf(self.family::<T>()?, key.to_key())
            .map_err(|source| StoreError::Database { operation: "read", source })?;
        bytes.map(|bytes| value::<T>(&bytes)).transpose()
    }

    /// Rows from `from` on in key order, while `keep` holds, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when reading fails or a row is corrupt.
    pub fn scan<T: Table>(
        &self,
        from: &[u8],
        limit: usize,
        keep: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Row<T>>, StoreError> {
        self.rows::<T, _>(from, keep)?.take(limit).collect()
    }

    /// Rows from `from` on in key order, while `keep` holds, each read when it is asked for: for who stops by what they are.
    ///
    /// # Errors
    /// As [`Self::scan`], at the row that it is about.
    pub fn rows<'s, T: Table, K: Fn(&[u8]) -> bool>(
        &'s self,
        from: &[u8],
        keep: K,
    ) -> Result<impl Iterator<Item = Result<Row<T>, StoreError>> + use<'s, T, K>, StoreError> {
        let found = self.db.iterator_cf(self.family::<T>()?, IteratorMode::From(from, Direction::Forward));
        Ok(found.map_while(move |row| match row {
            Ok((key, _)) if !keep(&key) => None,
            Ok((key, bytes)) => Some(key_of::<T>(&key).and_then(|key| Ok((key, value::<T>(&bytes)?)))),
            Err(source) => Some(Err(StoreError::Database { operation: "scan", source })),
        }))
    }

    /// Rows whose key begins with `prefix`, in key order, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn scan_prefix<T: Table>(&self, prefix: &[u8], limit: usize) -> Result<Vec<Row<T>>, StoreError> {
        self.scan::<T>(prefix, limit, |key| key.starts_with(prefix))
    }

    /// The row with the greatest key that is not above `key`.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn floor<T: Table>(&self, key: &T::Key) -> Result<Option<Row<T>>, StoreError> {
        let key = key.to_key();
        let mode = IteratorMode::From(&key, Direction::Reverse);
        let Some(row) = self.db.iterator_cf(self.family::<T>()?, mode).next() else {
            return Ok(None);
        };
        let (key, bytes) = row.map_err(|source| StoreError::Database { operation: "scan", source })?;
        Ok(Some((key_of::<T>(&key)?, value::<T>(&bytes)?)))
    }

    /// The row with the greatest key.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn last<T: Table>(&self) -> Result<Option<Row<T>>, StoreError> {
        let Some(row) = self.db.iterator_cf(self.family::<T>()?, IteratorMode::End).next() else {
            return Ok(None);
        };
        let (key, bytes) = row.map_err(|source| StoreError::Database { operation: "scan", source })?;
        Ok(Some((key_of::<T>(&key)?, value::<T>(&bytes)?)))
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the fsync fails; the node must stop.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.db.flush_wal(true).map_err(|source| StoreError::Database { operation: "sync", source })
    }

    pub(crate) fn db(&self) -> &DB {
        &self.db
    }

    pub(crate) fn family<T: Table>(&self) -> Result<&ColumnFamily, StoreError> {
        self.family_named(T::NAME)
    }

    pub(crate) fn family_named(&self, name: &str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| StoreError::UnknownTable { table: name.to_owned() })
    }
}

/// Whether RocksDB could not open because somebody else has: its lock file is named `LOCK`, and no other error of its
/// kind speaks of it (a corrupt *block* does not).
fn is_locked(error: &rocksdb::Error) -> bool {
    let text = error.to_string();
    error.kind() == rocksdb::ErrorKind::IOError && text.contains("/LOCK")
}

fn family_options(cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_cache_index_and_filter_blocks(true);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}

fn key_of<T: Table>(bytes: &[u8]) -> Result<T::Key, StoreError> {
    T::Key::from_key(bytes).ok_or_else(|| StoreError::Corrupt {
        table: T::NAME,
        part: "key",
        reason: format!("{} bytes are no key of this table", bytes.len()),
    })
}

fn value<T: Table>(bytes: &[u8]) -> Result<T::Value, StoreError> {
    T::Value::from_bytes(bytes).map_err(|reason| StoreError::Corrupt { table: T::NAME, part: "value", reason })
}

#[cfg(test)]
#[path = "db_test.rs"]
mod tests;
