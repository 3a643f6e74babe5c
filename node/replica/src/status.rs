//! What the replica tells about itself.

use std::path::PathBuf;

use primitives::{PackId, ShardId, TimestampMs, VolumeId};
use serde::{Deserialize, Serialize};

/// Health of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VolumeState {
    /// Reads and writes.
    Up,
    /// Reads only: an fsync failed. Replace the disk.
    ReadOnly,
    /// Was not there when last looked at and is not yet counted as lost, or is back and not yet open, or a read or write of it
    /// hangs.
    Suspect,
    /// Gone: its shards are rebuilt elsewhere.
    Lost,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// Its id.
    pub id: VolumeId,
    /// Its directory.
    pub path: PathBuf,
    /// Its health.
    pub state: VolumeState,
    /// Shards on it.
    pub shards: u64,
    /// Bytes of these shards.
    pub used: u64,
    /// Bytes free on its file system.
    pub free: u64,
    /// Bytes of its file system.
    pub total: u64,
    /// Whether it is above its high-water mark and takes no new shards.
    pub full: bool,
    /// Whether the ledger has heard of it; before, it takes no new shards.
    pub announced: bool,
    /// Why the directory that was given in its place cannot be used.
    pub problem: Option<String>,
}

/// Repairs, since the node started unless stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairStatus {
    /// Packs that wait for repair now.
    pub queued: u64,
    /// Packs under repair now.
    pub running: u64,
    /// Packs repaired.
    pub done: u64,
    /// Packs that cannot be repaired now: fewer than `k` shards are left, or no volume has room.
    pub failed: u64,
    /// Shards rebuilt.
    pub shards: u64,
    /// Bytes rebuilt.
    pub bytes: u64,
}

/// Scrubbing, since the node started unless stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrubStatus {
    /// Shards re-hashed.
    pub checked: u64,
    /// Bytes re-hashed.
    pub bytes: u64,
    /// Shards found damaged or missing, by scrub or by a reader.
    pub damaged: u64,
    /// When the last complete pass over all shards ended, in any run of the node.
    pub completed: Option<TimestampMs>,
}

/// The replica's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Volumes, ascending by id.
    pub volumes: Vec<VolumeStatus>,
    /// Repairs.
    pub repairs: RepairStatus,
    /// Scrubbing.
    pub scrub: ScrubStatus,
    /// Packs that have fewer than `k` shards left, as far as is known now (at most 1,000 of them).
    pub unrepairable: Vec<PackId>,
}

/// Where a shard is on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardStat {
    /// Its length, bytes.
    pub len: u64,
    /// Volumes that hold it, ascending.
    pub volumes: Vec<VolumeId>,
}

/// What one pass of scrubbing found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Shards re-hashed.
    pub checked: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Shards found damaged or missing; their repair has begun.
    pub damaged: u64,
}

/// What one pass over the shards of packs that were never recorded found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrphanReport {
    /// Shards here that a recorded pack has.
    pub recorded: u64,
    /// Shards here that no recorded pack has and that are older than the grace period.
    pub orphans: u64,
    /// Those of them that were removed.
    pub removed: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// None was removed, because the ledger has fewer packs than it had, or, where that is not known, because it knows fewer of the
    /// shards here than it does not: it may have lost its records.
    pub held_back: bool,
}

/// Something that happened to shards here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaEvent {
    /// A volume is gone, with so many shards.
    VolumeLost {
        /// The volume.
        volume: VolumeId,
        /// Shards that were on it.
        shards: u64,
    },
    /// A lost volume is back.
    VolumeReturned {
        /// The volume.
        volume: VolumeId,
    },
    /// A shard was found damaged or missing.
    ShardDamaged {
        /// The shard.
        shard: ShardId,
        /// Where.
        volume: VolumeId,
    },
    /// A shard was rebuilt.
    ShardRebuilt {
        /// The pack.
        pack: PackId,
        /// Position in the pack.
        index: u8,
        /// Where it is now.
        volume: VolumeId,
        /// Its length, bytes.
        bytes: u64,
    },
    /// A pack has all its shards again.
    PackRepaired {
        /// The pack.
        pack: PackId,
    },
    /// A pack has too few shards left.
    PackUnrepairable {
        /// The pack.
        pack: PackId,
        /// Shards left.
        have: u8,
        /// Shards needed.
        need: u8,
    },
}
