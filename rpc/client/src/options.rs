//! What callers ask for and what they get back.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::ledger::Finality;
use primitives::{Address, CommitmentHash, Hash32, Policy, TimestampMs, VaultId};
use serde::Serialize;

use crate::{Cancel, Note, Progress, Quiet};

/// A vault, with its name opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultInfo {
    /// Its name.
    pub name: String,
    /// Its id.
    pub vault: VaultId,
    /// Durability policy.
    pub policy: Policy,
    /// Retention of each snapshot, milliseconds; 0 = none.
    pub retention_ms: u64,
    /// Number of snapshots.
    pub snapshots: u64,
    /// Number of packs.
    pub packs: u64,
    /// Bytes of shards on the network.
    pub stored_bytes: u64,
    /// Height of the block that registered it; `None` = not on chain yet.
    pub on_chain: Option<u64>,
}

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

/// What a backup did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// The vault.
    pub vault: VaultId,
    /// The snapshot's sequence number.
    pub snapshot: u64,
    /// Hash of its commitment.
    pub commitment: CommitmentHash,
    /// Its content root.
    pub content_root: Hash32,
    /// Files in it.
    pub files: u64,
    /// Directories in it.
    pub directories: u64,
    /// Files that were opened and read.
    pub files_read: u64,
    /// Sum of all file sizes, bytes.
    pub bytes: u64,
    /// Bytes of chunks that were not stored before, before compression.
    pub new_bytes: u64,
    /// Bytes of shards that this snapshot added.
    pub stored_bytes: u64,
    /// Packs that it added, manifest not counted.
    pub packs: u64,
    /// Packs that came up with fewer holders than the policy places; the network repairs them.
    pub degraded_packs: u64,
    /// Left out on purpose: sockets, FIFOs, devices.
    pub skipped: Vec<Note>,
    /// Could not be read, or changed while read. Not empty: the snapshot is incomplete.
    pub errors: Vec<Note>,
}

/// One snapshot of a vault.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    /// Sequence number, from 1.
    pub seq: u64,
    /// Hash of its commitment.
    pub commitment: CommitmentHash,
    /// When it was taken.
    pub taken_at: TimestampMs,
    /// Not deletable before; 0 = no lock.
    pub retain_until: TimestampMs,
    /// Files in it.
    pub files: u64,
    /// Sum of their sizes, bytes.
    pub bytes: u64,
    /// Bytes of shards it added.
    pub stored_bytes: u64,
    /// Where the chain made it final; `None` = not yet.
    pub finality: Option<Finality>,
    /// Host it was taken on; empty when the manifest cannot be read now.
    pub host: String,
    /// Paths it was taken of.
    pub paths: Vec<String>,
    /// Labels.
    pub tags: Vec<String>,
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

/// What an entry of a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// One entry of a snapshot, as `ls` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedEntry {
    /// Path below the snapshot's root.
    #[serde(serialize_with = "crate::progress::lossy")]
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Length in bytes; of a directory: of all files below it.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Owner's name.
    pub user: String,
    /// Group's name.
    pub group: String,
    /// Modification, seconds since 1970.
    pub mtime: i64,
    /// Where a symbolic link points.
    #[serde(serialize_with = "lossy_target")]
    pub target: Option<PathBuf>,
}

/// How an entry differs between two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Only in the second.
    Added,
    /// Only in the first.
    Removed,
    /// Other content, or another kind.
    Content,
    /// Same content, other mode, owner, time or attributes.
    Metadata,
}

/// One difference between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Path below the root.
    #[serde(serialize_with = "crate::progress::lossy")]
    pub path: PathBuf,
    /// How it differs.
    pub change: Change,
    /// Length in the first snapshot, bytes.
    pub old_bytes: u64,
    /// Length in the second snapshot, bytes.
    pub new_bytes: u64,
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

/// What a restore did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// The snapshot's sequence number.
    pub snapshot: u64,
    /// Hash of its commitment.
    pub commitment: CommitmentHash,
    /// Files restored now or found complete.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// Of the files, those that were there already, complete and verified.
    pub kept: u64,
    /// Packs that had to be decoded because data shards were missing or bad.
    pub decoded_packs: u64,
    /// Files and directories that cannot be restored because too many shards are gone.
    pub lost: Vec<Note>,
    /// What could not be written, or not with all its metadata.
    pub errors: Vec<Note>,
}

/// One object of a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectInfo {
    /// Its key.
    pub name: String,
    /// Version, from 1.
    pub version: u64,
    /// Length, bytes.
    pub size: u64,
    /// Media type, as given or guessed from the name.
    pub media_type: String,
    /// Name of the file that was put.
    pub file_name: String,
    /// When it was put.
    pub put_at: TimestampMs,
    /// Content digest (keyed).
    pub digest: Hash32,
}

/// Whether files are those of a commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesVerdict {
    /// Content root that the commitment says.
    pub expected: Hash32,
    /// Content root of the files.
    pub found: Hash32,
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What could not be read.
    pub errors: Vec<Note>,
}

impl FilesVerdict {
    /// Whether they are the same.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.expected == self.found && self.errors.is_empty()
    }
}

fn lossy_target<S: serde::Serializer>(target: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&target.as_ref().map(|target| target.to_string_lossy()))
}
