//! The marker: a file in the target that says which snapshot is being restored there. It is gone when that is complete.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Dir, FileType, Mode, OFlags, fchmod, fstat, openat, renameat};
use rustix::io::Errno;

use super::target::{Target, make_writable};
use crate::{ClientError, open};

/// Begins the marker's name.
///
/// It goes on with the commitment's first digits, which depend on all names in the snapshot: so no snapshot has a
/// file of the name of its own marker.
pub(super) const MARKER: &str = ".strongroom-restore-";
/// Digits of the commitment in the marker's name.
pub(super) const DIGITS: usize = 16;
/// Second line of a marker in a directory that the restore has made.
pub(super) const MADE: &str = "made";

impl Target {
    /// Removes markers of other snapshots, for what they began here is overwritten and must not count as theirs any more; and
    /// parts that killed restores have left.
    pub(super) fn tidy(&self) -> Result<(), Errno> {
        for entry in Dir::read_from(&self.root)? {
            let entry = entry?;
            let named = entry.file_name().to_str().ok().filter(|name| name.starts_with(MARKER));
            let Some(name) = named.filter(|name| *name != self.marker_name) else { continue };
            // Only what says of itself what its name says.
            let text = read(&self.root, name);
            if text.lines().next().is_some_and(|commitment| self::name(commitment) == name) {
                self.discard(&self.root, name)?;
            }
        }
        self.remove_parts(&self.root)
    }

    /// Writes the marker: aside like everything else, so that nothing that lies under its name is written through.
    pub(super) fn mark(&self, commitment: &str) -> Result<(), Errno> {
        let text = if self.made { format!("{commitment}\n{MADE}\n") } else { format!("{commitment}\n") };
        let part = self.part_name(Path::new(""));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = self.begin(&self.root, &part, || openat(&self.root, part.as_str(), flags, Mode::from(0o666)))?;
        File::from(made)
            .write_all(text.as_bytes())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
            .and_then(|()| renameat(&self.root, part.as_str(), &self.root, self.marker_name.as_str()))
            .inspect_err(|_| {
                let _ = self.discard(&self.root, part.as_str());
            })
    }

    /// Takes the marker away: the last thing that is done, after the directory got its mode and its time.
    pub(super) fn finish(&self) -> Result<(), ClientError> {
        let before = fstat(&self.root).ok().filter(|_| self.made);
        if before.is_some() {
            make_writable(&self.root);
        }
        self.discard(&self.root, self.marker_name.as_str())
            .map_err(|error| ClientError::io("cannot remove", self.path().join(&self.marker_name))(error.into()))?;
        if let Some(stat) = before {
            let _ = fchmod(&self.root, Mode::from_raw_mode(stat.st_mode));
            let _ = super::metadata::set_times(&self.root, crate::meta::FileStat::from(&stat).mtime);
        }
        Ok(())
    }
}

/// The marker of a snapshot with this commitment.
pub(super) fn name(commitment: &str) -> String {
    format!("{MARKER}{}", commitment.get(..DIGITS).unwrap_or(commitment))
}

/// What a marker says; nothing when it is no small file of text.
pub(super) fn read(directory: impl AsFd, name: &str) -> String {
    const LONGEST: u64 = 256;
    let mut text = String::new();
    let file = open::file(directory, name).and_then(|file| {
        let is_file = fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode))? == FileType::RegularFile;
        if is_file { Ok(File::from(file)) } else { Err(Errno::INVAL) }
    });
    let read = file.map_err(std::io::Error::from).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map(|_| text).unwrap_or_default()
}
