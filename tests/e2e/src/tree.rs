//! Trees of files that are hard to keep: links, holes, odd names, long paths; and whether two of them are the same.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use primitives::ShardId;

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
    let mut sparse = File::create(root.join("sparse")).expect("a file");
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
    differences.dedup();
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    File { mode: u32, size: u64, bytes: ShardId, mtime: (i64, i64), links: u64 },
    Directory { mode: u32, mtime: (i64, i64) },
    Link(PathBuf),
}

/// Makes `levels` directories in one another, with a file in each; returns the path of the innermost. The name of each is
/// 200 bytes long, so that no system call takes a path to the bottom from 21 levels on.
///
/// # Panics
/// When a file cannot be written.
#[must_use]
pub fn dig(root: &Path, levels: u64) -> PathBuf {
    std::fs::create_dir_all(root).expect("a directory");
    let (mut at, mut path) = (open(root), PathBuf::new());
    for level in 0..levels {
        let name = format!("{level:02}{}", "x".repeat(198));
        let inside = short(&at).join(&name);
        std::fs::create_dir(&inside).expect("a directory");
        std::fs::write(inside.join("file"), noise(level, 1_000)).expect("a file");
        at = open(&inside);
        path.push(name);
    }
    path
}

/// Opens a directory by its path below another one, however long that is.
///
/// # Panics
/// When there is no such directory.
#[must_use]
pub fn descend(root: &Path, path: &Path) -> File {
    path.iter().fold(open(root), |at, name| open(&short(&at).join(name)))
}

/// A short path to an open directory, however long its own is.
#[must_use]
pub fn short(directory: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

fn open(directory: &Path) -> File {
    File::open(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
}

fn inventory(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    look(&open(root), Path::new(""), &mut found);
    found
}

fn look(directory: &File, below: &Path, found: &mut BTreeMap<PathBuf, Entry>) {
    for entry in std::fs::read_dir(short(directory)).expect("a readable directory") {
        let name = entry.expect("an entry").file_name();
        let (path, below) = (short(directory).join(&name), below.join(name));
        let meta = std::fs::symlink_metadata(&path).expect("metadata");
        let mtime = (meta.mtime(), meta.mtime_nsec());
        let entry = if meta.is_symlink() {
            Entry::Link(std::fs::read_link(&path).expect("a link"))
        } else if meta.is_dir() {
            look(&open(&path), &below, found);
            Entry::Directory { mode: meta.mode(), mtime }
        } else {
            let bytes = ShardId::of(&std::fs::read(&path).expect("a readable file"));
            Entry::File { mode: meta.mode(), size: meta.len(), bytes, mtime, links: meta.nlink() }
        };
        found.insert(below, entry);
    }
}
