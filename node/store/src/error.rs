//! What can go wrong below the tables; every one is fatal to the node.

use std::path::PathBuf;

/// A storage failure. Fatal: the node stops rather than go on without its data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// RocksDB failed.
    #[error("database {operation} failed: {source}{}", advice(source))]
    Database {
        /// What was tried.
        operation: &'static str,
        /// RocksDB's words.
        source: rocksdb::Error,
    },
    /// A stored value does not decode: bit rot, or a database of a newer version.
    #[error(
        "table {table}: a stored {part} is corrupt ({reason}); restore this node's data directory or start with an empty one"
    )]
    Corrupt {
        /// The table.
        table: &'static str,
        /// Key or value.
        part: &'static str,
        /// What the decoder met.
        reason: String,
    },
    /// A table that the schema page does not list.
    #[error("the database has no table {table}; is it listed in schema::TABLES?")]
    UnknownTable {
        /// The name.
        table: String,
    },
    /// A file operation failed.
    #[error("{operation} {path} failed: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Another process has the data directory open.
    #[error("{path} is in use by another process; stop it, or choose another --data-dir")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

/// What to do about an error of RocksDB's.
fn advice(error: &rocksdb::Error) -> &'static str {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => {
            ": a file of the database is damaged. Stop the node, look after the disk, and put back the copy of the data directory (docs/operator/README.md); shards on the volumes are not concerned"
        }
        rocksdb::ErrorKind::IOError => ": look whether the disk is full, away or failing, and start again",
        _ => "",
    }
}

impl StoreError {
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { operation, path: path.into(), source }
    }
}
