//! Reads and compares what the file system knows of a file.

use std::collections::HashMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{AtFlags, FileType, Stat, fgetxattr, flistxattr, lgetxattr, llistxattr, statat};
use rustix::io::Errno;
use seal::tree::{Meta, Mtime, Xattr};

/// Most bytes of attributes that one entry keeps.
const XATTRS_MAX: usize = 1024 * 1024;

/// What `stat` says, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStat {
    pub(crate) kind: FileType,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) blocks: u64,
    pub(crate) links: u64,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) mtime: Mtime,
    pub(crate) ctime: Mtime,
}

impl FileStat {
    /// Of the entry `name` in a directory; symbolic links are not followed.
    pub(crate) fn of_entry(directory: impl AsFd, name: &CStr) -> Result<Self, Errno> {
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Self::from(&stat))
    }

    /// Of an open file.
    pub(crate) fn of_file(file: impl AsFd) -> Result<Self, Errno> {
        rustix::fs::fstat(file).map(|stat| Self::from(&stat))
    }

    /// Whether content may have changed between the two.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        (self.inode, self.size, self.mtime, self.ctime) == (other.inode, other.size, other.mtime, other.ctime)
    }

    /// Whether less is allocated than the length says.
    pub(crate) fn is_sparse(&self) -> bool {
        self.blocks.saturating_mul(512) < self.size
    }

    /// Adds everything that a change of the entry changes.
    pub(crate) fn fingerprint(&self, hasher: &mut blake3::Hasher) {
        let numbers = [
            u64::from(self.kind.as_raw_mode()),
            u64::from(self.mode),
            u64::from(self.uid),
            u64::from(self.gid),
            if self.kind == FileType::Directory { 0 } else { self.size },
            self.inode,
            self.mtime.secs.cast_unsigned(),
            u64::from(self.mtime.nanos),
            self.ctime.secs.cast_unsigned(),
            u64::from(self.ctime.nanos),
        ];
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
    }
}

impl From<&Stat> for FileStat {
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "the fields' types differ between platforms"
    )]
    fn from(stat: &Stat) -> Self {
        let nanos = |nanos| u32::try_from(nanos).unwrap_or(0);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
            links: u64::try_from(stat.st_nlink).unwrap_or(0),
            device: u64::try_from(stat.st_dev).unwrap_or(0),
            inode: u64::try_from(stat.st_ino).unwrap_or(0),
            mtime: Mtime { secs: i64::try_from(stat.st_mtime).unwrap_or(0), nanos: nanos(stat.st_mtime_nsec) },
            ctime: Mtime { secs: i64::try_from(stat.st_ctime).unwrap_or(0), nanos: nanos(stat.st_ctime_nsec) },
        }
    }
}

/// Names of users and groups, from `/etc/passwd` and `/etc/group`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<u32, Vec<u8>>,
    groups: HashMap<u32, Vec<u8>>,
}

impl Names {
    pub(crate) fn load() -> Self {
        Self { users: read_names("/etc/passwd"), groups: read_names("/etc/group") }
    }

    /// The number of a user with this name, as known here.
    pub(crate) fn user(&self, name: &[u8], number: u32) -> u32 {
        Self::find(&self.users, name, number)
    }

    /// The number of a group with this name, as known here.
    pub(crate) fn group(&self, name: &[u8], number: u32) -> u32 {
        Self::find(&self.groups, name, number)
    }

    fn find(names: &HashMap<u32, Vec<u8>>, name: &[u8], number: u32) -> u32 {
        if name.is_empty() || names.get(&number).is_some_and(|known| known == name) {
            return number;
        }
        names.iter().find(|(_, known)| *known == name).map_or(number, |(number, _)| *number)
    }

    /// What a tree records of an entry.
    pub(crate) fn meta(&self, stat: &FileStat, xattrs: Vec<Xattr>) -> Meta {
        Meta {
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            user: self.users.get(&stat.uid).cloned().unwrap_or_default(),
            group: self.groups.get(&stat.gid).cloned().unwrap_or_default(),
            mtime: stat.mtime,
            xattrs,
        }
    }
}

fn read_names(path: &str) -> HashMap<u32, Vec<u8>> {
    let text = std::fs::read(path).unwrap_or_default();
    let mut names = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if let Some(number) = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()) {
            names.entry(number).or_insert_with(|| name.to_vec());
        }
    }
    names
}

/// Extended attributes of an open file, ascending by name.
pub(crate) fn xattrs_of_file(file: impl AsFd) -> Result<Vec<Xattr>, Errno> {
    let mut small = [MaybeUninit::<u8>::uninit(); 512];
    let names = match flistxattr(&file, &mut small) {
        Ok(([], _)) => return Ok(Vec::new()),
        Ok((names, _)) => names.to_vec(),
        Err(Errno::RANGE) => grown(|buffer| flistxattr(&file, buffer))?,
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    collect(&names, |name| grown(|buffer| fgetxattr(&file, name, buffer)))
}

/// Extended attributes of a symbolic link itself, ascending by name.
pub(crate) fn xattrs_of_link(directory: impl AsFd, name: &CStr) -> Result<Vec<Xattr>, Errno> {
    // There is no call for a link in an open directory, but there is a short path to it.
    let mut path = format!("/proc/self/fd/{}/", directory.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    let path = path.as_slice();
    match grown(|buffer| llistxattr(path, buffer)) {
        Ok(names) => collect(&names, |name| grown(|buffer| lgetxattr(path, name, buffer))),
        Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn collect(names: &[u8], read: impl Fn(&[u8]) -> Result<Vec<u8>, Errno>) -> Result<Vec<Xattr>, Errno> {
    let mut xattrs = Vec::new();
    let mut total = 0;
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = match read(name) {
            Ok(value) => value,
            // Gone since it was listed, or not for us to read.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => continue,
            Err(error) => return Err(error),
        };
        total += name.len() + value.len();
        if total > XATTRS_MAX {
            return Err(Errno::TOOBIG);
        }
        xattrs.push(Xattr { name: name.to_vec(), value });
    }
    xattrs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(xattrs)
}

/// Calls with growing buffers until the answer fits.
fn grown(mut call: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut len = 256;
    loop {
        let mut buffer = vec![0; len];
        match call(&mut buffer) {
            Ok(found) => {
                buffer.truncate(found);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if len < XATTRS_MAX => len *= 4,
            Err(error) => return Err(error),
        }
    }
}
