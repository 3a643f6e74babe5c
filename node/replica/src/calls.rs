//! Reads and writes of one disk that are under way: so that one that hangs is noticed while it hangs, and takes only so many
//! threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Readers of one volume at a time; others wait without a thread. More than a disk can use, and few enough that disks that hang
/// leave threads for the others.
const READERS: usize = 32;
/// Writers on one volume at a time: one writes while another waits for its fsync.
const WRITERS: usize = 2;

/// How much longer than a read a write may take: it ends when the bytes are on the disk.
const WRITE: u32 = 6;

/// What was asked of a disk since its volume was opened. Who goes on with an earlier opening takes no place of this one.
#[derive(Debug)]
pub(crate) struct DiskCalls {
    pub(crate) reads: Calls,
    pub(crate) writes: Calls,
    /// Places for readers.
    pub(crate) readers: Arc<Semaphore>,
    /// Places for writers.
    pub(crate) writers: Arc<Semaphore>,
}

impl Default for DiskCalls {
    fn default() -> Self {
        Self {
            reads: Calls::default(),
            writes: Calls::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            writers: Arc::new(Semaphore::new(WRITERS)),
        }
    }
}

impl DiskCalls {
    /// Whether a read has been under way for at least `patience`, or a write for six times as long.
    pub(crate) fn are_stalled(&self, patience: Duration) -> bool {
        self.reads.oldest() >= patience || self.writes.oldest() >= Self::write_patience(patience)
    }

    /// How long a write may take where a read may take `patience`.
    pub(crate) fn write_patience(patience: Duration) -> Duration {
        patience * WRITE
    }
}

/// Calls that were handed to the disk and have not come back. One that waits for a thread is not among them: that says
/// nothing of the disk.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    // In the order in which they began: the first is the oldest.
    begun: BTreeMap<u64, Instant>,
}

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'r> {
    calls: &'r Calls,
    number: u64,
}

impl Calls {
    /// A call begins now.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        let mut inner = self.inner();
        let number = inner.next;
        inner.next += 1;
        inner.begun.insert(number, Instant::now());
        UnderWay { calls: self, number }
    }

    /// How long the oldest has been under way; zero when there is none.
    pub(crate) fn oldest(&self) -> Duration {
        self.inner().begun.first_key_value().map_or(Duration::ZERO, |(_, begun)| begun.elapsed())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.calls.inner().begun.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_call_that_has_not_come_back_counts() {
        let reads = Calls::default();
        assert_eq!(reads.oldest(), Duration::ZERO);
        let first = reads.begin();
        while reads.oldest() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        let between = Instant::now();
        let second = reads.begin();
        assert!(reads.oldest() >= Duration::from_millis(5), "the first is older");
        drop(first);
        assert!(reads.oldest() <= between.elapsed(), "only the second is left");
        drop(second);
        assert_eq!(reads.oldest(), Duration::ZERO);
    }
}
