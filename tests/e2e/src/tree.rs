//! Trees of files that are hard to keep: links, holes, odd names; and whether two of them are the same.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Fills `root` with about `mib` MiB of big and small files and one of every odd thing a file system can hold.
///
/// # Panics
/// When a file cannot be written.
pub fn make_tree(root: &Path, mib: usize) {
    std::fs::create_dir_all(root.join("deep/er/and/deeper")).expect("directories");
    std::fs::create_dir_all(root.join("empty directory")).expect("directories");
    std::fs::write(root.join("empty file"), b"").expect("a file");
    std::fs::write(root.join("line\nbreak"), b"odd name").expect("a file");
    std::fs::write(root.join(OsString::from_vec(vec![b'n', 0xff, 0xfe])), b"not UTF-8").expect("a file");
    std::fs::write(root.join("secret"), b"mode 600").expect("a file");
    std::fs::set_permissions(root.join("secret"), std::fs::Permissions::from_mode(0o600)).expect("a mode");
    std::fs::hard_link(root.join("secret"), root.join("deep/second name")).expect("a hard link");
    symlink("secret", root.join("link")).expect("a symlink");
    symlink("/nowhere/at all", root.join("dangling")).expect("a symlink");
    let mut sparse = std::fs::File::create(root.join("sparse")).expect("a file");
    sparse.write_all(b"head").expect("a write");
    sparse.seek(SeekFrom::Start(24 << 20)).expect("a seek");
    sparse.write_all(b"tail").expect("a write");
    for (index, length) in (0..200u64).zip((100usize..).step_by(37)) {
        std::fs::write(root.join(format!("deep/er/small {index}")), noise(index, length)).expect("a file");
    }
    for (index, _) in (0u64..).zip(0..mib.div_ceil(8)) {
        std::fs::write(root.join(format!("deep/er/and/big {index}")), noise(1_000 + index, 8 << 20)).expect("a file");
    }
}

/// Bytes that do not compress, the same for the same seed (xorshift64*).
#[must_use]
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Whether two trees hold the same names, kinds, modes, times, links and bytes; the differences otherwise.
///
/// # Errors
/// One line per difference.
///
/// # Panics
/// When a tree cannot be read.
pub fn same_tree(left: &Path, right: &Path) -> Result<(), Vec<String>> {
    let (a, b) = (inventory(left), inventory(right));
    let mut differences = Vec::new();
    for name in a.keys().chain(b.keys()) {
        match (a.get(name), b.get(name)) {
            (Some(one), Some(other)) if one != other => {
                differences.push(format!("{}: {one:?} / {other:?}", name.display()))
            }
            (Some(_), None) => differences.push(format!("{} is missing", name.display())),
            (None, Some(_)) => differences.push(format!("{} is new", name.display())),
            _ => {}
        }
    }
    for (name, entry) in &a {
        if let Entry::File { .. } = entry {
            let bytes = |root: &Path| std::fs::read(root.join(name)).unwrap_or_default();
            if bytes(left) != bytes(right) {
                differences.push(format!("{} has other bytes", name.display()));
            }
        }
    }
    differences.dedup();
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    File { mode: u32, size: u64, mtime: (i64, i64), links: u64 },
    Directory { mode: u32, mtime: (i64, i64) },
    Link(PathBuf),
}

fn inventory(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in std::fs::read_dir(root.join(&relative)).expect("a readable directory") {
            let name = relative.join(entry.expect("an entry").file_name());
            let meta = std::fs::symlink_metadata(root.join(&name)).expect("metadata");
            let mtime = (meta.mtime(), meta.mtime_nsec());
            let entry = if meta.is_symlink() {
                Entry::Link(std::fs::read_link(root.join(&name)).expect("a link"))
            } else if meta.is_dir() {
                open.push(name.clone());
                Entry::Directory { mode: meta.mode(), mtime }
            } else {
                Entry::File { mode: meta.mode(), size: meta.len(), mtime, links: meta.nlink() }
            };
            found.insert(name, entry);
        }
    }
    found
}
