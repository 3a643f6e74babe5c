//! Writing, removing and setting aside shard files.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use primitives::ShardId;
use rustix::fs::{AtFlags, Mode, OFlags, fdatasync, fsync, ftruncate, openat, renameat, unlinkat};
use rustix::io::{Errno, pwrite, retry_on_intr};

use super::aligned::{Aligned, BLOCK, is_aligned};
use super::steps::Step;
use super::{Volume, VolumeError};

/// Files from this length on are written with direct I/O: fresh page cache for data that nobody reads soon costs more
/// than the disk. Shorter ones are cheaper through the cache. Bytes.
const DIRECT_MIN: usize = 128 * 1024;
/// Length of the buffer through which unaligned bytes are written, bytes.
const BOUNCE: usize = 2 * 1024 * 1024;

impl Volume {
    /// Keeps `bytes` as the file of `shard`. When this returns, the file is complete and durable under its name; when
    /// it fails or the process dies before, there is no such file (or the one from before). A file of that name is
    /// replaced.
    ///
    /// # Errors
    /// [`VolumeError::Full`], [`VolumeError::ReadOnly`], [`VolumeError::Missing`], [`VolumeError::Io`].
    pub fn put(&self, shard: &ShardId, bytes: &[u8]) -> Result<(), VolumeError> {
        self.writable()?;
        let directory = self.directory_of(shard)?;
        let temporary = format!("{shard}.{}.tmp", self.counter.fetch_add(1, Ordering::Relaxed));
        let written = self.put_steps(&directory, &temporary, shard, bytes);
        if written.is_err() {
            // Best effort: opening the volume removes what stays behind here.
            let _ = unlinkat(&directory, &temporary, AtFlags::empty());
        }
        written
    }

    fn put_steps(
        &self,
        directory: &OwnedFd,
        temporary: &str,
        shard: &ShardId,
        bytes: &[u8],
    ) -> Result<(), VolumeError> {
        let needed = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let failed = |operation| move |errno| self.write_failed(operation, needed, errno);
        let file = self.write_file(directory, temporary, bytes).map_err(failed("write"))?;
        self.steps.reached(Step::Written).map_err(failed("write"))?;
        fdatasync(&file).and_then(|()| self.steps.reached(Step::Synced)).map_err(|errno| self.sync_failed(errno))?;
        renameat(directory, temporary, directory, shard.to_string()).map_err(failed("rename"))?;
        self.steps.reached(Step::Renamed).map_err(failed("rename"))?;
        fsync(directory)
            .and_then(|()| self.steps.reached(Step::DirectorySynced))
            .map_err(|errno| self.sync_failed(errno))
    }

    /// Removes the file of `shard`. Whether there was one.
    ///
    /// # Errors
    /// [`VolumeError::Io`] or [`VolumeError::Missing`].
    pub fn delete(&self, shard: &ShardId) -> Result<bool, VolumeError> {
        let directory = self.directory_of(shard)?;
        match unlinkat(&directory, shard.to_string(), AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(self.io("remove", errno)),
        }
        fsync(&directory).map_err(|errno| self.sync_failed(errno))?;
        Ok(true)
    }

    /// Moves the file of `shard` aside, where nothing serves it. Whether there was one.
    ///
    /// # Errors
    /// [`VolumeError::Io`] or [`VolumeError::Missing`].
    pub fn quarantine(&self, shard: &ShardId) -> Result<bool, VolumeError> {
        let directory = self.directory_of(shard)?;
        let aside = self.free_quarantine_name(shard)?;
        match renameat(&directory, shard.to_string(), &self.quarantine, &aside) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(self.io("quarantine", errno)),
        }
        fsync(&directory).and_then(|()| fsync(&self.quarantine)).map_err(|errno| self.sync_failed(errno))?;
        Ok(true)
    }

    fn free_quarantine_name(&self, shard: &ShardId) -> Result<String, VolumeError> {
        loop {
            let name = format!("{shard}.{}", self.counter.fetch_add(1, Ordering::Relaxed));
            match rustix::fs::statat(&self.quarantine, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Ok(name),
                Ok(_) => {}
                Err(errno) => return Err(self.io("quarantine", errno)),
            }
        }
    }

    /// Refuses once an fsync has failed.
    pub(super) fn writable(&self) -> Result<(), VolumeError> {
        match self.broken.get() {
            Some(reason) => Err(VolumeError::ReadOnly { path: self.path.clone(), reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Tells a full disk from other failures of a write of `needed` bytes.
    pub(super) fn write_failed(&self, operation: &'static str, needed: u64, errno: Errno) -> VolumeError {
        match errno {
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => VolumeError::Full { path: self.path.clone(), needed },
            errno => self.io(operation, errno),
        }
    }

    /// After a failed fsync the kernel may have dropped the dirty pages and marked them clean: trying again would
    /// report a success that never happened. So the volume takes no more writes.
    pub(super) fn sync_failed(&self, errno: Errno) -> VolumeError {
        let reason = self.broken.get_or_init(|| {
            tracing::error!(target: "store::volume", path = %self.path.display(), %errno, "fsync failed: volume is read-only now");
            errno.to_string()
        });
        VolumeError::ReadOnly { path: self.path.clone(), reason: reason.clone() }
    }

    /// Creates the temporary file with all bytes in it, directly when that is worth it and possible.
    fn write_file(&self, directory: &OwnedFd, temporary: &str, bytes: &[u8]) -> Result<OwnedFd, Errno> {
        if bytes.len() >= DIRECT_MIN && self.direct.load(Ordering::Relaxed) {
            match self.write_direct(directory, temporary, bytes) {
                Err(Errno::INVAL) => {
                    tracing::info!(target: "store::volume", path = %self.path.display(), "no direct I/O on this file system");
                    self.direct.store(false, Ordering::Relaxed);
                    match unlinkat(directory, temporary, AtFlags::empty()) {
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(errno) => return Err(errno),
                    }
                }
                other => return other,
            }
        }
        let file = create(directory, temporary, OFlags::empty())?;
        self.steps.reached(Step::Created)?;
        write_at(&file, bytes, 0)?;
        Ok(file)
    }

    fn write_direct(&self, directory: &OwnedFd, temporary: &str, bytes: &[u8]) -> Result<OwnedFd, Errno> {
        let file = create(directory, temporary, OFlags::DIRECT)?;
        self.steps.reached(Step::Created)?;
        let mut offset = 0;
        let (blocks, tail) = bytes.split_at(bytes.len() - bytes.len() % BLOCK);
        if is_aligned(blocks) {
            offset = write_at(&file, blocks, offset)?;
        } else {
            let mut bounce = self.buffers.take(BOUNCE);
            for piece in blocks.chunks(BOUNCE) {
                let target = &mut bounce.as_mut_slice()[..piece.len()];
                target.copy_from_slice(piece);
                offset = write_at(&file, target, offset)?;
            }
            self.buffers.give_back(bounce);
        }
        if !tail.is_empty() {
            // The last block is written whole and the file cut to its length, which the fdatasync covers.
            let mut last = Aligned::new(BLOCK);
            last.as_mut_slice()[..tail.len()].copy_from_slice(tail);
            write_at(&file, last.as_slice(), offset)?;
            ftruncate(&file, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        }
        Ok(file)
    }
}

fn create(directory: &OwnedFd, name: &str, more: OFlags) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC).union(more);
    openat(directory, name, flags, Mode::from_raw_mode(0o644))
}

/// Writes all of `bytes` at `offset`; the offset behind them.
pub(super) fn write_at(file: &OwnedFd, mut bytes: &[u8], mut offset: u64) -> Result<u64, Errno> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| pwrite(file, bytes, offset))?;
        if written == 0 {
            return Err(Errno::NOSPC);
        }
        bytes = &bytes[written..];
        offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
    }
    Ok(offset)
}
