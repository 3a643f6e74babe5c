//! How the ledger runs here, and what all its members agree on.

use std::path::PathBuf;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use primitives::{Hash32, MemberKey, NetworkId, ValidatorSet};

use crate::error::LedgerError;
use crate::log::LogLimits;

/// What every member of the cluster has the same.
#[derive(Clone, Debug)]
pub struct LedgerGenesis {
    /// The network that signatures are for.
    pub network: NetworkId,
    /// The cluster's id on the chain.
    pub cluster: Hash32,
    /// The cluster's members, by their Raft ids from 1 on.
    pub members: Vec<MemberKey>,
    /// The validators that sign from genesis on.
    pub validators: ValidatorSet,
}

/// How this member runs. Every time has a default that suits disks with 0.1 to 10 ms an fsync on one host or LAN.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// Directory of the Raft log. Nothing else may be in it.
    pub log_dir: PathBuf,
    /// Directory of snapshot files.
    pub snapshot_dir: PathBuf,
    /// This member's key; it must be one of the genesis members.
    pub key: MemberKey,
    /// The log's limits.
    pub log: LogLimits,
    /// How often a leader is heard. Default 100 ms.
    pub heartbeat: Duration,
    /// Silence after which a member stands for election, at least; at most twice as long. Default 500 ms.
    pub election: Duration,
    /// Entries after which a snapshot is built and the log before it is purged. Default 200,000.
    pub snapshot_entries: u64,
    /// Log size after which the same is done, bytes. Default 512 MiB.
    pub snapshot_log_bytes: u64,
    /// Entries that a purge leaves for followers that are a little behind. Default 2,000.
    pub keep_entries: u64,
    /// Most commands proposed and not yet applied. Default 2,048: more only makes the tail slower.
    pub in_flight_commands: usize,
    /// How long a submission waits for room and a leader. Default 10 s.
    pub submit_deadline: Duration,
    /// Linearizable reads that may wait for a leader's confirmation at once; more are told to come again. Default 16,384,
    /// a few MB: far more than are under way when there is a leader.
    pub waiting_reads: usize,
    /// Bytes that stay free on each disk of log, tables and snapshots: with less, new commands are refused, and the rest is
    /// for what must be written about data that is here already ([`Ledger::submit_own`](crate::Ledger::submit_own)), for
    /// snapshots, and for the database's own order. Default 512 MiB; 0 = new commands are never refused for this.
    pub free_bytes_min: u64,
}

impl LedgerConfig {
    /// The defaults, for this member and these directories.
    #[must_use]
    pub fn new(log_dir: impl Into<PathBuf>, snapshot_dir: impl Into<PathBuf>, key: MemberKey) -> Self {
        Self {
            log_dir: log_dir.into(),
            snapshot_dir: snapshot_dir.into(),
            key,
            log: LogLimits::default(),
            heartbeat: Duration::from_millis(100),
            election: Duration::from_millis(500),
            snapshot_entries: 200_000,
            snapshot_log_bytes: 512 << 20,
            keep_entries: 2_000,
            in_flight_commands: 2_048,
            submit_deadline: Duration::from_secs(10),
            waiting_reads: 16_384,
            free_bytes_min: 512 << 20,
        }
    }

    pub(crate) fn raft(&self) -> Result<Config, LedgerError> {
        let election = millis(self.election);
        Config {
            cluster_name: "strongroom-ledger".to_owned(),
            heartbeat_interval: millis(self.heartbeat),
            election_timeout_min: election,
            election_timeout_max: election.saturating_mul(2),
            enable_pre_vote: Some(true),
            // An entry holds up to 1 MiB of commands.
            max_payload_entries: 64,
            max_append_entries: Some(1024),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_entries),
            max_in_snapshot_log_to_keep: self.keep_entries,
            purge_batch_size: self.keep_entries.clamp(1, 1024),
            // A learner that lags by more does not become a voter.
            replication_lag_threshold: 1_000,
            install_snapshot_timeout: 120_000,
            ..Config::default()
        }
        .validate()
        .map_err(|error| LedgerError::Config { reason: error.to_string() })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
