//! What the node's configuration decides about consensus; everything that others must agree on is in the chain spec.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one node's consensus.
#[derive(Clone, Debug)]
pub struct ConsensusConfig {
    /// Longest time between two blocks, also without transactions. Default 30 s.
    pub heartbeat: Duration,
    /// Directory of the engine's write-ahead log and of the signing guard; created when missing. Never delete it.
    pub wal_dir: PathBuf,
    /// Limits of the transaction pool.
    pub pool: PoolLimits,
    /// Waiting time for a proposal in round 0 before this node votes for nil; each further round adds half a second.
    /// Default 3 s.
    pub propose_timeout: Duration,
    /// How long a graceful stop waits for the height in progress. Default 5 s.
    pub stop_timeout: Duration,
    /// Where the process aborts on purpose; for crash tests only. Default none.
    pub crash_point: Option<CrashPoint>,
}

impl ConsensusConfig {
    /// Defaults with this directory.
    #[must_use]
    pub fn new(wal_dir: PathBuf) -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            wal_dir,
            pool: PoolLimits::default(),
            propose_timeout: Duration::from_secs(3),
            stop_timeout: Duration::from_secs(5),
            crash_point: None,
        }
    }
}

/// Limits of the transaction pool: what one account, and all accounts together, may keep waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Waiting transactions of one account. Default 256.
    pub account_transactions_max: usize,
    /// Bytes of waiting transactions of one account. Default 8 MiB.
    pub account_bytes_max: usize,
    /// All waiting transactions. Default 16,384.
    pub transactions_max: usize,
    /// Bytes of all waiting transactions. Default 64 MiB.
    pub bytes_max: usize,
    /// How far a nonce may be ahead of the account's next one. Default 64, as geth queues for an account.
    pub nonce_gap_max: u64,
    /// Extra fee that replaces a waiting transaction of the same nonce, per cent. Default 10, as geth asks.
    pub replacement_percent: u32,
    /// A transaction that waited this long without getting into a block is dropped. Default 3 hours, as in geth.
    pub lifetime: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            account_transactions_max: 256,
            account_bytes_max: 8 << 20,
            transactions_max: 16_384,
            bytes_max: 64 << 20,
            nonce_gap_max: 64,
            replacement_percent: 10,
            lifetime: Duration::from_secs(3 * 60 * 60),
        }
    }
}

/// Places at which a crash test ends the process without any clean-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// The proposed block is on disk, the engine has not heard of it.
    BlockStored,
    /// The engine decided, nothing of the block is committed.
    Decided,
    /// The block is committed, the engine has not heard of it.
    Committed,
}

impl CrashPoint {
    /// Aborts when `configured` is this point.
    pub(crate) fn pass(self, configured: Option<Self>) {
        if configured == Some(self) {
            tracing::warn!(target: "consensus", point = ?self, "crash point reached");
            std::process::abort();
        }
    }
}
