//! How long a shard is waited for before others are read instead.
//!
//! A few times what reads of that length have taken lately. Every answer teaches it, also one that was given up: on a node
//! that is slow altogether patience grows until reads fit, so that hedging does not add to its load.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use primitives::ShardId;

/// Shortest wait: below it a second read costs more than it saves.
const PATIENCE_MIN: Duration = Duration::from_millis(50);
/// Longest wait.
const PATIENCE_MAX: Duration = Duration::from_secs(10);
/// The wait is so many times the usual time.
const PATIENCE_TIMES: u64 = 4;
/// Length that takes about as long to read as the answer takes to begin, bytes.
const UNIT_BYTES: u64 = 1024 * 1024;
/// What a read of nothing is thought to take before there was one, microseconds.
const USUAL_US: u64 = 5_000;
/// Share of the last read in the average: one in so many.
const WEIGHT: u64 = 8;
/// Slow shards that are remembered.
const SLOW_MAX: usize = 64;

/// What is known of the times that reads take.
#[derive(Debug)]
pub(crate) struct Hedge {
    /// What one unit has taken lately, microseconds; a read of `n` bytes counts as `1 + n / UNIT_BYTES` units.
    usual_us: AtomicU64,
    /// Shards that did not come in time, the last one first.
    slow: Mutex<VecDeque<ShardId>>,
}

impl Hedge {
    pub(crate) const fn new() -> Self {
        Self { usual_us: AtomicU64::new(USUAL_US), slow: Mutex::new(VecDeque::new()) }
    }

    /// How long to wait for `len` bytes to begin to come.
    pub(crate) fn patience(&self, len: u64) -> Duration {
        let usual = self.usual_us.load(Ordering::Relaxed);
        let wait = usual.saturating_mul(units(len)).saturating_mul(PATIENCE_TIMES);
        Duration::from_micros(wait).clamp(PATIENCE_MIN, PATIENCE_MAX)
    }

    /// `len` bytes of the shard came after `time`.
    pub(crate) fn came(&self, shard: &ShardId, len: u64, time: Duration) {
        self.learn(len, time);
        self.slow().retain(|other| other != shard);
    }

    /// `len` bytes of the shard had not come after `waited`.
    pub(crate) fn gave_up(&self, shard: &ShardId, len: u64, waited: Duration) {
        self.learn(len, waited);
        let mut slow = self.slow();
        slow.retain(|other| other != shard);
        slow.truncate(SLOW_MAX - 1);
        slow.push_front(*shard);
    }

    /// Whether the shard did not come in time when it was last read.
    pub(crate) fn is_slow(&self, shard: &ShardId) -> bool {
        self.slow().contains(shard)
    }

    /// Two threads may overwrite each other's figure: it is an estimate.
    fn learn(&self, len: u64, time: Duration) {
        let unit = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / units(len);
        let usual = self.usual_us.load(Ordering::Relaxed);
        self.usual_us.store(usual - usual / WEIGHT + unit / WEIGHT, Ordering::Relaxed);
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, VecDeque<ShardId>> {
        self.slow.lock().expect("no thread panics while it holds the slow shards")
    }
}

const fn units(len: u64) -> u64 {
    1 + len / UNIT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn patience_follows_length_and_what_reads_have_taken() {
        let hedge = Hedge::new();
        assert_eq!(hedge.patience(0), PATIENCE_MIN);
        assert_eq!(hedge.patience(8 * MIB), Duration::from_millis(180));
        let shard = ShardId::new([1; 32]);
        (0..100).for_each(|_| hedge.came(&shard, 8 * MIB, Duration::from_millis(450)));
        let learned = hedge.patience(8 * MIB);
        assert!((1_700..=1_800).contains(&learned.as_millis()), "four times 450 ms, not {learned:?}");
        assert!(hedge.patience(0) < Duration::from_millis(201), "a small one has less to bring");
    }

    #[test]
    fn on_a_slow_node_patience_grows_until_reads_fit() {
        let hedge = Hedge::new();
        let (shard, takes) = (ShardId::new([1; 32]), Duration::from_secs(2));
        let mut given_up = 0;
        while hedge.patience(8 * MIB) < takes {
            hedge.gave_up(&shard, 8 * MIB, hedge.patience(8 * MIB));
            given_up += 1;
        }
        assert!(given_up <= 10, "{given_up} reads in vain");
    }

    #[test]
    fn a_shard_is_slow_until_it_comes_in_time() {
        let hedge = Hedge::new();
        let shards: Vec<ShardId> = (0..100).map(|n| ShardId::new([n; 32])).collect();
        for shard in &shards {
            hedge.gave_up(shard, 0, PATIENCE_MIN);
            hedge.gave_up(shard, 0, PATIENCE_MIN);
        }
        assert_eq!(shards.iter().filter(|shard| hedge.is_slow(shard)).count(), SLOW_MAX);
        hedge.came(&shards[99], 0, Duration::from_millis(1));
        assert!(!hedge.is_slow(&shards[99]) && hedge.is_slow(&shards[98]));
    }
}
