//! One entry of a directory.

use parity_scale_codec::{Decode, Encode, Error, Input};
use primitives::Hash32;

use super::{ChunkRef, Content};

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot be the name of a directory entry: it is empty, `.`, `..`, longer than 255 bytes, or contains `/` or NUL"
)]
pub struct NameError {
    /// The name, lossily as text.
    pub name: String,
}

/// Why tree bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// An unknown version byte.
    #[error("tree chunk has version {found}, this program knows {known}", known = super::TREE_VERSION)]
    Version {
        /// Version found.
        found: u8,
    },
    /// Not a complete encoding.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What the decoder met.
        reason: String,
    },
    /// Names that do not ascend.
    #[error("directory entries are not in ascending order at {name:?}")]
    Order {
        /// The name, lossily as text.
        name: String,
    },
}

/// The name of a directory entry: 1 to 255 bytes, any but `/` and NUL, neither `.` nor `..`. Need not be UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Name(Vec<u8>);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] when it could mean anything but an entry of its own directory.
    pub fn new(bytes: Vec<u8>) -> Result<Self, NameError> {
        let bad = bytes.is_empty()
            || bytes.len() > 255
            || bytes == b"."
            || bytes == b".."
            || bytes.iter().any(|byte| matches!(byte, b'/' | 0));
        if bad { Err(NameError { name: String::from_utf8_lossy(&bytes).into_owned() }) } else { Ok(Self(bytes)) }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Decode for Name {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Self::new(Vec::decode(input)?).map_err(|_| "not a name".into())
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// When something was last modified: seconds since 1970 (negative before) and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Mtime {
    /// Seconds.
    pub secs: i64,
    /// Nanoseconds, below 10⁹.
    pub nanos: u32,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Xattr {
    /// Its name, with namespace (`user.comment`).
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// What is known of an entry besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Meta {
    /// Permission bits, set-id bits and sticky bit: 12 bits.
    pub mode: u32,
    /// Owner, as a number.
    pub uid: u32,
    /// Group, as a number.
    pub gid: u32,
    /// Owner's name; empty = unknown.
    pub user: Vec<u8>,
    /// Group's name; empty = unknown.
    pub group: Vec<u8>,
    /// Last modification.
    pub mtime: Mtime,
    /// Extended attributes, ascending by name.
    pub xattrs: Vec<Xattr>,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FileNode {
    /// Length in bytes; the sum of its pieces.
    pub size: u64,
    /// Its bytes.
    pub content: Content,
    /// Whether the file had holes; a restore then leaves zeros as holes.
    pub sparse: bool,
    /// Files of a snapshot with the same number here are one file under several names (hard links).
    pub link: Option<u64>,
}

/// A directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryNode {
    /// The tree chunks with its entries, in order; none = empty.
    pub chunks: Vec<ChunkRef>,
    /// Its content root.
    pub digest: Hash32,
    /// Regular files below it.
    pub files: u64,
    /// Directories below it.
    pub directories: u64,
    /// Sum of the sizes of the files below it.
    pub bytes: u64,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Node {
    /// A regular file.
    #[codec(index = 0)]
    File(FileNode),
    /// A directory.
    #[codec(index = 1)]
    Directory(DirectoryNode),
    /// A symbolic link.
    #[codec(index = 2)]
    Symlink {
        /// Where it points, as written.
        target: Vec<u8>,
    },
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// Mode, owner, times, attributes.
    pub meta: Meta,
    /// Kind and content.
    pub node: Node,
}
