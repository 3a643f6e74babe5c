//! Reading and listing shard files.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use primitives::ShardId;
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::io::{Errno, pread, retry_on_intr};

use super::aligned::{BLOCK, round_up};
use super::directory::names;
use super::{Volume, VolumeError};

/// Reads from this length on bypass the page cache. Bytes.
const DIRECT_MIN: u64 = 512 * 1024;

/// A shard file, as its directory shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardFile {
    /// The shard that the file's name speaks of.
    pub shard: ShardId,
    /// Its length, bytes.
    pub len: u64,
}

impl Volume {
    /// Bytes `range` of the file of `shard`, as they are on disk: **not verified**.
    ///
    /// # Errors
    /// [`VolumeError::Absent`], [`VolumeError::Short`] when the file ends before the range does, [`VolumeError::Io`].
    pub fn read(&self, shard: &ShardId, range: Range<u64>) -> Result<Bytes, VolumeError> {
        let directory = self.directory_of(shard)?;
        let len = range.end.saturating_sub(range.start);
        if len >= DIRECT_MIN && self.direct.load(Ordering::Relaxed) {
            match self.open_shard(&directory, shard, OFlags::DIRECT).and_then(|file| self.read_direct(&file, &range)) {
                Err(Errno::INVAL) => self.direct.store(false, Ordering::Relaxed),
                other => return self.complete(shard, &range, other),
            }
        }
        let read = self.open_shard(&directory, shard, OFlags::empty()).and_then(|file| read_cached(&file, &range));
        self.complete(shard, &range, read)
    }

    /// Length of the file of `shard`, bytes; `None` without such a file.
    ///
    /// # Errors
    /// [`VolumeError::Io`] or [`VolumeError::Missing`].
    pub fn len(&self, shard: &ShardId) -> Result<Option<u64>, VolumeError> {
        let directory = self.directory_of(shard)?;
        match statat(&directory, shard.to_string(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(u64::try_from(stat.st_size).unwrap_or(0))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.io("stat", errno)),
        }
    }

    /// All shard files, ascending by id. Files with other names are none of ours and left alone.
    ///
    /// # Errors
    /// [`VolumeError::Io`].
    pub fn list(&self) -> Result<Vec<ShardFile>, VolumeError> {
        let mut files = Vec::new();
        self.each_directory(|directory| {
            for name in names(directory).map_err(|errno| self.io("read directory", errno))? {
                let Some(shard) = shard_of(&name) else { continue };
                match statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => files.push(ShardFile { shard, len: u64::try_from(stat.st_size).unwrap_or(0) }),
                    // Removed between the two calls.
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(self.io("stat", errno)),
                }
            }
            Ok(())
        })?;
        files.sort_unstable();
        Ok(files)
    }

    /// Files in quarantine.
    ///
    /// # Errors
    /// [`VolumeError::Io`].
    pub fn quarantined(&self) -> Result<usize, VolumeError> {
        names(&self.quarantine).map(|names| names.len()).map_err(|errno| self.io("read directory", errno))
    }

    fn open_shard(&self, directory: &OwnedFd, shard: &ShardId, more: OFlags) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(more);
        openat(directory, shard.to_string(), flags, Mode::empty())
    }

    /// Reads whole blocks around the range; the answer is the range's part of them.
    fn read_direct(&self, file: &OwnedFd, range: &Range<u64>) -> Result<Bytes, Errno> {
        let first = range.start - range.start % 4096;
        let ahead = usize::try_from(range.start - first).map_err(|_| Errno::INVAL)?;
        let len = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| Errno::INVAL)?;
        let blocks = usize::try_from(round_up(range.end).saturating_sub(first)).map_err(|_| Errno::INVAL)?;
        let mut buffer = self.buffers.take(blocks);
        let read = read_at(file, buffer.as_mut_slice(), first, BLOCK)?;
        let from = ahead.min(read);
        Ok(self.buffers.lend(buffer, from, read.min(ahead.saturating_add(len))))
    }

    fn complete(&self, shard: &ShardId, range: &Range<u64>, read: Result<Bytes, Errno>) -> Result<Bytes, VolumeError> {
        match read {
            Ok(bytes) => {
                let found = range.start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                if found < range.end {
                    let found = self.len(shard)?.unwrap_or(0);
                    return Err(VolumeError::Short { shard: *shard, expected: range.end, found });
                }
                Ok(bytes)
            }
            Err(Errno::NOENT) => Err(VolumeError::Absent { shard: *shard }),
            Err(errno) => Err(self.io("read", errno)),
        }
    }
}

/// The shard whose file has this name: 64 lower-case hex digits and nothing else.
fn shard_of(name: &str) -> Option<ShardId> {
    name.parse().ok().filter(|shard: &ShardId| shard.to_string() == name)
}

fn read_cached(file: &OwnedFd, range: &Range<u64>) -> Result<Bytes, Errno> {
    let len = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| Errno::INVAL)?;
    let mut buffer = vec![0; len];
    let read = read_at(file, &mut buffer, range.start, 1)?;
    buffer.truncate(read);
    Ok(Bytes::from(buffer))
}

/// Fills `buffer` from `offset` on, as far as the file goes; bytes read. A read that ends inside a `block` has met the
/// end of the file (and a direct read may not go on from there).
fn read_at(file: &OwnedFd, buffer: &mut [u8], offset: u64, block: usize) -> Result<usize, Errno> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        let read = retry_on_intr(|| pread(file, &mut buffer[done..], at))?;
        done += read;
        if read == 0 || !read.is_multiple_of(block) {
            break;
        }
    }
    Ok(done)
}
