//! What callers ask for.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::{Address, Policy};

use crate::{Cancel, Progress, Quiet};

/// How a new vault keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultOptions {
    /// Durability policy of its packs. Default: erasure, 4+2.
    pub policy: Policy,
    /// Each snapshot is locked for this long, milliseconds. Default: 0, no lock.
    pub retention_ms: u64,
    /// Accounts that may write for the owner. Default: none.
    pub delegates: Vec<Address>,
}

impl Default for VaultOptions {
    fn default() -> Self {
        Self { policy: Policy::ERASURE, retention_ms: 0, delegates: Vec::new() }
    }
}

/// How to back up.
#[derive(Clone)]
pub struct BackupOptions {
    /// The vault's name.
    pub vault: String,
    /// What to back up. One directory: its content is the snapshot's root. Otherwise: full paths below the root.
    pub paths: Vec<PathBuf>,
    /// Globs of what to leave out; without `/` matched against names, with `/` against whole paths.
    pub excludes: Vec<String>,
    /// Do not descend into other file systems. Default: no.
    pub one_file_system: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// Read every file, even those that look unchanged. Default: no.
    pub force: bool,
    /// Receives progress.
    pub progress: Arc<dyn Progress>,
    /// Stops the backup.
    pub cancel: Cancel,
}

impl BackupOptions {
    /// A backup of these paths with nothing left out.
    #[must_use]
    pub fn new(vault: impl Into<String>, paths: Vec<PathBuf>) -> Self {
        Self {
            vault: vault.into(),
            paths,
            excludes: Vec::new(),
            one_file_system: false,
            tags: Vec::new(),
            force: false,
            progress: Arc::new(Quiet),
            cancel: Cancel::default(),
        }
    }
}

impl fmt::Debug for BackupOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupOptions").field("vault", &self.vault).field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Which snapshot is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SnapshotRef {
    /// The last one.
    #[default]
    Latest,
    /// The one with this sequence number.
    Seq(u64),
}

impl fmt::Display for SnapshotRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Seq(seq) => seq.fmt(f),
        }
    }
}

impl std::str::FromStr for SnapshotRef {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" { Ok(Self::Latest) } else { text.parse().map(Self::Seq) }
    }
}

/// How to restore.
#[derive(Clone)]
pub struct RestoreOptions {
    /// The vault's name.
    pub vault: String,
    /// Which snapshot.
    pub snapshot: SnapshotRef,
    /// Where to; made when it does not exist.
    pub target: PathBuf,
    /// Only entries that match one of these globs (and what is below them); none = everything.
    pub include: Vec<String>,
    /// Replace what is in the way. Default: no.
    pub overwrite: bool,
    /// Receives progress.
    pub progress: Arc<dyn Progress>,
    /// Stops the restore; a later one with the same target goes on.
    pub cancel: Cancel,
}

impl RestoreOptions {
    /// A restore of everything in the last snapshot.
    #[must_use]
    pub fn new(vault: impl Into<String>, target: PathBuf) -> Self {
        Self {
            vault: vault.into(),
            snapshot: SnapshotRef::Latest,
            target,
            include: Vec::new(),
            overwrite: false,
            progress: Arc::new(Quiet),
            cancel: Cancel::default(),
        }
    }
}

impl fmt::Debug for RestoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("vault", &self.vault)
            .field("snapshot", &self.snapshot)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
