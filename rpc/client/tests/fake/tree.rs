//! What a tree is like, for comparing what was backed up with what was restored.

#![allow(dead_code, reason = "each test file uses some")]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One entry of a tree, with everything that a backup keeps.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: &'static str,
    pub mode: u32,
    pub mtime: (i64, i64),
    pub owner: (u32, u32),
    pub links: u64,
    pub bytes: Vec<u8>,
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// Everything below the target of a restore that could not bring everything back. It keeps one marker, so that the same
/// command goes on; that is left out here.
#[allow(dead_code, reason = "each test file uses some")]
pub fn tree_of_incomplete(target: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = tree_of(target);
    let all = seen.len();
    seen.retain(|path, _| !path.to_string_lossy().starts_with(".strongroom-restore-"));
    assert_eq!(all - seen.len(), 1, "one marker in {}", target.display());
    seen
}

/// A short path to an open directory, however long its own is.
pub fn short(directory: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

/// Opens a directory by its path below another one, however long that is.
pub fn descend(root: &Path, path: &Path) -> File {
    path.iter().fold(File::open(root).unwrap(), |at, name| File::open(short(&at).join(name)).unwrap())
}

/// Everything below a directory, by path.
pub fn tree_of(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    look(&File::open(root).unwrap(), Path::new(""), &mut seen);
    seen
}

fn look(directory: &File, below: &Path, seen: &mut BTreeMap<PathBuf, Seen>) {
    for entry in std::fs::read_dir(short(directory)).unwrap() {
        let (path, below) = {
            let name = entry.unwrap().file_name();
            (short(directory).join(&name), below.join(name))
        };
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let (kind, bytes) = if meta.is_dir() {
            look(&File::open(&path).unwrap(), &below, seen);
            ("directory", Vec::new())
        } else if meta.is_symlink() {
            ("symlink", std::fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
        } else {
            ("file", std::fs::read(&path).unwrap())
        };
        let mut names = vec![0u8; 4096];
        let len = rustix::fs::llistxattr(&path, names.as_mut_slice()).unwrap_or(0);
        let xattrs = names[..len]
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| {
                let mut value = vec![0u8; 4096];
                let len = rustix::fs::lgetxattr(&path, name, value.as_mut_slice()).unwrap();
                value.truncate(len);
                (String::from_utf8_lossy(name).into_owned(), value)
            })
            .collect();
        let links = if meta.is_dir() { 1 } else { meta.nlink() };
        let item = Seen {
            kind,
            mode: meta.mode() & 0o7777,
            mtime: (meta.mtime(), meta.mtime_nsec()),
            owner: (meta.uid(), meta.gid()),
            links,
            bytes,
            xattrs,
        };
        seen.insert(below, item);
    }
}
