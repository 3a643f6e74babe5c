//! The node's data directory: one process at a time, and every path in one place.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::StoreError;

/// An open data directory. The lock is released when the last clone is dropped, or when the process ends however it
/// ends.
///
/// ```text
/// <data>/LOCK        held while a node runs; contains its process id
/// <data>/db/         RocksDB
/// <data>/consensus/  Malachite's write-ahead log and the signing guard; never delete a validator's
/// <data>/raft/       the ledger's log
/// <data>/raft-snapshots/  what stands for the part of that log that was cut off
/// <data>/volumes/    volumes of shard files, when the configuration names no others
/// <data>/keys/       the node's own keys, mode 0600
/// ```
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

impl DataDir {
    /// Opens the directory at `path`, creating it (mode 0700) when missing, and locks it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process holds it, [`StoreError::Io`] otherwise.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(|source| StoreError::io("create directory", path, source))?;
        let path = path.canonicalize().map_err(|source| StoreError::io("resolve", path, source))?;
        let lock_path = path.join("LOCK");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| StoreError::io("open", &lock_path, source))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StoreError::InUse { path }),
            Err(errno) => return Err(StoreError::io("lock", lock_path, errno.into())),
        }
        // The number is for people who look; the lock itself is the kernel's.
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|source| StoreError::io("write", &lock_path, source))?;
        Ok(Self { path, _lock: Arc::new(lock) })
    }

    /// The directory itself, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// RocksDB.
    #[must_use]
    pub fn db(&self) -> PathBuf {
        self.path.join("db")
    }

    /// Malachite's write-ahead log and the signing guard.
    #[must_use]
    pub fn consensus_wal(&self) -> PathBuf {
        self.path.join("consensus")
    }

    /// The ledger's Raft log.
    #[must_use]
    pub fn raft_log(&self) -> PathBuf {
        self.path.join("raft")
    }

    /// Where volumes go when the configuration names no others.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.path.join("volumes")
    }

    /// The node's own keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opening_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        let clone = first.clone();
        assert!(matches!(DataDir::open(&path), Err(StoreError::InUse { .. })));
        drop(first);
        assert!(matches!(DataDir::open(&path), Err(StoreError::InUse { .. })), "the clone still holds the lock");
        drop(clone);
        let again = DataDir::open(&path).unwrap();
        assert!(again.db().starts_with(again.path()));
    }

    #[test]
    fn a_file_in_the_way_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
