//! What can go wrong, and whose fault it is.

use std::path::PathBuf;

use primitives::{ShardId, VolumeId};
use store::{StoreError, VolumeError};
use tokio::task::JoinError;

/// Why the ledger's directory did not answer. Always worth another try later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the directory of packs does not answer: {reason}")]
pub struct DirectoryError {
    /// Its words.
    pub reason: String,
}

impl DirectoryError {
    /// With this reason.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// How a caller should take an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The sender's fault; the same request will fail again.
    Invalid,
    /// There is no such shard here.
    NotFound,
    /// May work later, or with another shard or node.
    NotYet,
    /// The node's own storage failed, or the program has a defect: it must stop.
    Fatal,
}

/// A failure of the replica.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The bytes are not the shard that was named.
    #[error("the bytes are not shard {expected}: they hash to {found}")]
    Mismatch {
        /// The shard that was named.
        expected: ShardId,
        /// The shard that the bytes are.
        found: ShardId,
    },
    /// No bytes, or more than a shard may have.
    #[error("a shard has 1 to {max} bytes, found {found}")]
    Length {
        /// Most bytes allowed.
        max: u32,
        /// Bytes given.
        found: usize,
    },
    /// An index that the pack does not have.
    #[error("index {index} is not below the pack's width {width}, which is at most {max}", max = crate::WIDTH_MAX)]
    Index {
        /// Position given.
        index: u8,
        /// Width given.
        width: u8,
    },
    /// Every usable volume is above its high-water mark, or would be.
    #[error(
        "no volume takes {needed} bytes more: each disk would be more than {mark_percent} % full; add a volume, free space on the disks, or raise storage.full_percent"
    )]
    Full {
        /// Bytes that did not fit.
        needed: u64,
        /// The mark, percent of the disk in use.
        mark_percent: u16,
    },
    /// No volume can take the shard, for other reasons than room.
    #[error("no volume can take the shard: {reason}")]
    NoVolume {
        /// Why.
        reason: String,
    },
    /// Every volume that could take this copy has one of the same pack already: a second one there adds nothing.
    #[error("no volume is left for another copy: {reason}")]
    NoPlace {
        /// Why.
        reason: String,
    },
    /// The shard is not here.
    #[error("shard {shard} is not held here")]
    Unknown {
        /// The shard.
        shard: ShardId,
    },
    /// The shard was here but is damaged or gone. Nothing of it is served; its repair has begun.
    #[error("shard {shard} is damaged here and being repaired; read other shards of its pack")]
    Corrupt {
        /// The shard.
        shard: ShardId,
    },
    /// A range that is empty or beyond the shard's end.
    #[error("bytes {start}..{end} are no range of a shard of {len} bytes")]
    Range {
        /// First byte asked for.
        start: u64,
        /// Byte after the last asked for.
        end: u64,
        /// The shard's length, bytes.
        len: u64,
    },
    /// The disk took too long.
    #[error("shard {shard} could not be read in time; read other shards of its pack")]
    Slow {
        /// The shard.
        shard: ShardId,
    },
    /// A configured volume cannot be used.
    #[error("volume {path} belongs to another {what} ({found}); this node is {expected}")]
    Foreign {
        /// The volume's directory.
        path: PathBuf,
        /// Node or network.
        what: &'static str,
        /// The owner in its marker.
        found: String,
        /// This node's or network's id.
        expected: String,
    },
    /// Two directories claim to be the same volume.
    #[error("{first} and {second} are both volume {volume}: one is a copy of the other; remove it from the configuration", volume = volume.0)]
    Duplicate {
        /// The id that both carry.
        volume: VolumeId,
        /// One directory.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// One volume failed.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The node's database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not answer.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Work panicked: a defect of the program, after which nobody knows what was left undone.
    #[error("a defect of the program: {reason}; start the node again, and report what it says")]
    Panicked {
        /// The task and its words.
        reason: String,
    },
    /// The replica is shutting down.
    #[error("the replica has stopped")]
    Stopped,
}

impl ReplicaError {
    /// How a caller should take it.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Mismatch { .. }
            | Self::Length { .. }
            | Self::Index { .. }
            | Self::Range { .. }
            | Self::NoPlace { .. } => Class::Invalid,
            Self::Unknown { .. } => Class::NotFound,
            Self::Full { .. }
            | Self::NoVolume { .. }
            | Self::Corrupt { .. }
            | Self::Slow { .. }
            | Self::Volume(_)
            | Self::Directory(_)
            | Self::Stopped => Class::NotYet,
            Self::Foreign { .. } | Self::Duplicate { .. } | Self::Store(_) | Self::Panicked { .. } => Class::Fatal,
        }
    }

    /// Why a task has no result: it panicked, or was dropped because the process ends.
    pub(crate) fn unfinished(error: JoinError) -> Self {
        if error.is_panic() { Self::Panicked { reason: error.to_string() } } else { Self::Stopped }
    }
}
