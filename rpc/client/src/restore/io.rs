//! Plans reads, and writes bytes to files.

use std::os::fd::AsFd;

use rustix::fs::{FallocateFlags, fallocate, ftruncate};
use rustix::io::{Errno, pwrite};

use super::batch::{FilePlan, Use};
use crate::buffers::PAGE;
use crate::width::u64_of;

/// Frames further apart are read separately, bytes.
const GAP: u32 = 64 * 1024;
/// Longest read, bytes; a frame is never cut.
const READ_MAX: u32 = 8 * 1024 * 1024;

/// Where in the buffer the first byte of a chunk goes.
pub(super) fn shift(used: &Use) -> usize {
    usize::try_from(used.at % u64_of(PAGE)).unwrap_or(0)
}

/// Bytes up to the next page.
pub(super) fn to_page(at: u64) -> usize {
    usize::try_from(at.next_multiple_of(u64_of(PAGE)) - at).unwrap_or(PAGE)
}

/// First and last byte in the pack.
pub(super) fn span(uses: &[Use]) -> (u32, u32) {
    let start = uses.first().map_or(0, |used| used.offset);
    (start, uses.iter().map(|used| used.offset + used.len).max().unwrap_or(start))
}

/// Ranges of `uses` that one read covers.
pub(super) fn reads(uses: &[Use]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (at, used) in uses.iter().enumerate() {
        let used_end = used.offset + used.len;
        match ranges.last_mut() {
            Some(range) if used.offset < end || (used.offset - end <= GAP && used_end - start <= READ_MAX) => {
                range.end = at + 1;
                end = end.max(used_end);
            }
            _ => {
                ranges.push(at..at + 1);
                (start, end) = (used.offset, used_end);
            }
        }
    }
    ranges
}

/// Gives a file its length before its pieces come: allocated, unless it is to have holes.
pub(super) fn set_size(fd: impl AsFd, file: &FilePlan) -> Result<(), Errno> {
    let is_allocated = !file.sparse && file.size > 0;
    match is_allocated.then(|| fallocate(&fd, FallocateFlags::empty(), 0, file.size)) {
        Some(result @ (Ok(()) | Err(Errno::NOSPC | Errno::DQUOT))) => result,
        // Not every file system can.
        Some(Err(_)) | None => ftruncate(fd, file.size),
    }
}

pub(super) fn write_all(fd: impl AsFd, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match pwrite(&fd, bytes, at) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                bytes = &bytes[written..];
                at += u64_of(written);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all pages but those that are zero.
pub(super) fn write_sparse(fd: impl AsFd, bytes: &[u8], at: u64, size: u64) -> Result<(), Errno> {
    let head = to_page(at).min(bytes.len());
    let mut at = at;
    for part in std::iter::once(&bytes[..head]).chain(bytes[head..].chunks(PAGE)) {
        if part.iter().any(|byte| *byte != 0) {
            write_all(&fd, part, at)?;
        }
        at += u64_of(part.len());
    }
    if at == size { ftruncate(fd, size) } else { Ok(()) }
}
