//! What an operator can set.

use std::path::PathBuf;
use std::time::Duration;

use crate::fill::Purpose;

/// Settings of the replica; [`ReplicaConfig::default`] gives the defaults named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// Directories of the volumes, one per disk. A missing or empty one that was never a volume becomes one.
    pub volumes: Vec<PathBuf>,
    /// Every shard is re-hashed once in this time. Default 30 days: the usual period for disks, and 8 TB then cost 3 MB/s.
    pub scrub_period: Duration,
    /// How often each volume is looked at. Default 2 s.
    pub check_interval: Duration,
    /// A volume that is not there must still be missing this much later before it counts as lost. Default 1 s: enough
    /// to tell a loss from a remount in progress, short beside the time that a repair takes.
    pub confirm_loss: Duration,
    /// How often all packs of the ledger are compared with what is held here. Default 10 min.
    pub census_interval: Duration,
    /// Bytes a second that repair may rebuild. Default 200 MiB: leaves a disk half of its speed for readers.
    pub repair_bytes_per_second: u64,
    /// Packs repaired at the same time. Default 2: one computes while the other waits for disks.
    pub repairs_max: usize,
    /// A shard that no recorded pack has is removed when its file is older than this; `None` = never. Default 24 h: a client
    /// that lost its connection over night may still record the pack.
    pub orphan_grace: Option<Duration>,
    /// Memory for shards under repair, bytes. Default 96 MiB: two full packs of the default policy with two volumes lost. A
    /// pack that takes more is repaired alone.
    pub repair_memory_bytes: usize,
    /// A read that takes longer fails, so that the reader falls back to other shards, and so does a write that takes six times as
    /// long; a disk that takes longer is suspect and asked nothing more until it answers. Default 10 s: a sleeping disk needs that long to spin up.
    pub read_timeout: Duration,
    /// High-water mark: share of a disk in use from which new shards are refused, per mille. Default 950: what is left is for
    /// repair, and file systems get slow when they are full.
    pub full_permille: u16,
    /// Share of a disk in use from which repair stops writing too, per mille. Default 970; not below the other.
    pub repair_full_permille: u16,
}

impl ReplicaConfig {
    /// The mark above which a volume takes nothing for this purpose, per mille.
    pub(crate) const fn mark_permille(&self, purpose: Purpose) -> u16 {
        match purpose {
            Purpose::Write => self.full_permille,
            Purpose::Repair => self.repair_full_permille,
        }
    }

    /// [`Self::repair_memory_bytes`] in KiB, at least 1.
    pub(crate) fn repair_memory_kib(&self) -> u32 {
        u32::try_from(self.repair_memory_bytes / 1024).unwrap_or(u32::MAX >> 1).max(1)
    }
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            volumes: Vec::new(),
            scrub_period: Duration::from_secs(30 * 24 * 3600),
            check_interval: Duration::from_secs(2),
            confirm_loss: Duration::from_secs(1),
            census_interval: Duration::from_secs(600),
            repair_bytes_per_second: 200 << 20,
            repairs_max: 2,
            orphan_grace: Some(Duration::from_secs(24 * 3600)),
            repair_memory_bytes: 96 << 20,
            read_timeout: Duration::from_secs(10),
            full_permille: 950,
            repair_full_permille: 970,
        }
    }
}
