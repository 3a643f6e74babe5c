//! Writes that happen together or not at all.

use rocksdb::{WriteBatch, WriteOptions};

use crate::{Store, StoreError, Table, TableKey, TableValue};

/// Above every key of every table: keys are shorter, or begin with text.
const KEY_END: [u8; 256] = [0xFF; 256];

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The write-ahead log is fsynced: survives power loss.
    Synced,
    /// In the operating system's hands: survives the process, not a power loss.
    Buffered,
}

/// A set of writes over any tables, applied atomically.
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch<'a> {
    store: &'a Store,
    writes: WriteBatch,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("writes", &self.writes.len()).finish_non_exhaustive()
    }
}

impl<'a> Batch<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, writes: WriteBatch::default() }
    }

    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// [`StoreError`] when the table is missing.
    pub fn put<T: Table>(&mut self, key: &T::Key, value: &T::Value) -> Result<(), StoreError> {
        self.writes.put_cf(self.store.family::<T>()?, key.to_key(), value.to_bytes());
        Ok(())
    }

    /// Removes `key`, if it is there.
    ///
    /// # Errors
    /// [`StoreError`] when the table is missing.
    pub fn delete<T: Table>(&mut self, key: &T::Key) -> Result<(), StoreError> {
        self.writes.delete_cf(self.store.family::<T>()?, key.to_key());
        Ok(())
    }

    /// Sets a row by table name and bytes, as [`Store::export`] gave them.
    ///
    /// # Errors
    /// [`StoreError`] when there is no such table.
    pub fn put_raw(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.writes.put_cf(self.store.family_named(table)?, key, value);
        Ok(())
    }

    /// Removes every row of a table.
    ///
    /// # Errors
    /// [`StoreError`] when there is no such table.
    pub fn clear(&mut self, table: &str) -> Result<(), StoreError> {
        self.writes.delete_range_cf(self.store.family_named(table)?, &[][..], &KEY_END[..]);
        Ok(())
    }

    /// Writes collected so far, bytes.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.writes.size_in_bytes()
    }

    /// Writes collected so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Applies all writes atomically.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is written then, and the node must stop.
    pub fn commit(self, durability: Durability) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.store
            .db()
            .write_opt(self.writes, &options)
            .map_err(|source| StoreError::Database { operation: "write", source })
    }
}
