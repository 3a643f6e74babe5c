//! Notes: small files beside the shards that outlive the database.

use std::os::fd::OwnedFd;
use std::sync::PoisonError;

use rustix::fs::{Mode, OFlags, fdatasync, fsync, openat, renameat};
use rustix::io::{Errno, pread, retry_on_intr};

use super::steps::Step;
use super::write::write_at;
use super::{Volume, VolumeError};

/// The note that was written last.
#[derive(Debug)]
pub(super) struct OpenNote {
    name: String,
    /// Of its text, bytes.
    len: usize,
    file: OwnedFd,
}

impl Volume {
    /// Longest note, bytes.
    pub const NOTE_MAX: usize = 512;

    /// Keeps `text` as the file `name` in the volume's directory, in place of what it said before. When this returns it is
    /// durable; when it fails or the process dies before, the file says what it said, or this.
    ///
    /// A text as long as the one before goes over it, into the file that is open since: a disk writes the one sector that
    /// holds it as a whole. So a volume that somebody is just deleting gets no new file, which would keep its directory.
    ///
    /// # Errors
    /// [`VolumeError::Full`], [`VolumeError::ReadOnly`], [`VolumeError::Io`]; also for a text that is too long.
    pub fn write_note(&self, name: &str, text: &str) -> Result<(), VolumeError> {
        self.writable()?;
        if text.len() > Self::NOTE_MAX {
            return Err(self.io("write note", Errno::FBIG));
        }
        let needed = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let failed = |errno| self.write_failed("write note", needed, errno);
        let mut open = self.note.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(note) = open.as_ref().filter(|note| note.name == name && note.len == text.len()) {
            write_at(&note.file, text.as_bytes(), 0).map_err(failed)?;
            self.steps.reached(Step::Written).map_err(failed)?;
            return fdatasync(&note.file)
                .and_then(|()| self.steps.reached(Step::Synced))
                .map_err(|errno| self.sync_failed(errno));
        }
        *open = None;
        // One name for all: what an interrupted write left is written over.
        let temporary = format!("{name}.tmp");
        let file = self.note_file(&temporary).map_err(failed)?;
        self.steps.reached(Step::Created).map_err(failed)?;
        write_at(&file, text.as_bytes(), 0).map_err(failed)?;
        self.steps.reached(Step::Written).map_err(failed)?;
        fdatasync(&file).and_then(|()| self.steps.reached(Step::Synced)).map_err(|errno| self.sync_failed(errno))?;
        renameat(&self.root, &temporary, &self.root, name).map_err(failed)?;
        self.steps.reached(Step::Renamed).map_err(failed)?;
        fsync(&self.root)
            .and_then(|()| self.steps.reached(Step::DirectorySynced))
            .map_err(|errno| self.sync_failed(errno))?;
        *open = Some(OpenNote { name: name.to_owned(), len: text.len(), file });
        Ok(())
    }

    /// What the note says; `None` when there is none, or when it is no note of ours.
    ///
    /// # Errors
    /// [`VolumeError::Io`].
    pub fn read_note(&self, name: &str) -> Result<Option<String>, VolumeError> {
        let flags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
        let file = match openat(&self.root, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(self.io("read note", errno)),
        };
        let mut buffer = [0u8; Self::NOTE_MAX];
        let len = retry_on_intr(|| pread(&file, &mut buffer[..], 0)).map_err(|errno| self.io("read note", errno))?;
        Ok(std::str::from_utf8(&buffer[..len]).ok().map(str::to_owned))
    }

    fn note_file(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC).union(OFlags::CLOEXEC);
        openat(&self.root, name, flags.union(OFlags::NOFOLLOW), Mode::from_raw_mode(0o644))
    }
}
