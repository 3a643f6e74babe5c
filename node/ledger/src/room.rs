//! How much room is left on the ledger's disks. Whoever asks for something new is refused before a disk is full: a log that
//! cannot be written ends the ledger, since nobody may be told that something is durable when it is not.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{stat, statvfs};

use crate::error::LedgerError;

/// The file systems that the ledger writes to, and what must stay free on each.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// One directory a file system.
    dirs: Vec<PathBuf>,
    free_bytes_min: u64,
}

impl Room {
    /// Looks at the file systems of these directories, which must exist.
    ///
    /// # Errors
    /// [`LedgerError::File`] when one of them cannot be looked at.
    pub(crate) fn new<'a>(dirs: impl IntoIterator<Item = &'a Path>, free_bytes_min: u64) -> Result<Self, LedgerError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for dir in dirs {
            let device = stat(dir).map_err(|errno| LedgerError::file("stat", dir, io::Error::from(errno)))?.st_dev;
            if seen.insert(device) {
                found.push(dir.to_owned());
            }
        }
        Ok(Self { dirs: found, free_bytes_min })
    }

    /// # Errors
    /// [`LedgerError::DiskLow`] when less is free somewhere than must be.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        self.check_for(0)
    }

    /// # Errors
    /// [`LedgerError::DiskLow`] when less would be free somewhere than must be, with so many bytes more.
    pub(crate) fn check_for(&self, bytes: u64) -> Result<(), LedgerError> {
        self.dirs.iter().try_for_each(|dir| {
            let stat = statvfs(dir).map_err(|errno| LedgerError::file("statvfs", dir, io::Error::from(errno)))?;
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            enough(dir, free, self.free_bytes_min.saturating_add(bytes))
        })
    }
}

fn enough(dir: &Path, free_bytes: u64, free_bytes_min: u64) -> Result<(), LedgerError> {
    if free_bytes >= free_bytes_min {
        return Ok(());
    }
    Err(LedgerError::DiskLow { path: dir.to_owned(), free_bytes, free_bytes_min })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_the_mark_is_refused_with_both_figures() {
        let dir = Path::new("/data/raft");
        assert!(enough(dir, 512 << 20, 512 << 20).is_ok());
        let error = enough(dir, (512 << 20) - 1, 512 << 20).unwrap_err();
        assert!(!error.is_fatal());
        let text = error.to_string();
        for words in ["/data/raft", "511 MiB free", "512 MiB", "store.free_mib_min"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn each_file_system_is_looked_at_once() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let room = Room::new([dir.path(), other.path(), Path::new("/proc")], 1).unwrap();
        assert_eq!(room.dirs, [dir.path(), Path::new("/proc")]);
        assert!(matches!(room.check(), Err(LedgerError::DiskLow { free_bytes: 0, .. })), "/proc has no room");
        let gone = dir.path().join("gone");
        assert!(matches!(Room::new([gone.as_path()], 1), Err(LedgerError::File { .. })));
    }
}
