//! Reads packs: ranges of data shards while they come quickly, any `k` verified shards when they do not.
//!
//! A read is hedged: when a shard takes much longer than shards take here, its pack is decoded from the others meanwhile
//! (Dean and Barroso, "The Tail at Scale", 2013). What is slow is waited for only when fewer than `k` others come.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coding::{CheckedShard, decode};
use primitives::{PackHeader, ShardId};

use crate::hedge::Hedge;
use crate::{ClientError, Node, NodeError, Progress, ShardPart};

/// Reads packs from a node.
pub(crate) struct Fetcher {
    node: Arc<dyn Node>,
    progress: Arc<dyn Progress>,
    decoded: AtomicU64,
    hedge: Hedge,
}

/// Whether a read may give a slow shard up for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There are others: only a while.
    AWhile,
    /// There are none: as long as the node takes.
    AsLongAsItTakes,
}

impl Fetcher {
    pub(crate) fn new(node: Arc<dyn Node>, progress: Arc<dyn Progress>) -> Self {
        Self { node, progress, decoded: AtomicU64::new(0), hedge: Hedge::new() }
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
    ///
    /// # Errors
    /// [`NodeError::Slow`] only when asked to wait a while.
    pub(crate) fn read(
        &self,
        header: &PackHeader,
        range: Range<u64>,
        target: &mut [u8],
        wait: Wait,
    ) -> Result<(), NodeError> {
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
            self.get(shard, start..end, part, wait)?;
            self.progress.transferred(end - start);
            rest = after;
            at += end - start;
        }
        Ok(())
    }

    /// Reads from one shard.
    fn get(&self, shard: &ShardId, range: Range<u64>, target: &mut [u8], wait: Wait) -> Result<(), NodeError> {
        let len = range.end - range.start;
        let patience = (wait == Wait::AWhile).then(|| self.hedge.patience(len));
        let started = Instant::now();
        let result = self.node.get_shard(&ShardPart { shard: *shard, range, patience }, target);
        match &result {
            Ok(()) => self.hedge.came(shard, len, started.elapsed()),
            Err(NodeError::Slow { .. }) => self.hedge.gave_up(shard, len, patience.unwrap_or_default()),
            Err(_) => {}
        }
        result
    }

    /// The whole pack from any `k` shards whose hashes are right.
    pub(crate) fn rebuild(&self, header: &PackHeader) -> Result<Vec<u8>, ClientError> {
        let policy = header.policy;
        let shard_len = usize::try_from(header.shard_len).unwrap_or(usize::MAX);
        let mut good: Vec<CheckedShard<Vec<u8>>> = Vec::new();
        let (mut damaged, mut missing) = (0, 0);
        let mut unanswered = None;
        let (mut slow, mut quick) = self.in_order(header);
        while good.len() < usize::from(policy.data_shards()) {
            let next = quick.pop_front().map(|shard| (shard, Wait::AWhile));
            let next = next.or_else(|| Some((slow.pop_front()?, Wait::AsLongAsItTakes)));
            let Some(((index, id), wait)) = next else { break };
            let mut bytes = vec![0; shard_len];
            match self.get(id, 0..u64::from(header.shard_len), &mut bytes, wait) {
                Ok(()) => match CheckedShard::check(header, index, bytes) {
                    Ok(shard) => good.push(shard),
                    Err(error) => {
                        damaged += 1;
                        tracing::warn!(target: "client", %error, shard = %id, "a bad shard was served");
                    }
                },
                Err(NodeError::Slow { .. }) => slow.push_back((index, id)),
                // It may be there: what cannot be asked for now is not lost.
                Err(error) if error.is_temporary() => unanswered = Some(error),
                Err(error) => {
                    let is_damaged = matches!(error, NodeError::Damaged { .. });
                    // The node speaks for all copies.
                    let count = if policy.is_copies() { policy.width() } else { 1 };
                    *if is_damaged { &mut damaged } else { &mut missing } += count;
                    tracing::debug!(target: "client", %error, shard = %id, "a shard cannot be had");
                }
            }
        }
        if good.len() < usize::from(policy.data_shards()) {
            if let Some(error) = unanswered {
                return Err(error.into());
            }
            let have = u8::try_from(good.len()).unwrap_or(u8::MAX);
            return Err(ClientError::PackLost {
                pack: header.id(),
                have,
                need: policy.data_shards(),
                damaged,
                missing,
            });
        }
        if !policy.is_copies() {
            self.decoded.fetch_add(1, Ordering::Relaxed);
        }
        decode(header, &good).map_err(|error| ClientError::damaged(format!("pack {}", header.id()), error))
    }

    /// The shards of a pack: those that were slow lately, and the others. Copies have one id, and the node chooses among
    /// them: they are asked for once.
    fn in_order<'h>(&self, header: &'h PackHeader) -> (Indexed<'h>, Indexed<'h>) {
        let different = if header.policy.is_copies() { 1 } else { header.shards.len() };
        (0u8..).zip(&header.shards).take(different).partition(|(_, id)| self.hedge.is_slow(id))
    }
}

/// Shards and their indices.
type Indexed<'h> = VecDeque<(u8, &'h ShardId)>;

fn answer(reason: &str) -> NodeError {
    NodeError::Answer { what: "a read".to_owned(), reason: reason.to_owned() }
}
