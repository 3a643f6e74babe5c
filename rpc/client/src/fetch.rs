//! Reads packs: ranges of data shards while they are there, any `k` verified shards when they are not.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coding::{CheckedShard, decode};
use primitives::PackHeader;

use crate::{ClientError, Node, NodeError, Progress};

/// Reads packs from a node.
pub(crate) struct Fetcher {
    node: Arc<dyn Node>,
    progress: Arc<dyn Progress>,
    decoded: AtomicU64,
}

impl Fetcher {
    pub(crate) fn new(node: Arc<dyn Node>, progress: Arc<dyn Progress>) -> Self {
        Self { node, progress, decoded: AtomicU64::new(0) }
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
            self.node.get_shard(shard, start..end, part)?;
            self.progress.transferred(end - start);
            rest = after;
            at += end - start;
        }
        Ok(())
    }

    /// The whole pack from any `k` shards whose hashes are right.
    pub(crate) fn rebuild(&self, header: &PackHeader) -> Result<Vec<u8>, ClientError> {
        let policy = header.policy;
        let shard_len = usize::try_from(header.shard_len).unwrap_or(usize::MAX);
        let mut good: Vec<CheckedShard<Vec<u8>>> = Vec::new();
        let mut unreachable = None;
        for (index, id) in (0u8..).zip(&header.shards) {
            if good.len() == usize::from(policy.data_shards()) {
                break;
            }
            let mut bytes = vec![0; shard_len];
            match self.node.get_shard(id, 0..u64::from(header.shard_len), &mut bytes) {
                Ok(()) => match CheckedShard::check(header, index, bytes) {
                    Ok(shard) => good.push(shard),
                    Err(error) => tracing::warn!(target: "client", %error, shard = %id, "a bad shard was served"),
                },
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
}

fn answer(reason: &str) -> NodeError {
    NodeError::Answer { what: "a read".to_owned(), reason: reason.to_owned() }
}
