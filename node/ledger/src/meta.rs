//! What the tables hold: up to which entry, under which membership.

use serde::{Deserialize, Serialize};
use store::{Batch, Raw, Store, StoreError, Table, schema};

use crate::types::{LogId, SnapshotMeta, StoredMembership};

const APPLIED: &str = "applied";
const MEMBERSHIP: &str = "membership";
const INSTALLING: &str = "installing";

/// Last entry applied and last membership; rows of the table [`schema::LedgerMeta`], written with the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
}

impl Meta {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut meta = Self::default();
        for name in [APPLIED, MEMBERSHIP] {
            if let Some(Raw(bytes)) = store.get::<schema::LedgerMeta>(&name.to_owned())? {
                meta.take(name.as_bytes(), &bytes)?;
            }
        }
        Ok(meta)
    }

    /// Takes one row of the table as it is stored, if it is one of these.
    pub(crate) fn take(&mut self, key: &[u8], stored: &[u8]) -> Result<(), StoreError> {
        if key == APPLIED.as_bytes() {
            self.applied = Some(decode(stored)?);
        } else if key == MEMBERSHIP.as_bytes() {
            self.membership = decode(stored)?;
        }
        Ok(())
    }

    pub(crate) fn put_applied(batch: &mut Batch<'_>, applied: &LogId) -> Result<(), StoreError> {
        batch.put::<schema::LedgerMeta>(&APPLIED.to_owned(), &Raw(encode(applied)))
    }

    pub(crate) fn put_membership(batch: &mut Batch<'_>, membership: &StoredMembership) -> Result<(), StoreError> {
        batch.put::<schema::LedgerMeta>(&MEMBERSHIP.to_owned(), &Raw(encode(membership)))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        decode(bytes)
    }

    pub(crate) fn snapshot_meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }
}

/// Name of the snapshot file whose installation has begun.
pub(crate) fn installing(store: &Store) -> Result<Option<String>, StoreError> {
    let row = store.get::<schema::LedgerMeta>(&INSTALLING.to_owned())?;
    row.map(|Raw(bytes)| String::from_utf8(bytes).map_err(|error| corrupt(&error.to_string()))).transpose()
}

pub(crate) fn put_installing(batch: &mut Batch<'_>, file: &str) -> Result<(), StoreError> {
    batch.put::<schema::LedgerMeta>(&INSTALLING.to_owned(), &Raw(file.as_bytes().to_vec()))
}

pub(crate) fn delete_installing(batch: &mut Batch<'_>) -> Result<(), StoreError> {
    batch.delete::<schema::LedgerMeta>(&INSTALLING.to_owned())
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("Raft's plain values always encode")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| corrupt(&error.to_string()))
}

fn corrupt(reason: &str) -> StoreError {
    StoreError::Corrupt { table: schema::LedgerMeta::NAME, part: "value", reason: reason.to_owned() }
}
