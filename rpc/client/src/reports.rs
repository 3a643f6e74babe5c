//! What callers get back.

use std::fmt;
use std::path::PathBuf;

use primitives::ledger::Finality;
use primitives::{CommitmentHash, Hash32, Policy, TimestampMs, VaultId};
use serde::Serialize;

use crate::Note;

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
    /// Path below the snapshot's root. In JSON: `path`, and `pathHex` when it is no UTF-8.
    #[serde(flatten, serialize_with = "crate::progress::path_fields")]
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
    /// Where a symbolic link points. In JSON: `target`, and `targetHex` when it is no UTF-8.
    #[serde(flatten, serialize_with = "crate::progress::target_fields")]
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
    /// Path below the root. In JSON: `path`, and `pathHex` when it is no UTF-8.
    #[serde(flatten, serialize_with = "crate::progress::path_fields")]
    pub path: PathBuf,
    /// How it differs.
    pub change: Change,
    /// Length in the first snapshot, bytes.
    pub old_bytes: u64,
    /// Length in the second snapshot, bytes.
    pub new_bytes: u64,
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
    /// Metadata of what was restored now that only root may set, and that was left out because this is not root.
    pub left_out: LeftOut,
    /// Of the patterns of what to restore, those that match nothing in the snapshot.
    pub unmatched: Vec<String>,
}

/// What a restore leaves out when it does not run as root. Each counts files, directories and symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// They belong to whoever restored them, and not to the owner or group in the snapshot.
    pub owners: u64,
    /// They have lost set-user-id or set-group-id bits: a program that ran as somebody else must not run as the restorer.
    pub set_ids: u64,
    /// They have lost extended attributes of the namespaces `security` and `trusted`.
    pub attributes: u64,
}

impl LeftOut {
    /// Whether nothing was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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

/// A file, directory or link that is not what was committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDifference {
    /// Path below the root. In JSON: `path`, and `pathHex` when it is no UTF-8.
    #[serde(flatten, serialize_with = "crate::progress::path_fields")]
    pub path: PathBuf,
    /// What was committed; `None` = nothing of this name.
    pub expected: Option<FileState>,
    /// What is there; `None` = nothing of this name.
    pub found: Option<FileState>,
}

/// What a file, directory or link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileState {
    /// Its kind.
    pub kind: EntryKind,
    /// Length in bytes; of a directory 0.
    pub size: u64,
    /// Content digest (keyed); of a directory that is there on one side only, or is something else on the other, zero.
    pub digest: Hash32,
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EntryKind::Directory => f.write_str("a directory"),
            EntryKind::File => write!(f, "{} bytes with digest {}", self.size, self.digest),
            EntryKind::Symlink => write!(f, "a link with digest {}", self.digest),
        }
    }
}
