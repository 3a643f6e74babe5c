//! Whole tables as bytes, of one moment.

use rocksdb::{IteratorMode, ReadOptions};

use crate::{Store, StoreError};

/// One row as stored.
#[derive(Clone, Copy, Debug)]
pub struct RawRow<'a> {
    /// The table's name.
    pub table: &'static str,
    /// Key bytes.
    pub key: &'a [u8],
    /// Value bytes.
    pub value: &'a [u8],
}

impl Store {
    /// Visits every row of `tables` as they are at one moment, whatever is written meanwhile; table by table, in key
    /// order.
    ///
    /// # Errors
    /// [`StoreError`] as the visitor's error type when reading fails, or the visitor's own error, which ends the visit.
    pub fn export<E: From<StoreError>>(
        &self,
        tables: &[&'static str],
        mut visit: impl FnMut(RawRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let moment = self.db().snapshot();
        for table in tables {
            let mut options = ReadOptions::default();
            options.fill_cache(false);
            let rows = moment.iterator_cf_opt(self.family_named(table)?, options, IteratorMode::Start);
            for row in rows {
                let (key, value) = row.map_err(|source| StoreError::Database { operation: "export", source })?;
                visit(RawRow { table, key: &key, value: &value })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Durability, StoreConfig, schema};

    #[test]
    fn an_export_is_of_one_moment_and_goes_back_in() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreConfig::default()).unwrap();
        let mut batch = store.batch();
        for number in 0..100u64 {
            batch.put::<schema::ChainPool>(&number, &vec![1, 2]).unwrap();
        }
        batch.commit(Durability::Buffered).unwrap();
        let mut rows = Vec::new();
        store
            .export::<StoreError>(&["chain-pool"], |row| {
                let mut batch = store.batch();
                batch.delete::<schema::ChainPool>(&99)?;
                batch.commit(Durability::Buffered)?;
                rows.push((row.key.to_vec(), row.value.to_vec()));
                Ok(())
            })
            .unwrap();
        assert_eq!(rows.len(), 100);
        assert_eq!(store.get::<schema::ChainPool>(&99).unwrap(), None);
        let mut batch = store.batch();
        batch.clear("chain-pool").unwrap();
        for (key, value) in rows.iter().take(3) {
            batch.put_raw("chain-pool", key, value).unwrap();
        }
        batch.commit(Durability::Synced).unwrap();
        assert_eq!(store.scan_prefix::<schema::ChainPool>(&[], 1000).unwrap().len(), 3);
        assert!(store.batch().clear("no-such-table").is_err());
    }
}
