//! The directory that is restored into. Nothing is ever written outside of it: every name is opened below it without
//! following symbolic links.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use primitives::CommitmentHash;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chmodat, fchmod, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use crate::{ClientError, open};

/// Begins the name of the file that says which snapshot is being restored here; gone when it is complete.
///
/// The name goes on with the commitment's first digits, which depend on all names in the snapshot: so no snapshot has a
/// file of the name of its own marker.
pub(super) const MARKER: &str = ".strongroom-restore-";
/// Digits of the commitment in the marker's name.
pub(super) const DIGITS: usize = 16;
/// Second line of a marker in a directory that the restore has made.
const MADE: &str = "made";

/// An open target.
pub(super) struct Target {
    path: PathBuf,
    pub(super) marker_name: String,
    root: OwnedFd,
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
        let commitment = commitment.to_string();
        let marker_name = marker_name(&commitment);
        let marker = path.join(&marker_name);
        let left = read_marker(&marker);
        let resumed = left.lines().next() == Some(&commitment);
        let made = absent || (resumed && left.lines().nth(1) == Some(MADE));
        if made && !absent {
            // An earlier attempt may have given it the mode of the snapshot's root already.
            make_writable(&root);
        }
        let mut entries = std::fs::read_dir(path).map_err(ClientError::io("cannot list", path))?;
        let fresh = entries.next().is_none();
        if !fresh && !resumed && !overwrite {
            return Err(ClientError::TargetNotEmpty { path: path.to_path_buf() });
        }
        remove_other_markers(path, &marker)?;
        let text = if made { format!("{commitment}\n{MADE}\n") } else { format!("{commitment}\n") };
        std::fs::write(&marker, text).map_err(ClientError::io("cannot write", &marker))?;
        let target = Self { path: path.to_path_buf(), marker_name, root, fresh, made, overwrite };
        if !fresh {
            target.remove_parts(&target.root).map_err(|error| ClientError::io("cannot tidy", path)(error.into()))?;
        }
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
        match open::directory(&parent, name).or_else(|error| open_closed(&parent, name, error)) {
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

    /// Takes the marker away: the last thing that is done, after the directory got its mode and its time.
    pub(super) fn finish(&self) -> Result<(), ClientError> {
        let marker = &self.path.join(&self.marker_name);
        let before = rustix::fs::fstat(&self.root).ok().filter(|_| self.made);
        if before.is_some() {
            make_writable(&self.root);
        }
        std::fs::remove_file(marker).map_err(ClientError::io("cannot remove", marker))?;
        if let Some(stat) = before {
            let _ = fchmod(&self.root, Mode::from_raw_mode(stat.st_mode));
            let _ = super::metadata::set_times(&self.root, crate::meta::FileStat::from(&stat).mtime);
        }
        Ok(())
    }

    /// Takes the directory away that was made for nothing.
    pub(super) fn abandon(&self) {
        if self.made {
            // What is not empty stays.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Opens a directory that `refused` to be opened because its owner has closed it to themselves.
fn open_closed(parent: impl AsFd, name: &[u8], refused: Errno) -> Result<OwnedFd, Errno> {
    if refused != Errno::ACCESS {
        return Err(refused);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(parent, name, flags, Mode::empty())?;
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode);
    // Such a handle opens nothing and changes nothing; by its name in /proc it is what it stands for.
    let place = format!("/proc/self/fd/{}", handle.as_raw_fd());
    chmodat(CWD, place, mode | Mode::RWXU, AtFlags::empty()).map_err(|_| refused)?;
    open::directory(&handle, c".")
}

/// Lets the owner of a directory write into it until it gets its own mode at the end: a snapshot may hold directories that
/// nobody may write to. Where that is not allowed, what is to be written there says so.
fn make_writable(directory: impl AsFd) {
    let missing = rustix::fs::fstat(&directory).ok().map(|stat| Mode::from_raw_mode(stat.st_mode));
    if let Some(mode) = missing.filter(|mode| !mode.contains(Mode::RWXU)) {
        let _ = fchmod(&directory, mode | Mode::RWXU);
    }
}

fn marker_name(commitment: &str) -> String {
    format!("{MARKER}{}", commitment.get(..DIGITS).unwrap_or(commitment))
}

/// What a marker says; nothing when it is no small file of text.
fn read_marker(path: &Path) -> String {
    const LONGEST: u64 = 256;
    let mut text = String::new();
    let file = open::file(CWD, path).and_then(|file| {
        let is_file =
            rustix::fs::fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode))? == FileType::RegularFile;
        if is_file { Ok(File::from(file)) } else { Err(Errno::INVAL) }
    });
    let read = file.map_err(std::io::Error::from).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map(|_| text).unwrap_or_default()
}

/// Removes markers of other snapshots: what they began here is overwritten, and must not count as theirs any more.
fn remove_other_markers(path: &Path, own: &Path) -> Result<(), ClientError> {
    for entry in std::fs::read_dir(path).map_err(ClientError::io("cannot list", path))? {
        let found = entry.map_err(ClientError::io("cannot list", path))?.path();
        let named = found.file_name().and_then(|name| name.to_str()).filter(|name| name.starts_with(MARKER));
        // Parts of files have longer names.
        let named = named.filter(|name| name.len() == MARKER.len() + DIGITS);
        let Some(name) = named.filter(|_| found != own) else { continue };
        // Only what says of itself what its name says.
        let text = read_marker(&found);
        let is_marker = text.lines().next().is_some_and(|commitment| marker_name(commitment) == name);
        if is_marker {
            std::fs::remove_file(&found).map_err(ClientError::io("cannot remove", &found))?;
        }
    }
    Ok(())
}
