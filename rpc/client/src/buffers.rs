//! Large buffers that are page-aligned, reused, and bounded in number: waiting for one is the back-pressure.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Alignment that direct I/O asks for, bytes.
pub(crate) const PAGE: usize = 4096;

/// A page-aligned buffer of fixed length.
pub(crate) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// A zeroed buffer; its memory is first touched when it is first written.
    pub(crate) fn new(len: usize) -> Self {
        let memory = vec![0u8; len + PAGE];
        let start = memory.as_ptr().align_offset(PAGE);
        Self { memory, start, len }
    }
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl AsMut<[u8]> for AlignedBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// A pool of equal buffers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    len: usize,
    max: usize,
    made: AtomicUsize,
    free: (Sender<AlignedBuffer>, Receiver<AlignedBuffer>),
}

impl Pool {
    /// At most `max` buffers of `len` bytes, made when first needed.
    pub(crate) fn new(max: usize, len: usize) -> Self {
        Self { shared: Arc::new(Shared { len, max, made: AtomicUsize::new(0), free: bounded(max) }) }
    }

    /// A buffer with unspecified content; waits until one is free.
    pub(crate) fn take(&self) -> Pooled {
        let shared = &self.shared;
        let buffer = self.at_once();
        let buffer = buffer.unwrap_or_else(|| shared.free.1.recv().expect("the pool holds the sender itself"));
        Pooled { buffer: Some(buffer), pool: Arc::clone(shared) }
    }

    /// A buffer that is free, or a new one while there may be more.
    fn at_once(&self) -> Option<AlignedBuffer> {
        let shared = &self.shared;
        shared.free.1.try_recv().ok().or_else(|| {
            let more = shared
                .made
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |made| (made < shared.max).then_some(made + 1));
            more.is_ok().then(|| AlignedBuffer::new(shared.len))
        })
    }
}

/// A buffer that returns to its pool when dropped.
pub(crate) struct Pooled {
    buffer: Option<AlignedBuffer>,
    pool: Arc<Shared>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], AsRef::as_ref)
    }
}

impl AsMut<[u8]> for Pooled {
    fn as_mut(&mut self) -> &mut [u8] {
        self.buffer.as_mut().map_or(&mut [], AsMut::as_mut)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            // There is room for every buffer ever made.
            let _ = self.pool.free.0.try_send(buffer);
        }
    }
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").finish_non_exhaustive()
    }
}

/// How many threads may do something large at the same time.
pub(crate) struct Permits {
    free: (Sender<()>, Receiver<()>),
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        let free = bounded(count);
        (0..count).for_each(|_| free.0.send(()).expect("the channel has room for every permit"));
        Self { free }
    }

    /// Waits for a permit; it returns when dropped.
    pub(crate) fn take(&self) -> Permit {
        self.free.1.recv().expect("the permits hold the sender themselves");
        Permit { back: self.free.0.clone() }
    }
}

/// One of [`Permits`].
pub(crate) struct Permit {
    back: Sender<()>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        // There is room for every permit; nobody waits once the permits are gone.
        let _ = self.back.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_reused_and_bounded() {
        let pool = Pool::new(2, 10_000);
        let a = pool.take();
        let mut b = pool.take();
        for buffer in [a.as_ref(), b.as_ref()] {
            assert_eq!((buffer.len(), buffer.as_ptr().align_offset(PAGE)), (10_000, 0));
        }
        b.as_mut()[0] = 42;
        assert!(pool.at_once().is_none(), "two at the same time, and no more");
        let waiting = std::thread::spawn(move || pool.take().as_ref()[0]);
        drop(b);
        assert_eq!(waiting.join().unwrap(), 42);
    }
}
