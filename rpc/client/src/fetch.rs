//! Reads packs: ranges of data shards while they come quickly, any `k` verified shards when they do not.
//!
//! A read is hedged: when a shard takes much longer than shards take here, its pack is decoded from the others meanwhile
//! (Dean and Barroso, "The Tail at Scale", 2013). What is slow is waited for only when fewer than `k` others come.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coding::{CheckedShard, decode};
use primitives::{PackHeader, ShardId};

use crate::{ClientError, Node, NodeError, Progress};

/// Shortest wait for a shard before others are read instead: below it a second read costs more than it saves.
const PATIENCE_MIN: Duration = Duration::from_millis(50);
/// Longest such wait.
const PATIENCE_MAX: Duration = Duration::from_secs(5);
/// The wait is so many times what reads have taken lately.
const PATIENCE_TIMES: u64 = 4;
/// What a read is thought to take before there was one, microseconds.
const USUAL_US: u64 = 20_000;
/// Slow shards that are remembered, so that decoding does not wait for them again.
const SLOW_MAX: usize = 64;

/// Reads packs from a node.
pub(crate) struct Fetcher {
    node: Arc<dyn Node>,
    progress: Arc<dyn Progress>,
    decoded: AtomicU64,
    /// What reads have taken lately, microseconds: an average in which the last one counts for an eighth.
    usual_us: AtomicU64,
    slow: Mutex<VecDeque<ShardId>>,
}

impl Fetcher {
    pub(crate) fn new(node: Arc<dyn Node>, progress: Arc<dyn Progress>) -> Self {
        let (decoded, usual_us) = (AtomicU64::new(0), AtomicU64::new(USUAL_US));
        Self { node, progress, decoded, usual_us, slow: Mutex::default() }
    }

    /// Packs that had to be decoded so far.
    pub(crate) fn decoded(&self) -> u64 {
        self.decoded.load(Ordering::Relaxed)
    }

    /// Length of a pack, bytes.
    pub(crate) fn pack_len(header: &PackHeader) -> u64 {
        u64::from(header.shard_len) * u64::from(header.policy.data_shards())
    }

    /// Reads `range` of a pack into `target` from its data shards. The bytes are not verified: the frames in them are,
    /// when they are opened, and what does not open goes to [`Fetcher::rebuild`].
    pub(crate) fn read(&self, header: &PackHeader, range: Range<u64>, target: &mut [u8]) -> Result<(), NodeError> {
        let shard_len = u64::from(header.shard_len);
        let mut rest = target;
        let mut at = range.start;
        while at < range.end {
            let index = at / shard_len;
            let start = at % shard_len;
            let end = (start + (range.end - at)).min(shard_len);
            let len = usize::try_from(end - start).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at_mut_checked(len).ok_or_else(|| answer("a target that is too short"))?;
            let shard = usize::try_from(index).ok().and_then(|index| header.shards.get(index));
            let shard = shard.ok_or_else(|| answer("a range outside of the pack"))?;
            self.hedged(shard, start..end, part)?;
            self.progress.transferred(end - start);
            rest = after;
            at += end - start;
        }
        Ok(())
    }

    /// Reads from a shard unless that takes much longer than usual.
    fn hedged(&self, shard: &ShardId, range: Range<u64>, target: &mut [u8]) -> Result<(), NodeError> {
        let started = Instant::now();
        let result = self.node.get_shard(shard, range, target, Some(self.patience()));
        match &result {
            Ok(()) => self.took(started.elapsed()),
            Err(NodeError::Slow { .. }) => {
                let mut slow = self.slow();
                slow.truncate(SLOW_MAX - 1);
                slow.push_front(*shard);
            }
            Err(_) => {}
        }
        result
    }

    fn patience(&self) -> Duration {
        let usual = self.usual_us.load(Ordering::Relaxed);
        Duration::from_micros(usual.saturating_mul(PATIENCE_TIMES)).clamp(PATIENCE_MIN, PATIENCE_MAX)
    }

    /// Two threads may overwrite each other's figure: it is an estimate.
    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let usual = self.usual_us.load(Ordering::Relaxed);
        self.usual_us.store(usual - usual / 8 + time / 8, Ordering::Relaxed);
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, VecDeque<ShardId>> {
        self.slow.lock().expect("no thread panics while it holds the slow shards")
    }

    /// The whole pack from any `k` shards whose hashes are right.
    pub(crate) fn rebuild(&self, header: &PackHeader) -> Result<Vec<u8>, ClientError> {
        let policy = header.policy;
        let shard_len = usize::try_from(header.shard_len).unwrap_or(usize::MAX);
        let mut good: Vec<CheckedShard<Vec<u8>>> = Vec::new();
        let mut unreachable = None;
        let (mut slow, mut quick) = self.in_order(header);
        while good.len() < usize::from(policy.data_shards()) {
            let next = quick.pop_front().map(|shard| (shard, Some(self.patience())));
            let Some(((index, id), patience)) = next.or_else(|| Some((slow.pop_front()?, None))) else { break };
            let mut bytes = vec![0; shard_len];
            match self.node.get_shard(id, 0..u64::from(header.shard_len), &mut bytes, patience) {
                Ok(()) => match CheckedShard::check(header, index, bytes) {
                    Ok(shard) => good.push(shard),
                    Err(error) => tracing::warn!(target: "client", %error, shard = %id, "a bad shard was served"),
                },
                Err(NodeError::Slow { .. }) => slow.push_back((index, id)),
                Err(error @ NodeError::Unreachable { .. }) => unreachable = Some(error),
                Err(error) => tracing::debug!(target: "client", %error, shard = %id, "a shard is missing"),
            }
        }
        if good.len() < usize::from(policy.data_shards()) {
            if let Some(error) = unreachable {
                return Err(error.into());
            }
            let have = u8::try_from(good.len()).unwrap_or(u8::MAX);
            return Err(ClientError::PackLost { pack: header.id(), have, need: policy.data_shards() });
        }
        if !policy.is_copies() {
            self.decoded.fetch_add(1, Ordering::Relaxed);
        }
        decode(header, &good).map_err(|error| ClientError::damaged(format!("pack {}", header.id()), error))
    }

    /// The shards of a pack: those that were slow lately, and the others.
    fn in_order<'h>(&self, header: &'h PackHeader) -> (Indexed<'h>, Indexed<'h>) {
        let slow = self.slow();
        (0u8..).zip(&header.shards).partition(|(_, id)| slow.contains(id))
    }
}

/// Shards and their indices.
type Indexed<'h> = VecDeque<(u8, &'h ShardId)>;

fn answer(reason: &str) -> NodeError {
    NodeError::Answer { what: "a read".to_owned(), reason: reason.to_owned() }
}
