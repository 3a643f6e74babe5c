//! The directory of one vault's caches, locked while a backup uses it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use primitives::VaultId;
use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

use crate::{Client, ClientError};

/// How long a backup waits for the lock: a process that was killed may take a moment to be gone.
const PATIENCE: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_millis(50);

/// Begins the names of files that are being written.
const ASIDE: &str = ".tmp";

/// Where one vault's caches are, if anywhere.
pub(crate) struct CacheDir {
    path: Option<PathBuf>,
    _lock: Option<File>,
}

impl CacheDir {
    /// The directory for this vault, for this process alone.
    pub(crate) fn lock(client: &Client, vault: &VaultId) -> Result<Self, ClientError> {
        Self::lock_within(client, vault, PATIENCE)
    }

    fn lock_within(client: &Client, vault: &VaultId, patience: Duration) -> Result<Self, ClientError> {
        let Some(path) = Self::path_of(client, vault)? else { return Ok(Self { path: None, _lock: None }) };
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(ClientError::io("cannot open", &lock_path))?;
        let deadline = Instant::now() + patience;
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if Instant::now() >= deadline {
                return Err(ClientError::Busy { path: lock_path });
            }
            std::thread::sleep(RETRY);
        }
        remove_leftovers(&path);
        Ok(Self { path: Some(path), _lock: Some(lock) })
    }

    /// The directory for this vault if no other process uses it; otherwise none, and everything lives in memory.
    pub(crate) fn lock_or_none(client: &Client, vault: &VaultId) -> Result<Self, ClientError> {
        match Self::lock_within(client, vault, Duration::ZERO) {
            Err(ClientError::Busy { .. } | ClientError::Io { .. }) => Ok(Self { path: None, _lock: None }),
            result => result,
        }
    }

    fn path_of(client: &Client, vault: &VaultId) -> Result<Option<PathBuf>, ClientError> {
        let Some(cache) = client.cache() else { return Ok(None) };
        let network = client.network().network.to_string();
        let path = cache.join(&network[..16]).join(&vault.to_string()[..16]);
        std::fs::create_dir_all(&path).map_err(ClientError::io("cannot make", &path))?;
        Ok(Some(path))
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> Result<(), ClientError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = || ClientError::io("cannot clear", path);
        for entry in std::fs::read_dir(path).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            if entry.file_name() == "index" || crate::backup::is_tree_cache(&entry.path()) {
                std::fs::remove_file(entry.path()).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// A new file in the directory of `path`, which takes its name when it is complete.
    pub(crate) fn aside(path: &Path) -> Result<NamedTempFile, ClientError> {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let made = tempfile::Builder::new().prefix(ASIDE).tempfile_in(directory);
        made.map_err(ClientError::io("cannot write in", directory))
    }
}

/// Removes what a killed process has left here. Only who has the lock writes here, so nobody needs it any more.
fn remove_leftovers(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(ASIDE.as_bytes())
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            tracing::debug!(target: "client", %error, path = %entry.path().display(), "a leftover cannot be removed");
        }
    }
}
