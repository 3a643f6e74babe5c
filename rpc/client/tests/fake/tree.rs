//! What a tree is like, for comparing what was backed up with what was restored.

#![allow(dead_code, reason = "each test file uses some")]

use std::collections::BTreeMap;
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

/// Everything below a directory, by path.
pub fn tree_of(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let (kind, bytes) = if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
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
        let path = path.strip_prefix(root).unwrap().to_path_buf();
        if !path.as_os_str().is_empty() {
            seen.insert(path, item);
        }
    }
    seen
}
