//! Lists directories.

use std::ffi::{CString, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

use super::run::Run;
use crate::meta::FileStat;

/// One name of a directory, with what `stat` says.
pub(super) struct Found {
    pub(super) name: CString,
    pub(super) stat: FileStat,
}

/// The entries of a directory that are to be backed up, and whether they are all.
pub(super) fn list(run: &Run<'_>, fd: &OwnedFd, path: &Path) -> (Vec<Found>, bool) {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 32 * 1024];
    let mut entries = RawDir::new(fd, &mut buffer);
    let (mut found, mut complete) = (Vec::new(), true);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                run.error(path, format!("cannot list the directory: {error}"));
                return (found, false);
            }
        };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let below = || path.join(OsStr::from_bytes(name.to_bytes()));
        if !run.excludes.is_empty() && run.excludes.matches(&below()) {
            continue;
        }
        match FileStat::of_entry(fd, name) {
            Ok(stat) => match left_out(stat.kind) {
                Some(reason) => run.skip(below(), reason),
                None => found.push(Found { name: name.to_owned(), stat }),
            },
            Err(Errno::NOENT) => {
                run.error(&below(), "vanished while its directory was read");
                complete = false;
            }
            Err(error) => {
                run.error(&below(), error);
                complete = false;
            }
        }
    }
    (found, complete)
}

/// Why an entry of this kind is not backed up.
pub(super) fn left_out(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile | FileType::Directory | FileType::Symlink => None,
        FileType::Socket => Some("a socket"),
        FileType::Fifo => Some("a FIFO"),
        FileType::BlockDevice | FileType::CharacterDevice => Some("a device"),
        FileType::Unknown => Some("of an unknown kind"),
    }
}

/// Over all names and what `stat` says of them; and whether something changed so recently that it may change unseen.
pub(super) fn fingerprint(found: &[Found], run: &Run<'_>) -> ([u8; 32], bool) {
    let mut hasher = blake3::Hasher::new();
    let mut racy = false;
    for found in found {
        hasher.update(found.name.as_bytes_with_nul());
        found.stat.fingerprint(&mut hasher);
        racy |= found.stat.ctime >= run.racy_from;
    }
    (*hasher.finalize().as_bytes(), racy)
}
