//! Everything that can go wrong for a client, in words for people.

use std::path::PathBuf;

use primitives::ledger::Refusal;
use primitives::{ChainId, ChunkId, NetworkId, PackId, VaultId};

use crate::NodeError;

/// Why a client's operation failed as a whole. What concerns single files is in the reports instead.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node cannot be reached or does not answer as it should.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The node belongs to another network than the one expected.
    #[error("the node is on network {found}, expected {expected}: is the address that of another network's node?")]
    ForeignNetwork {
        /// Network expected.
        expected: NetworkId,
        /// Network of the node.
        found: NetworkId,
    },
    /// The node's chain has another chain id than the one expected.
    #[error("the node's chain id is {found}, expected {expected}: is the address that of another network's node?")]
    ForeignChain {
        /// Chain id expected.
        expected: ChainId,
        /// Chain id of the node.
        found: ChainId,
    },
    /// The owner has no vault of this name.
    #[error(
        "no vault named {name:?}; `strongroom vault list` shows those of this key, `strongroom vault create` makes one"
    )]
    UnknownVault {
        /// The name.
        name: String,
    },
    /// The owner has a vault of this name with other options.
    #[error(
        "vault {name:?} exists with other options; `strongroom vault info {name}` shows them, another name makes another vault"
    )]
    VaultExists {
        /// The name.
        name: String,
    },
    /// A commitment is of a vault that is not the owner's.
    #[error(
        "vault {vault}, which the receipt is of, is none of this key's on this node; `--account` chooses another key"
    )]
    ForeignVault {
        /// The vault.
        vault: VaultId,
    },
    /// The vault has no such snapshot.
    #[error("vault {vault:?} has no snapshot {snapshot}; `strongroom snapshots` lists them")]
    UnknownSnapshot {
        /// The vault's name.
        vault: String,
        /// The snapshot asked for.
        snapshot: String,
    },
    /// The vault has no snapshot at all.
    #[error("vault {vault:?} has no snapshot yet; `strongroom backup {vault} PATH` takes one")]
    NoSnapshot {
        /// The vault's name.
        vault: String,
    },
    /// Nothing in the snapshot is what was asked for.
    #[error("nothing in snapshot {snapshot} matches {}; `strongroom ls --recursive` shows what is in it", patterns.join(", "))]
    NothingMatches {
        /// The snapshot's sequence number.
        snapshot: u64,
        /// The patterns.
        patterns: Vec<String>,
    },
    /// The vault has no such object.
    #[error("vault {vault:?} has no object {name:?}")]
    UnknownObject {
        /// The vault's name.
        vault: String,
        /// The object's name.
        name: String,
    },
    /// The ledger refused a command.
    #[error("the ledger refused {what}: {refusal}")]
    Refused {
        /// What was submitted.
        what: &'static str,
        /// Why not.
        refusal: Refusal,
    },
    /// A name that cannot be used.
    #[error("{what} {name:?} cannot be used: {reason}")]
    BadName {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A glob pattern that does not parse.
    #[error("{pattern:?} is not a pattern: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// None of the paths to back up can be read.
    #[error("cannot read {}: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The target of a restore has content already.
    #[error("{} is not empty; choose an empty directory, or replace what is in the way with --overwrite", path.display())]
    TargetNotEmpty {
        /// The target.
        path: PathBuf,
    },
    /// Another process restores into the same directory.
    #[error("another restore is writing into {}; wait for it to end, or restore into another directory", path.display())]
    TargetBusy {
        /// The target.
        path: PathBuf,
    },
    /// The disk that is restored to is full.
    #[error(
        "no room is left in {} ({source}); make room and run the same command again: it goes on with what is missing", path.display()
    )]
    TargetFull {
        /// The target.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process works on this vault with the same cache directory.
    #[error("another process backs up this vault from here ({}); wait for it to end", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// A pack cannot be read: too few of its shards are left.
    #[error(
        "pack {pack} is lost: {have} of the {need} shards that are needed can be read, {damaged} are damaged and {missing} missing"
    )]
    PackLost {
        /// The pack.
        pack: PackId,
        /// Shards that could be read and are sound.
        have: u8,
        /// Shards needed.
        need: u8,
        /// Shards that are there, and whose bytes are not right.
        damaged: u8,
        /// Shards that nobody has.
        missing: u8,
    },
    /// No pack that can be read holds a chunk.
    #[error("chunk {chunk} is lost: the pack that held it cannot be read")]
    ChunkLost {
        /// The chunk.
        chunk: ChunkId,
    },
    /// A local cache is damaged; it is made again.
    #[error("the local index {} is damaged: {reason}", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The local index names packs that the ledger does not have.
    #[error(
        "the local index names packs that the ledger does not have (was the node started from an older copy?); it is cleared now: run the command again"
    )]
    StaleIndex,
    /// Stored bytes are not what they should be.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The vault's name cannot be opened with this key.
    #[error("vault {vault} does not open with this key")]
    WrongKey {
        /// The vault.
        vault: VaultId,
    },
    /// Reading or writing locally failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The chain has not made the snapshot final yet.
    #[error("snapshot {seq} is recorded but not final yet; try again in a moment")]
    NotFinal {
        /// Its sequence number.
        seq: u64,
    },
    /// Two writers at the same time.
    #[error("another client has added snapshots to this vault meanwhile; run the backup again")]
    Concurrent,
    /// The caller asked to stop.
    #[error("stopped; what was done so far is kept: run the same command again, and it goes on")]
    Cancelled,
    /// A limit of this program.
    #[error("{what} failed: {reason}")]
    Internal {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl ClientError {
    /// Whether only what was being read is concerned: too few shards are left, or what is left is wrong.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::PackLost { .. } | Self::ChunkLost { .. } | Self::Damaged { .. })
    }

    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn internal(what: &'static str) -> impl Fn(&dyn std::error::Error) -> Self {
        move |error| Self::Internal { what, reason: error.to_string() }
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { what: what.into(), reason: reason.to_string() }
    }
}
