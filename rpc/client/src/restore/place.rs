//! Whatever is restored is made beside its place, under a name of its own, and gets its place when it is whole.
//!
//! So nothing under its own name is ever a part of itself; what was there before goes when the new is there, and not sooner; and
//! what a stopped restore has left is told from what somebody else has put there.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, RenameFlags, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::marker::{DIGITS, MARKER};
use super::target::Target;

/// Why something could not be put in its place, for people.
pub(super) fn reason(error: Errno) -> String {
    match error {
        Errno::EXIST => "something is in the way; restore with --overwrite, or into an empty directory".to_owned(),
        Errno::ISDIR => "a directory is in the way".to_owned(),
        error => format!("cannot be written: {error}"),
    }
}

/// Whether a name is one that [`Target::part_name`] gives: a marker's, `-`, and digits.
fn is_part(name: &str) -> bool {
    let digits =
        |text: &str| text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let named = name.strip_prefix(MARKER).and_then(|rest| rest.split_once('-'));
    named.is_some_and(|(commitment, path)| digits(commitment) && digits(path))
}

/// Whether there is nothing in a directory, or only parts: a restore that is killed before it has written its marker leaves one.
pub(super) fn is_empty(directory: impl AsFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." && !name.to_str().is_ok_and(is_part) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Target {
    /// The name under which the file at `path` is made: the marker's, and a hash of the path, so that the next attempt
    /// replaces what this one leaves.
    pub(super) fn part_name(&self, path: &Path) -> String {
        let hash = blake3::hash(path.as_os_str().as_bytes()).to_hex();
        format!("{}-{}", self.marker_name, hash.get(..DIGITS).unwrap_or_default())
    }

    /// Whether a place is free or may be taken. [`Self::settle`] decides; this is asked before work is done for nothing.
    pub(super) fn check_free(&self, parent: impl AsFd, name: &[u8]) -> Result<(), Errno> {
        if self.fresh || self.overwrite {
            return Ok(());
        }
        match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Errno::EXIST),
        }
    }

    /// Makes something under its part name. What an earlier attempt has left there goes.
    pub(super) fn begin<T>(
        &self,
        parent: impl AsFd,
        part: &str,
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match make() {
            Err(Errno::EXIST) => {
                self.discard(parent, part)?;
                make()
            }
            result => result,
        }
    }

    /// Gives what is whole its name. A directory is never replaced; anything else only when that is allowed.
    pub(super) fn settle(&self, parent: impl AsFd, part: &str, name: &[u8]) -> Result<(), Errno> {
        if self.overwrite {
            return renameat(&parent, part, &parent, name);
        }
        match renameat_with(&parent, part, &parent, name, RenameFlags::NOREPLACE) {
            // Not every file system knows that.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.check_free(&parent, name)?;
                renameat(&parent, part, &parent, name)
            }
            result => result,
        }
    }

    /// Removes what killed restores have begun in a directory and not finished. Nothing of this one is in it yet.
    pub(super) fn remove_parts(&self, directory: impl AsFd) -> Result<(), Errno> {
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_ok_and(is_part) {
                self.discard(&directory, entry.file_name())?;
            }
        }
        Ok(())
    }

    /// Removes what did not become whole.
    pub(super) fn discard(&self, parent: impl AsFd, part: impl Arg) -> Result<(), Errno> {
        match unlinkat(parent, part, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }
}
