//! Buffers that direct I/O accepts.

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

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }

    /// The bytes `from..to` of the buffer, without copying them.
    pub(crate) fn into_bytes(self, from: usize, to: usize) -> Bytes {
        debug_assert!(from <= to && to <= self.len);
        Bytes::from(self.bytes).slice(self.start + from..self.start + to)
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
            let bytes = buffer.into_bytes(len / 2, len);
            assert_eq!(bytes.len(), len - len / 2);
            assert!(bytes.iter().all(|byte| *byte == 7));
        }
        assert_eq!([0, 1, 4096, 4097].map(round_up), [0, 4096, 4096, 8192]);
    }
}
