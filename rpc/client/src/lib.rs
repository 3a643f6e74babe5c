//! Backs up, restores and verifies for an owner, against any node, believing none.
//!
//! ```text
//!   files ─► walk ─► cut ─► seal ─► pack ─► encode ─► place ─► commit ─► snapshot
//!            (Plain)      (Sealed)        (Encoded)  (Placed) (Committed)
//!   files ◄─ write ◄─ open ◄─ verified ranges, or decode from any k shards ◄─┘
//! ```
//! A [`Client`] knows a node; an [`Owner`] is a client with a secret and does the work. What is kept in the cache
//! directory rebuilds itself from the network: losing it costs time, nothing else.
//!
//! ```no_run
//! use client::{BackupOptions, Client, VaultOptions};
//! let client = Client::connect("http://127.0.0.1:8545")?;
//! let owner = client.owner(seal::OwnerSecret::generate(&mut rand::rng()));
//! owner.vault_create("photos", VaultOptions::default())?;
//! let report = owner.backup(BackupOptions::new("photos", vec!["/home/ann/photos".into()]))?;
//! println!("snapshot {} with {} files", report.snapshot, report.files);
//! # Ok::<(), client::ClientError>(())
//! ```
#![forbid(unsafe_code)]

mod backup;
mod browse;
mod buffers;
mod cache_dir;
mod chunk_reader;
mod client;
mod differing;
mod digest;
mod error;
mod fetch;
mod hedge;
mod http;
mod index;
mod meta;
mod node;
mod object;
mod open;
mod options;
mod owner;
mod pairs;
mod patterns;
mod progress;
mod reports;
mod restore;
mod session;
mod snapshot;
mod stage;
mod tree_cache;
mod vault;
mod width;

pub use client::Client;
pub use error::ClientError;
pub use http::HttpNode;
pub use node::{NetworkInfo, Node, NodeError, Page, ShardPart, ShardPlace};
pub use options::{BackupOptions, RestoreOptions, SnapshotRef, VaultOptions};
pub use owner::Owner;
pub use progress::{Cancel, Note, Phase, Progress, Quiet};
pub use reports::{
    BackupReport, Change, Difference, EntryKind, FileDifference, FileState, FilesVerdict, LeftOut, ListedEntry,
    ObjectInfo, RestoreReport, SnapshotInfo, VaultInfo,
};
