//! The ledger's tables as the rules see them: what is stored, under what this entry has written so far.

use std::collections::BTreeMap;

use store::{Batch, Store, StoreError, Table, TableKey, TableValue, schema};

/// A table of the ledger: its rows can be collected in [`Writes`].
pub trait LedgerTable: Table<Key: Ord + Clone, Value: Clone + PartialEq> {
    /// This table's rows.
    fn rows(writes: &Writes) -> &Rows<Self>
    where
        Self: Sized;
    /// This table's rows, to change.
    fn rows_mut(writes: &mut Writes) -> &mut Rows<Self>
    where
        Self: Sized;
}

/// Rows that were read or written, by key.
pub type Rows<T> = BTreeMap<<T as Table>::Key, Row<<T as Table>::Value>>;

/// One row of [`Rows`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<V> {
    /// Its value; `None` = there is no such row.
    pub value: Option<V>,
    /// Whether it was written, or only read.
    pub written: bool,
}

macro_rules! writes {
    ($($field:ident: $table:ident,)*) => {
        /// Rows that applying commands has read and written, not stored yet.
        #[derive(Debug, Default, Clone)]
        pub struct Writes {
            $($field: Rows<schema::$table>,)*
        }

        $(impl LedgerTable for schema::$table {
            fn rows(writes: &Writes) -> &Rows<Self> {
                &writes.$field
            }

            fn rows_mut(writes: &mut Writes) -> &mut Rows<Self> {
                &mut writes.$field
            }
        })*

        /// The tables that a snapshot of the ledger holds, besides Raft's own [`schema::LedgerMeta`].
        pub(crate) const TABLES: &[&str] = &[$(<schema::$table as Table>::NAME),*];

        impl Writes {
            /// Adds everything written to a batch.
            ///
            /// # Errors
            /// [`StoreError`] when a table is missing.
            pub fn store(&self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
                $(store_rows::<schema::$table>(&self.$field, batch)?;)*
                Ok(())
            }

            /// Takes over what `newer` has written; for a ledger in memory.
            pub fn absorb(&mut self, newer: Self) {
                $(absorb_rows::<schema::$table>(&mut self.$field, newer.$field);)*
            }

            /// Rows there are, as bytes: table, key, value. Equal for equal ledgers.
            #[must_use]
            pub fn dump(&self) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
                let mut rows = Vec::new();
                $(dump_rows::<schema::$table>(&self.$field, &mut rows);)*
                rows
            }
        }
    };
}

writes! {
    totals: LedgerTotals,
    trust: LedgerTrust,
    vaults: LedgerVaults,
    owners: LedgerOwners,
    packs: LedgerPacks,
    vault_packs: LedgerVaultPacks,
    shards: LedgerShards,
    snapshots: LedgerSnapshots,
    objects: LedgerObjects,
    object_heads: LedgerObjectHeads,
    nodes: LedgerNodes,
    outbox: LedgerOutbox,
    outbox_rows: LedgerOutboxRows,
    sessions: LedgerSessions,
    session_heads: LedgerSessionHeads,
    session_order: LedgerSessionOrder,
}

fn store_rows<T: LedgerTable>(rows: &Rows<T>, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    for (key, row) in rows.iter().filter(|(_, row)| row.written) {
        match &row.value {
            Some(value) => batch.put::<T>(key, value)?,
            None => batch.delete::<T>(key)?,
        }
    }
    Ok(())
}

fn absorb_rows<T: LedgerTable>(rows: &mut Rows<T>, newer: Rows<T>) {
    for (key, row) in newer.into_iter().filter(|(_, row)| row.written) {
        match row.value {
            Some(_) => drop(rows.insert(key, row)),
            None => drop(rows.remove(&key)),
        }
    }
}

fn dump_rows<T: LedgerTable>(rows: &Rows<T>, into: &mut Vec<(&'static str, Vec<u8>, Vec<u8>)>) {
    for (key, row) in rows {
        into.extend(row.value.as_ref().map(|value| (T::NAME, key.to_key(), value.to_bytes())));
    }
}

/// Where rows come from that were not touched yet.
pub trait LedgerReads {
    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError`] when reading fails; fatal.
    fn get<T: LedgerTable>(&self, key: &T::Key) -> Result<Option<T::Value>, StoreError>;
}

impl LedgerReads for Store {
    fn get<T: LedgerTable>(&self, key: &T::Key) -> Result<Option<T::Value>, StoreError> {
        Self::get::<T>(self, key)
    }
}

/// A whole ledger in memory, for simulations and tests of the rules.
impl LedgerReads for Writes {
    fn get<T: LedgerTable>(&self, key: &T::Key) -> Result<Option<T::Value>, StoreError> {
        Ok(T::rows(self).get(key).and_then(|row| row.value.clone()))
    }
}

/// Stored rows below, rows touched since on top.
#[derive(Debug)]
pub struct Tables<'a, R> {
    stored: &'a R,
    writes: &'a mut Writes,
}

impl<'a, R: LedgerReads> Tables<'a, R> {
    /// Both layers together.
    pub fn new(stored: &'a R, writes: &'a mut Writes) -> Self {
        Self { stored, writes }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`StoreError`] when reading fails; fatal.
    pub fn get<T: LedgerTable>(&mut self, key: &T::Key) -> Result<Option<T::Value>, StoreError> {
        if let Some(row) = T::rows(self.writes).get(key) {
            return Ok(row.value.clone());
        }
        let value = self.stored.get::<T>(key)?;
        T::rows_mut(self.writes).insert(key.clone(), Row { value: value.clone(), written: false });
        Ok(value)
    }

    /// Sets `key` to `value`.
    pub fn put<T: LedgerTable>(&mut self, key: T::Key, value: T::Value) {
        T::rows_mut(self.writes).insert(key, Row { value: Some(value), written: true });
    }

    /// Removes `key`.
    pub fn delete<T: LedgerTable>(&mut self, key: T::Key) {
        T::rows_mut(self.writes).insert(key, Row { value: None, written: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::ledger::Totals;

    #[test]
    fn the_snapshot_covers_every_ledger_table_of_the_schema() {
        let mut expected: Vec<_> = schema::TABLES
            .iter()
            .copied()
            .filter(|name| name.starts_with("ledger-") && *name != "ledger-meta")
            .collect();
        let mut found = TABLES.to_vec();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn writes_hide_what_is_stored_and_reads_are_not_stored_again() {
        let mut stored = Writes::default();
        let nothing = Writes::default();
        let mut tables = Tables::new(&nothing, &mut stored);
        tables.put::<schema::LedgerTotals>((), Totals { vaults: 1, ..Totals::default() });
        tables.put::<schema::LedgerOutbox>(7, Default::default());
        let mut writes = Writes::default();
        let mut tables = Tables::new(&stored, &mut writes);
        assert_eq!(tables.get::<schema::LedgerTotals>(&()).unwrap().unwrap().vaults, 1);
        assert!(tables.get::<schema::LedgerOutbox>(&7).unwrap().is_some());
        tables.delete::<schema::LedgerOutbox>(7);
        assert_eq!(tables.get::<schema::LedgerOutbox>(&7).unwrap(), None);
        assert!(!writes.totals.get(&()).unwrap().written);
        assert!(writes.outbox.get(&7).unwrap().written);
    }
}
