//! What can go wrong on one volume; none of it stops the node, because the other volumes hold the same packs.

use std::path::PathBuf;

use primitives::ShardId;
use rustix::io::Errno;

/// A failure of one volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// The directory or its marker file is not there: a removed or unmounted disk.
    #[error("volume {path} is not there (no marker file): is its disk mounted?")]
    Missing {
        /// The volume's directory.
        path: PathBuf,
    },
    /// A directory that holds other things cannot become a volume.
    #[error("{path} cannot become a volume: it already contains {found:?}; give an empty directory")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// The first thing found in it.
        found: String,
    },
    /// The marker file is not one of ours.
    #[error("the marker file of volume {path} is damaged: {reason}")]
    Marker {
        /// The volume's directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process has the volume open.
    #[error("volume {path} is in use by another process")]
    InUse {
        /// The volume's directory.
        path: PathBuf,
    },
    /// No room.
    #[error("volume {path} has no room for {needed} bytes")]
    Full {
        /// The volume's directory.
        path: PathBuf,
        /// Bytes that did not fit.
        needed: u64,
    },
    /// An fsync failed earlier: what the disk says about itself is no longer believed, so nothing more is written.
    #[error("volume {path} is read-only since an fsync failed ({reason}); replace the disk")]
    ReadOnly {
        /// The volume's directory.
        path: PathBuf,
        /// The first failure.
        reason: String,
    },
    /// The volume does not hold the shard.
    #[error("shard {shard} is not on this volume")]
    Absent {
        /// The shard.
        shard: ShardId,
    },
    /// The file ends before the bytes asked for.
    #[error("the file of shard {shard} ends at byte {found}, {expected} expected")]
    Short {
        /// The shard.
        shard: ShardId,
        /// Bytes expected at least.
        expected: u64,
        /// Where the file ends.
        found: u64,
    },
    /// A system call failed.
    #[error("{operation} on volume {path} failed: {errno}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The volume's directory.
        path: PathBuf,
        /// The system's answer.
        errno: Errno,
    },
}

impl VolumeError {
    /// Whether the disk could not read or write a block.
    #[must_use]
    pub const fn is_bad_block(&self) -> bool {
        matches!(self, Self::Io { errno: Errno::IO, .. })
    }
}
