//! The volume itself: creating, opening, whether it is still there, how much room it has.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, OnceLock};

use primitives::ShardId;
use rustix::fs::{
    AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, fstat, fstatvfs, fsync, mkdir, mkdirat, open, openat,
    renameat, statat, unlinkat,
};
use rustix::io::Errno;

use super::Buffers;
use super::note::OpenNote;
use super::steps::{Step, Steps, sync_directory};
use super::{VolumeError, VolumeMarker};

pub(super) const SHARDS: &str = "shards";
pub(super) const QUARANTINE: &str = "quarantine";
const MARKER_TMP: &str = "strongroom-volume.tmp";
const RECORDED_TMP: &str = "recorded-packs.tmp";
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Room on a volume's file system, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Available to this process.
    pub free: u64,
    /// Size of the file system.
    pub total: u64,
}

/// One open volume. All operations go through the directory that was opened, never through its path again: when the
/// disk is unmounted or the directory is replaced, they fail instead of writing to whatever lies there now.
#[derive(Debug)]
pub struct Volume {
    pub(super) path: PathBuf,
    pub(super) marker: VolumeMarker,
    pub(super) root: OwnedFd,
    pub(super) shards: OwnedFd,
    pub(super) quarantine: OwnedFd,
    // Held for its lock.
    _marker_file: OwnedFd,
    // The first failed fsync; set once, for ever.
    pub(super) broken: OnceLock<String>,
    // Whether the file system takes direct I/O; cleared at its first EINVAL.
    pub(super) direct: AtomicBool,
    // Makes the names of temporary and quarantined files unique.
    pub(super) counter: AtomicU64,
    pub(super) buffers: Buffers,
    /// Held while it is written.
    pub(super) note: Mutex<Option<OpenNote>>,
    pub(super) steps: Steps,
}

impl Volume {
    /// Name of the file by which an operator allows an empty directory to become a new volume at a path that used to
    /// hold another one.
    pub const CLAIM_FILE: &'static str = "strongroom-new-volume";
    /// Name of the note that says how many packs the ledger has had at most. A volume may leave it when it is deleted while it
    /// is written.
    pub const RECORDED_NOTE: &'static str = "recorded-packs";

    /// Makes the directory at `path` a volume and opens it. The directory may be missing or empty; `lost+found`, the
    /// claim file and the remains of an interrupted creation do not count.
    ///
    /// # Errors
    /// [`VolumeError::NotEmpty`] when it contains anything else.
    pub fn create(path: &Path, marker: VolumeMarker) -> Result<Self, VolumeError> {
        let failed = |operation| move |errno| VolumeError::Io { operation, path: path.to_owned(), errno };
        create_durably(path).map_err(failed("create directory"))?;
        let root = open(path, DIRECTORY, Mode::empty()).map_err(failed("open"))?;
        if let Some(found) = stranger(&root).map_err(failed("read directory"))? {
            return Err(VolumeError::NotEmpty { path: path.to_owned(), found });
        }
        for of_another in [Self::RECORDED_NOTE, RECORDED_TMP] {
            match unlinkat(&root, of_another, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed("remove the note of a volume that was here before")(errno)),
            }
        }
        let shards = directory_at(&root, SHARDS).map_err(failed("create shards"))?;
        for byte in 0..=u8::MAX {
            directory_at(&shards, &fan_out(byte)).map_err(failed("create shards"))?;
        }
        directory_at(&root, QUARANTINE).map_err(failed("create quarantine"))?;
        sync_directory(&shards).map_err(failed("fsync"))?;
        sync_directory(&root).map_err(failed("fsync"))?;
        // The marker comes last: a directory with a marker is a complete volume.
        let flags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC).union(OFlags::CLOEXEC);
        let file = openat(&root, MARKER_TMP, flags, Mode::from_raw_mode(0o644)).map_err(failed("create marker"))?;
        let text = marker.to_text();
        let written = rustix::io::write(&file, text.as_bytes()).map_err(failed("write marker"))?;
        if written != text.len() {
            return Err(failed("write marker")(Errno::NOSPC));
        }
        fsync(&file).map_err(failed("fsync marker"))?;
        renameat(&root, MARKER_TMP, &root, VolumeMarker::FILE).map_err(failed("rename marker"))?;
        sync_directory(&root).map_err(failed("fsync"))?;
        match unlinkat(&root, Self::CLAIM_FILE, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed("remove claim file")(errno)),
        }
        Self::open(path)
    }

    /// Opens the volume at `path`, locks it, and removes temporary files that an interrupted write left.
    ///
    /// # Errors
    /// [`VolumeError::Missing`] without directory or marker, [`VolumeError::InUse`] when another process has it open.
    pub fn open(path: &Path) -> Result<Self, VolumeError> {
        let missing = || VolumeError::Missing { path: path.to_owned() };
        let failed = |operation| move |errno| VolumeError::Io { operation, path: path.to_owned(), errno };
        let root = match open(path, DIRECTORY, Mode::empty()) {
            Ok(root) => root,
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(missing()),
            Err(errno) => return Err(failed("open")(errno)),
        };
        let flags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
        let marker_file = match openat(&root, VolumeMarker::FILE, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Err(missing()),
            Err(errno) => return Err(failed("open marker")(errno)),
        };
        match flock(&marker_file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(VolumeError::InUse { path: path.to_owned() }),
            Err(errno) => return Err(failed("lock")(errno)),
        }
        let marker = read_marker(&marker_file, path)?;
        let shards = directory_at(&root, SHARDS).map_err(failed("open shards"))?;
        let quarantine = directory_at(&root, QUARANTINE).map_err(failed("open quarantine"))?;
        // One of them may have been made again just now, and a file is only as durable as the directories above it.
        sync_directory(&root).map_err(failed("fsync"))?;
        let volume = Self {
            path: path.to_owned(),
            marker,
            root,
            shards,
            quarantine,
            _marker_file: marker_file,
            broken: OnceLock::new(),
            direct: AtomicBool::new(true),
            counter: AtomicU64::new(0),
            buffers: Buffers::default(),
            note: Mutex::default(),
            steps: Steps::default(),
        };
        volume.tidy()?;
        Ok(volume)
    }

    /// The marker of the volume at `path`, if there is one: looks without opening or locking it.
    #[must_use]
    pub fn peek(path: &Path) -> Option<VolumeMarker> {
        let flags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
        let file = openat(CWD, path.join(VolumeMarker::FILE), flags, Mode::empty()).ok()?;
        read_marker(&file, path).ok()
    }

    /// The volume with buffers that it shares with others.
    #[must_use]
    pub fn with_buffers(self, buffers: &Buffers) -> Self {
        Self { buffers: buffers.clone(), ..self }
    }

    /// Where the volume is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which volume it is.
    #[must_use]
    pub const fn marker(&self) -> &VolumeMarker {
        &self.marker
    }

    /// Whether the volume's path still leads to the directory that was opened, with its marker intact.
    #[must_use]
    pub fn is_present(&self) -> bool {
        let same_directory = || -> Result<bool, Errno> {
            let (opened, named) = (fstat(&self.root)?, statat(CWD, &self.path, AtFlags::empty())?);
            Ok((opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino))
        };
        let flags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
        same_directory().unwrap_or(false)
            && openat(&self.root, VolumeMarker::FILE, flags, Mode::empty())
                .is_ok_and(|file| read_marker(&file, &self.path).as_ref() == Ok(&self.marker))
    }

    /// The failed fsync that made this volume read-only.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Room on its file system.
    ///
    /// # Errors
    /// [`VolumeError::Io`] when the disk does not say.
    pub fn space(&self) -> Result<Space, VolumeError> {
        let stat = fstatvfs(&self.root).map_err(|errno| self.io("statvfs", errno))?;
        Ok(Space {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    pub(super) fn io(&self, operation: &'static str, errno: Errno) -> VolumeError {
        VolumeError::Io { operation, path: self.path.clone(), errno }
    }

    /// The directory that holds `shard`'s file.
    pub(super) fn directory_of(&self, shard: &ShardId) -> Result<OwnedFd, VolumeError> {
        let [first, ..] = *shard.as_bytes();
        match openat(&self.shards, fan_out(first), DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(directory),
            Err(Errno::NOENT) if !self.is_present() => Err(VolumeError::Missing { path: self.path.clone() }),
            Err(errno) => Err(self.io("open directory", errno)),
        }
    }

    /// Calls `visit` with each fan-out directory.
    pub(super) fn each_directory(
        &self,
        mut visit: impl FnMut(&OwnedFd) -> Result<(), VolumeError>,
    ) -> Result<(), VolumeError> {
        for byte in 0..=u8::MAX {
            match openat(&self.shards, fan_out(byte), DIRECTORY, Mode::empty()) {
                Ok(directory) => visit(&directory)?,
                Err(errno) => return Err(self.io("open directory", errno)),
            }
        }
        Ok(())
    }

    /// Removes temporary files, and makes durable what is there: a process that died between the rename and the fsync of
    /// the directory left a file that could be acknowledged now and be gone after a power cut.
    pub(super) fn tidy(&self) -> Result<(), VolumeError> {
        // A volume that lost one of these directories gets it back here, and the census finds what is missing.
        for byte in 0..=u8::MAX {
            directory_at(&self.shards, &fan_out(byte)).map_err(|errno| self.io("create directory", errno))?;
        }
        sync_directory(&self.shards).map_err(|errno| self.io("fsync directory", errno))?;
        self.each_directory(|directory| {
            for name in names(directory).map_err(|errno| self.io("read directory", errno))? {
                if name.ends_with(".tmp") {
                    unlinkat(directory, &name, AtFlags::empty()).map_err(|errno| self.io("remove", errno))?;
                }
            }
            sync_directory(directory)
                .and_then(|()| self.steps.reached(Step::DirectorySynced))
                .map_err(|errno| self.io("fsync directory", errno))
        })
    }
}

/// Name of the directory for ids that begin with `byte`.
fn fan_out(byte: u8) -> String {
    format!("{byte:02x}")
}

/// Makes a directory and those above it, as far as they are missing, each durable under its name.
fn create_durably(path: &Path) -> Result<(), Errno> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    let is_new = match mkdir(path, Mode::from_raw_mode(0o755)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(Errno::NOENT) => {
            create_durably(parent)?;
            mkdir(path, Mode::from_raw_mode(0o755))?;
            true
        }
        Err(errno) => return Err(errno),
    };
    // One that was there may have been made by a run that was stopped before this.
    match open(parent, DIRECTORY, Mode::empty()).and_then(|parent| sync_directory(&parent)) {
        // A mount point, for example, below a directory that is not ours to read or on a disk that nobody writes to.
        Err(Errno::ACCESS | Errno::INVAL | Errno::ROFS) if !is_new => Ok(()),
        synced => synced,
    }
}

/// Opens a directory, creating it when missing.
fn directory_at(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    match mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    openat(parent, name, DIRECTORY, Mode::empty())
}

/// Names in a directory, except `.` and `..`; those that are not UTF-8 are none of ours and left out.
pub(super) fn names(directory: impl AsFd) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

/// The first thing in `root` that a new volume may not contain.
fn stranger(root: &OwnedFd) -> Result<Option<String>, Errno> {
    for name in names(root)? {
        match name.as_str() {
            "lost+found" | MARKER_TMP | Volume::CLAIM_FILE | Volume::RECORDED_NOTE | RECORDED_TMP => {}
            QUARANTINE => {
                let quarantine = openat(root, QUARANTINE, DIRECTORY, Mode::empty())?;
                if let Some(file) = names(quarantine)?.pop() {
                    return Ok(Some(format!("{QUARANTINE}/{file}")));
                }
            }
            SHARDS => {
                let shards = openat(root, SHARDS, DIRECTORY, Mode::empty())?;
                for inner in names(&shards)? {
                    let found = match openat(&shards, &inner, DIRECTORY, Mode::empty()) {
                        Ok(directory) => names(directory)?.pop(),
                        Err(_) => Some(String::new()),
                    };
                    if let Some(file) = found {
                        return Ok(Some(format!("{SHARDS}/{inner}/{file}")));
                    }
                }
            }
            _ => return Ok(Some(name)),
        }
    }
    Ok(None)
}

fn read_marker(file: &OwnedFd, path: &Path) -> Result<VolumeMarker, VolumeError> {
    let mut buffer = [0u8; VolumeMarker::LEN_MAX];
    let len = rustix::io::pread(file, &mut buffer[..], 0).map_err(|errno| VolumeError::Io {
        operation: "read marker",
        path: path.to_owned(),
        errno,
    })?;
    let damaged = |reason| VolumeError::Marker { path: path.to_owned(), reason };
    let text = std::str::from_utf8(&buffer[..len]).map_err(|_| damaged("it is not text".to_owned()))?;
    VolumeMarker::parse(text).map_err(damaged)
}
