//! Reads of one disk that are under way, so that one that hangs is noticed while it hangs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Reads that were handed to the disk and have not come back. One that waits for a thread is not among them: that says
/// nothing of the disk.
#[derive(Debug, Default)]
pub(crate) struct Reads(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    // In the order in which they began: the first is the oldest.
    begun: BTreeMap<u64, Instant>,
}

/// A read that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'r> {
    reads: &'r Reads,
    number: u64,
}

impl Reads {
    /// A read begins now.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        let mut inner = self.inner();
        let number = inner.next;
        inner.next += 1;
        inner.begun.insert(number, Instant::now());
        UnderWay { reads: self, number }
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
        self.reads.inner().begun.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_read_that_has_not_come_back_counts() {
        let reads = Reads::default();
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
