//! Opens files and directories through the directories that they are in. So neither the length of a path matters, nor a
//! symbolic link that somebody puts into it meanwhile.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, chmodat, fstat, openat, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

/// Longest path that the system takes in one call, bytes with the final NUL (Linux, `limits.h`).
const PATH_MAX: usize = 4096;

/// Opens a directory that is named by whoever runs this, and may well be behind a symbolic link.
pub(crate) fn root(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a directory that leads to something else. Where it may not be listed, what is in it can still be opened through
/// it, and its mode and times be read.
pub(crate) fn passage(parent: impl AsFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    match directory(&parent, name) {
        Err(Errno::ACCESS) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(parent, name, flags, Mode::empty())
        }
        result => result,
    }
}

/// Opens a directory in another one, if it is one.
pub(crate) fn directory(parent: impl AsFd, name: impl Arg) -> Result<OwnedFd, Errno> {
    openat(parent, name, directory_flags(), Mode::empty())
}

/// Opens a file for reading, without changing its access time where that is allowed. Never waits, not even for a FIFO.
pub(crate) fn file(parent: impl AsFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match openat(&parent, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(&parent, name, flags, Mode::empty()),
        result => result,
    }
}

/// Gives the owner of a file or directory, who runs this, permissions that they have taken from themselves. Returns the mode
/// that it had.
pub(crate) fn unlock(parent: impl AsFd, name: impl Arg, kind: FileType, missing: Mode) -> Result<Mode, Errno> {
    let handle = openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let found = fstat(&handle)?.st_mode;
    if FileType::from_raw_mode(found) != kind {
        return Err(Errno::ACCESS);
    }
    let mode = Mode::from_raw_mode(found);
    // Through such a handle nothing can be changed; by its name in /proc it is what it stands for.
    let place = format!("/proc/self/fd/{}", handle.as_raw_fd());
    chmodat(CWD, place, mode | missing, AtFlags::empty()).map_err(|_| Errno::ACCESS)?;
    Ok(mode)
}

/// Opens the directory at a relative path of any length below `root` (`root` itself when it is empty), where no part of
/// the path is a symbolic link.
pub(crate) fn below(root: impl AsFd, path: &Path) -> Result<OwnedFd, Errno> {
    let (first, mut rest) = stride(path.as_os_str().as_bytes());
    let mut reached = if first.is_empty() { directory(root, c".")? } else { step(root, first)? };
    while !rest.is_empty() {
        let (part, further) = stride(rest);
        reached = step(&reached, part)?;
        rest = further;
    }
    Ok(reached)
}

/// Splits off as many names as one call takes.
fn stride(path: &[u8]) -> (&[u8], &[u8]) {
    let end = if path.len() < PATH_MAX { None } else { path[..PATH_MAX].iter().rposition(|byte| *byte == b'/') };
    end.map_or((path, &[]), |end| (&path[..end], &path[end + 1..]))
}

fn step(parent: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(&parent, path, directory_flags(), Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => name_by_name(&parent, path),
        result => result,
    }
}

/// The same for systems without `openat2`.
fn name_by_name(parent: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut reached = directory(parent, c".")?;
    for name in path.split(|byte| *byte == b'/') {
        reached = directory(&reached, name)?;
    }
    Ok(reached)
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Lets this process open as many files as the system allows: a walk keeps each directory open that it is in.
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests end at the first surprise")]

    use std::path::PathBuf;

    use rustix::fs::{mkdirat, symlinkat};

    use super::*;

    #[test]
    fn strides_are_as_long_as_the_system_allows_and_lose_nothing() {
        for (name, count) in
            [(1, 1), (1, 2047), (1, 2048), (1, 2049), (255, 15), (255, 16), (255, 17), (4095, 3), (254, 300)]
        {
            let path = vec!["n".repeat(name); count].join("/");
            let (mut rest, mut parts) = (path.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let (part, further) = stride(rest);
                assert!(part.len() < PATH_MAX, "{name} × {count}: {} bytes", part.len());
                assert!(further.is_empty() || part.len() + 1 + name >= PATH_MAX, "{name} × {count}: too short");
                parts.push(part);
                rest = further;
            }
            assert_eq!(parts.join(&b'/'), path.as_bytes());
        }
    }

    /// A directory 40 names of 200 bytes below `root`, its path, and its inode.
    fn deep(root: &OwnedFd) -> (PathBuf, u64) {
        let name = "d".repeat(200);
        let (mut at, mut path) = (directory(root, c".").unwrap(), PathBuf::new());
        for _ in 0..40 {
            mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
            at = directory(&at, name.as_str()).unwrap();
            path.push(&name);
        }
        (path, fstat(&at).unwrap().st_ino)
    }

    #[test]
    fn a_directory_is_reached_however_long_its_path_is() {
        let place = tempfile::tempdir().unwrap();
        let root = root(place.path()).unwrap();
        let (path, inode) = deep(&root);
        assert!(path.as_os_str().len() > 2 * PATH_MAX - 300);
        assert_eq!(fstat(below(&root, &path).unwrap()).unwrap().st_ino, inode);
        assert_eq!(fstat(name_by_name(&root, path.as_os_str().as_bytes()).unwrap()).unwrap().st_ino, inode);
        assert_eq!(below(&root, &path.join("more")).unwrap_err(), Errno::NOENT);
        let itself = below(&root, Path::new("")).unwrap();
        assert_eq!(fstat(itself).unwrap().st_ino, fstat(&root).unwrap().st_ino);
    }

    #[test]
    fn a_symbolic_link_is_refused_wherever_it_is() {
        let place = tempfile::tempdir().unwrap();
        let root = root(place.path()).unwrap();
        let (path, _) = deep(&root);
        for depth in [0, 1, 20, 40] {
            let above: PathBuf = path.components().take(depth).collect();
            let parent = below(&root, &above).unwrap();
            symlinkat("/", &parent, "link").unwrap();
            for linked in [above.join("link"), above.join("link/etc")] {
                assert!(below(&root, &linked).is_err(), "behind a link at depth {depth}");
                assert!(name_by_name(&root, linked.as_os_str().as_bytes()).is_err(), "behind a link at depth {depth}");
            }
            assert!(directory(&parent, "link").is_err() && file(&parent, "link").is_err());
        }
        // Nor does a path lead out of the root.
        assert!(below(&root, Path::new("..")).is_err());
    }
}
