//! The directory that is restored into. Nothing is ever written outside of it: every name is opened below it without
//! following symbolic links.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use primitives::CommitmentHash;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, fchmod, flock, mkdirat, unlinkat};
use rustix::io::Errno;

use super::{marker, place};
use crate::{ClientError, open};

/// An open target.
pub(super) struct Target {
    path: PathBuf,
    pub(super) marker_name: String,
    pub(super) root: OwnedFd,
    /// It was empty: nothing can be in the way, and nothing can be there already.
    pub(super) fresh: bool,
    /// It did not exist before the first attempt: then it gets the metadata of the snapshot's root.
    pub(super) made: bool,
    pub(super) overwrite: bool,
}

impl Target {
    /// Opens a directory, or makes it, for this snapshot.
    pub(super) fn open(path: &Path, commitment: &CommitmentHash, overwrite: bool) -> Result<Self, ClientError> {
        let absent = !path.exists();
        if !absent && !path.is_dir() {
            return Err(ClientError::io("cannot restore into", path)(Errno::NOTDIR.into()));
        }
        std::fs::create_dir_all(path).map_err(ClientError::io("cannot make", path))?;
        let root = open::root(path).map_err(|error| ClientError::io("cannot open", path)(error.into()))?;
        // Two restores at once would take each other's parts for those of a killed one. Not every file system has locks.
        if let Err(Errno::WOULDBLOCK) = flock(&root, FlockOperation::NonBlockingLockExclusive) {
            return Err(ClientError::TargetBusy { path: path.to_path_buf() });
        }
        let commitment = commitment.to_string();
        let marker_name = marker::name(&commitment);
        let left = marker::read(&root, &marker_name);
        let resumed = left.lines().next() == Some(&commitment);
        let made = absent || (resumed && left.lines().nth(1) == Some(marker::MADE));
        if made && !absent {
            // An earlier attempt may have given it the mode of the snapshot's root already.
            make_writable(&root);
        }
        let fresh = place::is_empty(&root).map_err(|error| ClientError::io("cannot list", path)(error.into()))?;
        if !fresh && !resumed && !overwrite {
            return Err(ClientError::TargetNotEmpty { path: path.to_path_buf() });
        }
        let target = Self { path: path.to_path_buf(), marker_name, root, fresh, made, overwrite };
        target.tidy().map_err(|error| ClientError::io("cannot tidy", path)(error.into()))?;
        let marked = target.mark(&commitment);
        marked.map_err(|error| ClientError::io("cannot write", path.join(&target.marker_name))(error.into()))?;
        Ok(target)
    }

    /// Whether new files get the process's group: nothing was here before, and the target does not pass its group on.
    pub(super) fn keeps_groups(&self) -> bool {
        const SET_GROUP: u32 = 0o2000;
        self.fresh && rustix::fs::fstat(&self.root).is_ok_and(|stat| stat.st_mode & SET_GROUP == 0)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory below the target (the target itself when `path` is empty).
    pub(super) fn directory(&self, path: &Path) -> Result<OwnedFd, Errno> {
        open::below(&self.root, path)
    }

    /// Makes a directory in another one, or finds it there, and opens it.
    pub(super) fn make_directory(&self, parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
        match mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) => return open::directory(&parent, name),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        match open_directory(&parent, name) {
            Ok(directory) => {
                make_writable(&directory);
                self.remove_parts(&directory)?;
                Ok(directory)
            }
            // Something else, maybe a symbolic link.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                self.check_free(&parent, name)?;
                unlinkat(&parent, name, AtFlags::empty())?;
                mkdirat(&parent, name, Mode::RWXU)?;
                open::directory(&parent, name)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the directory away that was made for nothing.
    pub(super) fn abandon(&self) {
        if self.made {
            // What is not empty stays.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Opens a directory, also one that its owner, who runs this, has closed to themselves.
fn open_directory(parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    match open::directory(&parent, name) {
        Err(Errno::ACCESS) => {
            open::unlock(&parent, name, FileType::Directory, Mode::RWXU)?;
            open::directory(&parent, name)
        }
        result => result,
    }
}

/// Lets the owner of a directory write into it until it gets its own mode at the end: a snapshot may hold directories that
/// nobody may write to. Where that is not allowed, what is to be written there says so.
pub(super) fn make_writable(directory: impl AsFd) {
    let missing = rustix::fs::fstat(&directory).ok().map(|stat| Mode::from_raw_mode(stat.st_mode));
    if let Some(mode) = missing.filter(|mode| !mode.contains(Mode::RWXU)) {
        let _ = fchmod(&directory, mode | Mode::RWXU);
    }
}
