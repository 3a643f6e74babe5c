//! Memory for a shard on its way in.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

/// Direct I/O wants addresses on this boundary. Bytes.
const BLOCK: usize = 4096;

/// A buffer of one exact length that begins on a block boundary and holds its share of the memory budget until the
/// last user of its bytes lets go.
///
/// The allocation is one block longer than needed and filled with zeros up to the first boundary: alignment without
/// unsafe code.
#[derive(Debug)]
pub(crate) struct ShardBuffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
    permit: OwnedSemaphorePermit,
}

impl ShardBuffer {
    /// Room for `len` bytes.
    pub(crate) fn new(len: usize, permit: OwnedSemaphorePermit) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(len.saturating_add(BLOCK));
        let start = match bytes.as_ptr().align_offset(BLOCK) {
            offset if offset < BLOCK => offset,
            _ => 0,
        };
        bytes.resize(start, 0);
        Self { bytes, start, len, permit }
    }

    /// Bytes that are still missing.
    pub(crate) fn missing(&self) -> usize {
        self.len.saturating_sub(self.bytes.len().saturating_sub(self.start))
    }

    /// Adds bytes; `false`, and nothing added, when they are more than are missing.
    pub(crate) fn push(&mut self, part: &[u8]) -> bool {
        let fits = part.len() <= self.missing();
        if fits {
            self.bytes.extend_from_slice(part);
        }
        fits
    }

    /// The bytes received, without copying them.
    pub(crate) fn into_bytes(self) -> Bytes {
        let start = self.start;
        Bytes::from_owner(Held { bytes: self.bytes, _permit: self.permit }).slice(start..)
    }
}

/// Bytes that hold their share of a memory budget.
pub(crate) struct Held<T> {
    bytes: T,
    _permit: OwnedSemaphorePermit,
}

impl<T> Held<T> {
    pub(crate) const fn new(bytes: T, permit: OwnedSemaphorePermit) -> Self {
        Self { bytes, _permit: permit }
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn bytes_are_exact_aligned_and_give_their_share_back() {
        let budget = Arc::new(Semaphore::new(1));
        for len in [1, 64, 4096, 100_000] {
            let permit = Arc::clone(&budget).try_acquire_owned().unwrap();
            let mut buffer = ShardBuffer::new(len, permit);
            let address = buffer.bytes.as_ptr();
            for part in vec![7u8; len].chunks(1000) {
                assert!(buffer.push(part));
            }
            assert_eq!(buffer.missing(), 0);
            assert!(!buffer.push(&[1]), "one byte too many");
            assert_eq!(buffer.bytes.as_ptr(), address, "never moved");
            let bytes = buffer.into_bytes();
            assert_eq!(bytes, vec![7u8; len]);
            assert_eq!(bytes.as_ptr().align_offset(BLOCK), 0);
            let part = bytes.slice(..1);
            drop(bytes);
            assert_eq!(budget.available_permits(), 0, "a part is still in use");
            drop(part);
            assert_eq!(budget.available_permits(), 1);
        }
    }
}
