//! Mounts file systems for tests: disks that fill up, that hang, and whose power is cut.
//!
//! A process without `CAP_SYS_ADMIN` may not mount. There the tests pass without running, and `cargo x test` says so; where it
//! may, a mount that fails fails the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// A file system in memory with room for `size` (as `mount` reads it: `16m`); `None`, with a note, where mounting is not
    /// allowed.
    ///
    /// # Panics
    /// When it cannot be mounted although this process may.
    #[must_use]
    pub fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        Self::new(
            at,
            &["-t".as_ref(), "tmpfs".as_ref(), "-o".as_ref(), format!("size={size}").as_ref(), "none".as_ref()],
        )
    }

    /// What is in the file `image`, as of a disk; `None`, with a note, where mounting is not allowed.
    ///
    /// # Panics
    /// When it cannot be mounted although this process may.
    #[must_use]
    pub fn image(at: &Path, image: &Path) -> Option<Self> {
        Self::new(at, &["-o".as_ref(), "loop".as_ref(), image.as_ref()])
    }

    /// A disk of `bytes` with an empty ext4 on it, kept in the new file `image`; `None`, with a note, where mounting is not
    /// allowed.
    ///
    /// # Panics
    /// When it cannot be made or mounted although this process may.
    #[must_use]
    pub fn ext4(at: &Path, image: &Path, bytes: u64) -> Option<Self> {
        if may_mount() {
            std::fs::File::create(image).and_then(|file| file.set_len(bytes)).expect("room for the disk");
            run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), image.as_ref()]);
        }
        Self::image(at, image)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Gives a [`Self::tmpfs`] another size.
    ///
    /// # Panics
    /// When that fails.
    pub fn resize(&self, size: &str) {
        run("mount", &["-o".as_ref(), format!("remount,size={size}").as_ref(), self.0.as_ref()]);
    }

    /// From now on everything that writes to it hangs, and reads go on, until this is dropped.
    ///
    /// # Panics
    /// When that fails, as it does of a [`Self::tmpfs`].
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        // A process of its own thaws it, in a session of its own, when this one ends however it ends: what waits for a frozen
        // file system cannot be killed.
        const KEEPER: &str = "fsfreeze -f \"$0\" && echo frozen && cat; fsfreeze -u \"$0\"";
        let mut keeper = Command::new("setsid");
        keeper.args(["sh", "-c", KEEPER]).arg(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let keeper = keeper.spawn();
        let mut keeper = keeper.unwrap_or_else(|error| panic!("setsid is needed (util-linux): {error}"));
        let mut said = String::new();
        let output = keeper.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut said).expect("the keeper says what it did");
        assert_eq!(said, "frozen\n", "fsfreeze of {}", self.0.display());
        Frozen(keeper)
    }

    fn new(at: &Path, arguments: &[&OsStr]) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory to mount at");
        if !may_mount() {
            eprintln!("skipped: mounting a file system needs CAP_SYS_ADMIN");
            return None;
        }
        run("mount", &[arguments, &[at.as_ref()]].concat());
        Some(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a test that fails may have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A file system whose writes hang until this is dropped.
#[derive(Debug)]
pub struct Frozen(Child);

impl Drop for Frozen {
    fn drop(&mut self) {
        // The keeper thaws at the end of its input.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Whether this process may mount file systems.
#[must_use]
pub fn may_mount() -> bool {
    has_sys_admin(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Whether the process of this `/proc/self/status` has `CAP_SYS_ADMIN`.
fn has_sys_admin(status: &str) -> bool {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|bits| bits & CAP_SYS_ADMIN != 0)
}

#[track_caller]
fn run(program: &str, arguments: &[&OsStr]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed (util-linux, e2fsprogs): {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_mount_is_told_by_the_effective_capabilities() {
        let status = |bits: &str| format!("Name:\tcargo\nCapPrm:\t000001ffffffffff\nCapEff:\t{bits}\nSeccomp:\t0\n");
        assert!(has_sys_admin(&status("000001ffffffffff")) && has_sys_admin(&status("0000000000200000")));
        // A plain user, and root of an ordinary container.
        assert!(!has_sys_admin(&status("0000000000000000")) && !has_sys_admin(&status("00000000a80425fb")));
        assert!(!has_sys_admin(""));
    }
}
