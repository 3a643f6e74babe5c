//! Keeps the node's data: RocksDB tables on one page, crash-safe shard files, the data directory's lock.
//!
//! ```text
//!   consensus ─┐                      ┌─ RocksDB (tables of schema.rs)
//!   ledger    ─┼─► Store / Batch ─────┤
//!   replica   ─┘                      └─ volumes/…: one file a shard
//! ```
//!
//! ```
//! use store::{Durability, Store, schema};
//! let dir = tempfile::tempdir()?;
//! let store = Store::open(dir.path(), store::StoreConfig::default())?;
//! let mut batch = store.batch();
//! batch.put::<schema::NodeMeta>(&"example".to_owned(), &vec![1])?;
//! batch.commit(Durability::Synced)?;
//! assert_eq!(store.get::<schema::NodeMeta>(&"example".to_owned())?, Some(vec![1]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod data_dir;
mod db;
mod error;
mod export;
mod key;
pub mod schema;
mod table;
mod volume;

pub use batch::{Batch, Durability};
pub use data_dir::DataDir;
pub use db::{Store, StoreConfig};
pub use error::StoreError;
pub use export::RawRow;
pub use key::TableKey;
pub use table::{Raw, Row, Table, TableValue};
pub use volume::{Buffers, ShardFile, Space, Volume, VolumeError, VolumeMarker};
