//! Memory for shards: on their way in, and the budgets of both ways.

use std::sync::{Arc, Mutex, PoisonError};

use super::budget::Share;
use bytes::Bytes;

/// Direct I/O wants addresses on this boundary. Bytes.
const BLOCK: usize = 4096;
/// Shorter buffers are not worth keeping. Bytes.
const KEEP_MIN: usize = 256 * 1024;
/// Most memory that waits for the next shards. Bytes.
const KEEP_MAX: usize = 64 * 1024 * 1024;

/// Buffers of earlier shards, for the next ones: touching fresh memory costs as much as copying a shard into it.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// `None` when the system gives no memory.
    fn take(&self, capacity: usize) -> Option<Vec<u8>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one was used last: its bytes are the likeliest to be in a cache.
        if let Some(place) = free.iter().rposition(|buffer| buffer.capacity() >= capacity) {
            return Some(free.swap_remove(place));
        }
        let mut fresh = Vec::new();
        fresh.try_reserve_exact(capacity).ok().map(|()| fresh)
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() < KEEP_MIN {
            return;
        }
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = free.iter().map(Vec::capacity).sum();
        if kept.saturating_add(buffer.capacity()) <= KEEP_MAX {
            free.push(buffer);
        }
    }
}

/// A buffer for one exact length that begins on a block boundary. Memory that nothing was written to costs nothing: its share
/// of the budget is for the bytes that are here.
///
/// The allocation is one block longer than needed and filled with zeros up to the first boundary: alignment without
/// unsafe code.
#[derive(Debug)]
pub(crate) struct ShardBuffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
    pool: Arc<Pool>,
}

impl ShardBuffer {
    /// Room for `len` bytes; `None` when the system has none.
    pub(crate) fn new(len: usize, pool: &Arc<Pool>) -> Option<Self> {
        let mut bytes = pool.take(len.saturating_add(BLOCK))?;
        let start = match bytes.as_ptr().align_offset(BLOCK) {
            offset if offset < BLOCK => offset,
            _ => 0,
        };
        bytes.resize(start, 0);
        Some(Self { bytes, start, len, pool: Arc::clone(pool) })
    }

    /// Bytes that are here.
    pub(crate) fn received(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    /// Bytes that are still missing.
    pub(crate) fn missing(&self) -> usize {
        self.len.saturating_sub(self.received())
    }

    /// Adds bytes; `false`, and nothing added, when they are more than are missing.
    pub(crate) fn push(&mut self, part: &[u8]) -> bool {
        let fits = part.len() <= self.missing();
        if fits {
            self.bytes.extend_from_slice(part);
        }
        fits
    }

    /// The bytes received, without copying them; `share` goes back when the last user of them lets go.
    pub(crate) fn into_bytes(self, share: Share) -> Bytes {
        let start = self.start;
        let pooled = Pooled { bytes: self.bytes, pool: self.pool };
        Bytes::from_owner(Held { bytes: pooled, _share: share }).slice(start..)
    }
}

/// Memory that goes back to its pool.
struct Pooled {
    bytes: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes));
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
            let address = buffer.bytes.as_ptr();
            for part in vec![7u8; len].chunks(1000) {
                assert!(buffer.push(part));
            }
            assert_eq!(buffer.missing(), 0);
            assert!(!buffer.push(&[1]), "one byte too many");
            assert_eq!(buffer.bytes.as_ptr(), address, "never moved");
            let bytes = buffer.into_bytes(share);
            assert_eq!(bytes, vec![7u8; len]);
            assert_eq!(bytes.as_ptr().align_offset(BLOCK), 0);
            let part = bytes.slice(..1);
            drop(bytes);
            assert!(budget.grow(&mut budget.share(), 1).await.is_err(), "a part is still in use");
            drop(part);
            budget.grow(&mut budget.share(), 1).await.unwrap();
        }
        assert_eq!(
            pool.free.lock().unwrap().len(),
            2,
            "one million and two million; the others found these or were short"
        );
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
        let free = pool.free.lock().unwrap();
        assert!(free.iter().map(Vec::capacity).sum::<usize>() <= KEEP_MAX);
        assert_eq!(free.len(), 7);
    }
}
