//! Memory for shards: on their way in, and the budgets of both ways.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::Share;
use bytes::Bytes;

/// Direct I/O wants addresses on this boundary. Bytes.
const BLOCK: usize = 4096;
/// Shorter buffers are not worth keeping. Bytes.
const KEEP_MIN: usize = 256 * 1024;
/// Most memory that waits for the next shards, or was taken again by one of them. Bytes.
const KEEP_MAX: usize = 64 * 1024 * 1024;

/// Buffers of earlier shards, for the next ones: touching fresh memory costs as much as copying a shard into it.
///
/// All of a buffer that was full is memory in use, also when the next shard has announced its length and sent one byte,
/// for which its share of the budget is: so what was lent again counts as kept.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    free: Vec<Vec<u8>>,
    /// Of the free ones and of those that were lent again, bytes.
    capacity: usize,
}

impl Pool {
    /// `None` when the system gives no memory.
    fn take(self: &Arc<Self>, capacity: usize) -> Option<Pooled> {
        let mut kept = self.kept();
        // The last one was used last: its bytes are the likeliest to be in a cache.
        if let Some(place) = kept.free.iter().rposition(|buffer| buffer.capacity() >= capacity) {
            return Some(Pooled { bytes: kept.free.swap_remove(place), is_kept: true, pool: Arc::clone(self) });
        }
        drop(kept);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(capacity).ok().map(|()| Pooled { bytes, is_kept: false, pool: Arc::clone(self) })
    }

    fn give_back(&self, mut buffer: Vec<u8>, is_kept: bool) {
        let mut kept = self.kept();
        if !is_kept {
            let capacity = kept.capacity.saturating_add(buffer.capacity());
            if buffer.capacity() < KEEP_MIN || capacity > KEEP_MAX {
                return;
            }
            kept.capacity = capacity;
        }
        buffer.clear();
        kept.free.push(buffer);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer for one exact length that begins on a block boundary. Fresh memory that nothing was written to costs nothing: its
/// share of the budget is for the bytes that are here.
///
/// The allocation is one block longer than needed and filled with zeros up to the first boundary: alignment without
/// unsafe code.
#[derive(Debug)]
pub(crate) struct ShardBuffer {
    memory: Pooled,
    start: usize,
    len: usize,
}

impl ShardBuffer {
    /// Room for `len` bytes; `None` when the system has none.
    pub(crate) fn new(len: usize, pool: &Arc<Pool>) -> Option<Self> {
        let mut memory = pool.take(len.saturating_add(BLOCK))?;
        let start = match memory.bytes.as_ptr().align_offset(BLOCK) {
            offset if offset < BLOCK => offset,
            _ => 0,
        };
        memory.bytes.resize(start, 0);
        Some(Self { memory, start, len })
    }

    /// Bytes that are here.
    pub(crate) fn received(&self) -> usize {
        self.memory.bytes.len().saturating_sub(self.start)
    }

    /// Bytes that are still missing.
    pub(crate) fn missing(&self) -> usize {
        self.len.saturating_sub(self.received())
    }

    /// Adds bytes; `false`, and nothing added, when they are more than are missing.
    pub(crate) fn push(&mut self, part: &[u8]) -> bool {
        let fits = part.len() <= self.missing();
        if fits {
            self.memory.bytes.extend_from_slice(part);
        }
        fits
    }

    /// The bytes received, without copying them; `share` goes back when the last user of them lets go.
    pub(crate) fn into_bytes(self, share: Share) -> Bytes {
        Bytes::from_owner(Held { bytes: self.memory, _share: share }).slice(self.start..)
    }
}

/// Memory that goes back to its pool.
#[derive(Debug)]
struct Pooled {
    bytes: Vec<u8>,
    /// It has come from the pool, and counts as kept.
    is_kept: bool,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes), self.is_kept);
    }
}

/// Bytes that hold their share of a memory budget.
pub(crate) struct Held<T, S> {
    bytes: T,
    _share: S,
}

impl<T, S> Held<T, S> {
    pub(crate) const fn new(bytes: T, share: S) -> Self {
        Self { bytes, _share: share }
    }
}

impl<T: AsRef<[u8]>, S> AsRef<[u8]> for Held<T, S> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::budget::Budget;
    use super::*;

    #[tokio::test]
    async fn bytes_are_exact_aligned_and_give_their_share_back() {
        // One turn, and nothing else.
        let budget = Budget::new(1, 1, Duration::from_millis(10));
        let pool = Arc::new(Pool::default());
        for len in [1, 64, 4096, 100_000, 1_000_000, 500_000, 2_000_000, 1_999_936] {
            let mut share = budget.share();
            budget.grow(&mut share, len).await.unwrap();
            let mut buffer = ShardBuffer::new(len, &pool).unwrap();
            let address = buffer.memory.bytes.as_ptr();
            for part in vec![7u8; len].chunks(1000) {
                assert!(buffer.push(part));
            }
            assert_eq!(buffer.missing(), 0);
            assert!(!buffer.push(&[1]), "one byte too many");
            assert_eq!(buffer.memory.bytes.as_ptr(), address, "never moved");
            let bytes = buffer.into_bytes(share);
            assert_eq!(bytes, vec![7u8; len]);
            assert_eq!(bytes.as_ptr().align_offset(BLOCK), 0);
            let part = bytes.slice(..1);
            drop(bytes);
            assert!(budget.grow(&mut budget.share(), 1).await.is_err(), "a part is still in use");
            drop(part);
            budget.grow(&mut budget.share(), 1).await.unwrap();
        }
        assert_eq!(pool.kept().free.len(), 2, "one million and two million; the others found these or were short");
    }

    #[test]
    fn the_pool_is_bounded() {
        let budget = Budget::new(0, 0, Duration::ZERO);
        let pool = Arc::new(Pool::default());
        let buffers: Vec<_> = (0..10)
            .map(|_| {
                let mut buffer = ShardBuffer::new(8 * 1024 * 1024, &pool).unwrap();
                assert!(buffer.push(&[1]));
                buffer.into_bytes(budget.share())
            })
            .collect();
        drop(buffers);
        let kept = pool.kept();
        assert!(kept.capacity <= KEEP_MAX);
        assert_eq!(kept.free.iter().map(Vec::capacity).sum::<usize>(), kept.capacity);
        assert_eq!(kept.free.len(), 7);
    }

    #[test]
    fn shards_that_are_announced_and_do_not_come_hold_no_more_memory_than_the_pool_keeps() {
        let budget = Budget::new(0, 0, Duration::ZERO);
        let pool = Arc::new(Pool::default());
        let begin = || {
            let mut buffer = ShardBuffer::new(8 * 1024 * 1024, &pool).unwrap();
            assert!(buffer.push(&[1]));
            buffer
        };
        // One after the other is sent to its end, and the next one takes its memory and stops.
        let mut stopped = Vec::new();
        for _ in 0..20 {
            drop(begin().into_bytes(budget.share()));
            stopped.push(begin());
        }
        let in_use = stopped.iter().filter(|buffer| buffer.memory.is_kept).count();
        assert_eq!(in_use, 7, "the others got fresh memory, of which a byte is in use");
        assert!(pool.kept().free.is_empty(), "nothing is kept besides");
        drop(stopped);
        let kept = pool.kept();
        assert_eq!(kept.free.iter().map(Vec::capacity).sum::<usize>(), kept.capacity, "given up: there again");
        assert_eq!(kept.free.len(), 7);
    }
}
