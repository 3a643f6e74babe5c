//! Buffers that direct I/O accepts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Alignment of address, offset and length that direct I/O needs on every disk in use (4 KiB sectors or smaller).
pub(crate) const BLOCK: usize = 4096;

/// A zeroed buffer whose first byte lies on a block boundary.
///
/// The allocation is one block longer than asked, and the buffer begins where the first boundary is: alignment without
/// unsafe code.
#[derive(Debug)]
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Aligned {
    pub(crate) fn new(len: usize) -> Self {
        let bytes = vec![0; len.saturating_add(BLOCK)];
        let start = match bytes.as_ptr().align_offset(BLOCK) {
            offset if offset < BLOCK => offset,
            _ => 0,
        };
        Self { bytes, start, len }
    }

    /// Bytes that it may have room for.
    fn capacity(&self) -> usize {
        self.bytes.len() - BLOCK
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

/// Keeps buffers of earlier transfers for the next ones: a new one has to be cleared, which takes as long as reading into it.
/// Clones share them. Volumes of one node are given the same ones, so that memory does not grow with their number.
#[derive(Clone, Debug, Default)]
pub struct Buffers(Arc<Mutex<Vec<Aligned>>>);

impl Buffers {
    /// Bytes that are kept at most: the data shards of one full pack, and room to write one more.
    const KEPT_MAX: usize = 36 * 1024 * 1024;

    /// A buffer of `len` bytes with any content: the smallest kept one that is long enough, else a new one.
    pub(crate) fn take(&self, len: usize) -> Aligned {
        let mut free = self.free();
        let fitting = free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
        match fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(place, _)| place) {
            Some(place) => Aligned { len, ..free.swap_remove(place) },
            None => Aligned::new(len),
        }
    }

    pub(crate) fn give_back(&self, buffer: Aligned) {
        let mut free = self.free();
        let kept: usize = free.iter().map(Aligned::capacity).sum();
        if kept.saturating_add(buffer.capacity()) <= Self::KEPT_MAX {
            free.push(buffer);
        }
    }

    /// The bytes `from..to` of the buffer, without copying them; when the last part of them is dropped, it comes back here.
    pub(crate) fn lend(&self, buffer: Aligned, from: usize, to: usize) -> Bytes {
        debug_assert!(from <= to && to <= buffer.len);
        Bytes::from_owner(Lent { buffer: Some(buffer), buffers: self.clone() }).slice(from..to)
    }

    fn free(&self) -> MutexGuard<'_, Vec<Aligned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer on loan.
struct Lent {
    buffer: Option<Aligned>,
    buffers: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Aligned::as_slice)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.buffers.give_back(buffer);
        }
    }
}

/// Whether direct I/O accepts this slice as it is.
pub(crate) fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(BLOCK) == 0
}

/// The next block boundary ([`BLOCK`]) at or after `len`.
pub(crate) const fn round_up(len: u64) -> u64 {
    len.next_multiple_of(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_on_a_block_boundary_and_keep_their_bytes() {
        for len in [0, 1, 4095, 4096, 4097, 1 << 20] {
            let mut buffer = Aligned::new(len);
            assert!(is_aligned(buffer.as_slice()));
            assert_eq!(buffer.as_slice().len(), len);
            buffer.as_mut_slice().fill(7);
            let bytes = Buffers::default().lend(buffer, len / 2, len);
            assert_eq!(bytes.len(), len - len / 2);
            assert!(bytes.iter().all(|byte| *byte == 7));
        }
        assert_eq!([0, 1, 4096, 4097].map(round_up), [0, 4096, 4096, 8192]);
    }

    #[test]
    fn a_buffer_is_given_again_when_its_last_part_is_dropped_and_only_so_much_is_kept() {
        let buffers = Buffers::default();
        let first = buffers.take(1 << 20);
        let address = first.as_slice().as_ptr();
        let part = buffers.lend(first, 10, 20).slice(1..2);
        assert_ne!(buffers.take(1 << 20).as_slice().as_ptr(), address, "still on loan");
        drop(part);
        buffers.give_back(Aligned::new(2 << 20));
        let again = buffers.take(4096);
        assert_eq!((again.as_slice().as_ptr(), again.as_slice().len()), (address, 4096), "the smallest that fits");
        buffers.give_back(again);
        assert_eq!(buffers.take(1 << 20).as_slice().len(), 1 << 20, "as long as it was made");
        let many: Vec<Bytes> = (0..6).map(|_| buffers.lend(buffers.take(8 << 20), 0, 1)).collect();
        drop(many);
        let kept: usize = buffers.free().iter().map(Aligned::capacity).sum();
        assert_eq!(kept, (2 << 20) + 4 * (8 << 20), "the one of 2 MiB and four of 8");
    }
}
