//! The directory that is restored into. Nothing is ever written outside of it: every name is opened below it without
//! following symbolic links.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use primitives::CommitmentHash;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, statat, unlinkat};
use rustix::io::Errno;

use crate::ClientError;

/// Says which snapshot is being restored here; gone when it is complete.
const MARKER: &str = ".strongroom-restore";

/// An open target.
pub(super) struct Target {
    path: PathBuf,
    root: OwnedFd,
    /// It was empty: nothing can be in the way, and nothing can be there already.
    pub(super) fresh: bool,
    /// It did not exist: then it gets the metadata of the snapshot's root.
    pub(super) made: bool,
    pub(super) overwrite: bool,
}

impl Target {
    /// Opens a directory, or makes it, for this snapshot.
    pub(super) fn open(path: &Path, commitment: &CommitmentHash, overwrite: bool) -> Result<Self, ClientError> {
        let made = !path.exists();
        std::fs::create_dir_all(path).map_err(ClientError::io("cannot make", path))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty())
            .map_err(|error| ClientError::io("cannot open", path)(error.into()))?;
        let marker = path.join(MARKER);
        let resumed = std::fs::read_to_string(&marker).is_ok_and(|text| text.trim() == commitment.to_string());
        let mut entries = std::fs::read_dir(path).map_err(ClientError::io("cannot list", path))?;
        let fresh = entries.next().is_none();
        if !fresh && !resumed && !overwrite {
            return Err(ClientError::TargetNotEmpty { path: path.to_path_buf() });
        }
        std::fs::write(&marker, format!("{commitment}\n")).map_err(ClientError::io("cannot write", &marker))?;
        Ok(Self { path: path.to_path_buf(), root, fresh, made, overwrite: overwrite || resumed })
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
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if path.as_os_str().is_empty() {
            return openat(&self.root, c".", flags, Mode::empty());
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Err(Errno::NOSYS | Errno::PERM) => self.directory_by_steps(path, flags),
            result => result,
        }
    }

    /// The same, one name after the other, for kernels without `openat2`.
    fn directory_by_steps(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut directory = openat(&self.root, c".", flags, Mode::empty())?;
        for part in path.components() {
            directory = openat(&directory, part.as_os_str(), flags, Mode::empty())?;
        }
        Ok(directory)
    }

    /// Makes a directory in another one, or finds it there.
    pub(super) fn make_directory(&self, parent: impl AsFd, name: &[u8]) -> Result<(), Errno> {
        match mkdirat(&parent, name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            result => return result,
        }
        let stat = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return Ok(());
        }
        self.clear(&parent, name)?;
        mkdirat(&parent, name, Mode::RWXU)
    }

    /// Removes what is in the way of a file, if that is allowed. A directory is never removed.
    pub(super) fn clear(&self, parent: impl AsFd, name: &[u8]) -> Result<(), Errno> {
        if self.fresh {
            return Ok(());
        }
        if !self.overwrite {
            return match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error),
                Ok(_) => Err(Errno::EXIST),
            };
        }
        match unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the marker away.
    pub(super) fn finish(&self) -> Result<(), ClientError> {
        let marker = self.path.join(MARKER);
        // Its removal changes the directory's time: set that again.
        let before = rustix::fs::fstat(&self.root).ok();
        std::fs::remove_file(&marker).map_err(ClientError::io("cannot remove", &marker))?;
        if let (Some(stat), true) = (before, self.made) {
            let stat = crate::meta::FileStat::from(&stat);
            let _ = super::metadata::set_times(&self.root, stat.mtime);
        }
        Ok(())
    }
}
