//! Whatever is restored is made beside its place, under a name of its own, and gets its place when it is whole.
//!
//! So nothing under its own name is ever a part of itself; what was there before goes when the new is there, and not sooner; and
//! what a stopped restore has left is told from what somebody else has put there.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, RenameFlags, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

use super::target::{DIGITS, Target};

/// Why something could not be put in its place, for people.
pub(super) fn reason(error: Errno) -> String {
    match error {
        Errno::EXIST => "something is in the way; restore with --overwrite, or into an empty directory".to_owned(),
        Errno::ISDIR => "a directory is in the way".to_owned(),
        error => format!("cannot be written: {error}"),
    }
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

    /// Removes what did not become whole.
    pub(super) fn discard(&self, parent: impl AsFd, part: &str) -> Result<(), Errno> {
        match unlinkat(parent, part, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }
}
