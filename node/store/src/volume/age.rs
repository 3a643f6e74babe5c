//! When a shard file was last needed, as its modification time tells.

use primitives::{ShardId, TimestampMs};
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, statat, utimensat};
use rustix::io::Errno;

use super::{Volume, VolumeError};

impl Volume {
    /// When the file of `shard` was written or last [touched](Self::touch), by the clock of that moment; `None` without such
    /// a file.
    ///
    /// # Errors
    /// [`VolumeError::Io`] or [`VolumeError::Missing`].
    pub fn touched(&self, shard: &ShardId) -> Result<Option<TimestampMs>, VolumeError> {
        let directory = self.directory_of(shard)?;
        match statat(&directory, shard.to_string(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
                Ok(Some(TimestampMs::new(seconds.saturating_mul(1000).saturating_add(stat.st_mtime_nsec / 1_000_000))))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.io("stat", errno)),
        }
    }

    /// Makes the file of `shard` as young as one written now. Not durable: after a power cut it may be as old as before.
    /// Whether there is such a file.
    ///
    /// # Errors
    /// [`VolumeError::Io`] or [`VolumeError::Missing`].
    pub fn touch(&self, shard: &ShardId) -> Result<bool, VolumeError> {
        let directory = self.directory_of(shard)?;
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        match utimensat(&directory, shard.to_string(), &times, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.io("touch", errno)),
        }
    }
}
