//! Splits a directory's entries into tree chunks and reads them back.

use parity_scale_codec::{Decode, Encode};

use super::{Entry, Name, TREE_VERSION, TreeError};

/// From this length on a chunk ends at the next name whose hash says so, bytes.
const SOFT: usize = 512 * 1024;
/// From this length on a chunk ends at the next entry, bytes; the longest entry keeps it below the longest chunk.
const HARD: usize = 1024 * 1024;
/// One name in this many ends a chunk.
const EVERY: u8 = 32;

/// Encodes entries into tree chunks. Where a chunk ends depends on the names, so that an added file changes one chunk
/// of a large directory and not all that follow.
#[derive(Debug)]
pub struct DirectoryWriter {
    bytes: Vec<u8>,
}

impl Default for DirectoryWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl DirectoryWriter {
    /// No entries yet.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: vec![TREE_VERSION] }
    }

    /// Adds the next entry, names ascending; returns a chunk when one is complete.
    #[must_use = "a complete chunk must be stored"]
    pub fn push(&mut self, entry: &Entry) -> Option<Vec<u8>> {
        entry.encode_to(&mut self.bytes);
        let ends = self.bytes.len() >= HARD || (self.bytes.len() >= SOFT && is_boundary(&entry.name));
        ends.then(|| std::mem::replace(&mut self.bytes, vec![TREE_VERSION]))
    }

    /// The last chunk; `None` when nothing is left.
    #[must_use = "the last chunk must be stored"]
    pub fn finish(self) -> Option<Vec<u8>> {
        (self.bytes.len() > 1).then_some(self.bytes)
    }
}

fn is_boundary(name: &Name) -> bool {
    blake3::hash(name.as_bytes()).as_bytes().first().is_some_and(|byte| byte.is_multiple_of(EVERY))
}

/// Reads the entries of one tree chunk and checks their order.
#[derive(Debug)]
pub struct DirectoryReader<'a> {
    rest: &'a [u8],
    last: Option<Name>,
}

impl<'a> DirectoryReader<'a> {
    /// A reader of one chunk that follows the entry `after`, if any.
    ///
    /// # Errors
    /// [`TreeError::Version`] for an unknown version.
    pub fn new(bytes: &'a [u8], after: Option<Name>) -> Result<Self, TreeError> {
        match bytes.split_first() {
            Some((&TREE_VERSION, rest)) => Ok(Self { rest, last: after }),
            found => Err(TreeError::Version { found: found.map_or(0, |(version, _)| *version) }),
        }
    }
}

impl Iterator for DirectoryReader<'_> {
    type Item = Result<Entry, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = match Entry::decode(&mut self.rest) {
            Ok(entry) => entry,
            Err(error) => {
                self.rest = &[];
                return Some(Err(TreeError::Malformed { what: "entry", reason: error.to_string() }));
            }
        };
        if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
            self.rest = &[];
            return Some(Err(TreeError::Order { name: entry.name.to_string() }));
        }
        self.last = Some(entry.name.clone());
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChunkRef, Content, DirectoryNode, FileNode, Meta, Mtime, Node, Piece, Xattr};
    use super::*;
    use primitives::{ChunkId, Hash32};
    use proptest::prelude::*;

    fn file(name: &[u8]) -> Entry {
        let pieces = vec![Piece::Chunk { id: ChunkId::new([1; 32]), len: 5 }, Piece::Zeros { len: 4 << 20 }];
        let node = FileNode { size: (4 << 20) + 5, content: Content::Direct(pieces), sparse: true, link: Some(9) };
        let meta = Meta {
            mode: 0o4755,
            uid: 1000,
            gid: 100,
            user: b"ann".to_vec(),
            group: b"users".to_vec(),
            mtime: Mtime { secs: -1, nanos: 999_999_999 },
            xattrs: vec![Xattr { name: b"user.x".to_vec(), value: vec![0, 255] }],
        };
        Entry { name: Name::new(name.to_vec()).unwrap(), meta, node: Node::File(node) }
    }

    fn read(chunks: &[Vec<u8>]) -> Result<Vec<Entry>, TreeError> {
        let mut entries: Vec<Entry> = Vec::new();
        for chunk in chunks {
            let after = entries.last().map(|entry| entry.name.clone());
            for entry in DirectoryReader::new(chunk, after)? {
                entries.push(entry?);
            }
        }
        Ok(entries)
    }

    fn written(entries: &[Entry]) -> Vec<Vec<u8>> {
        let mut writer = DirectoryWriter::new();
        let mut chunks: Vec<Vec<u8>> = entries.iter().filter_map(|entry| writer.push(entry)).collect();
        chunks.extend(writer.finish());
        chunks
    }

    #[test]
    fn every_kind_of_entry_round_trips() {
        let directory = DirectoryNode {
            chunks: vec![ChunkRef { id: ChunkId::new([2; 32]), len: 7 }],
            digest: Hash32::new([3; 32]),
            files: 1,
            directories: 2,
            bytes: 3,
        };
        let name = |bytes: &[u8]| Name::new(bytes.to_vec()).unwrap();
        let entries = [
            file(b"a\nb"),
            Entry { name: name(b"dir"), meta: Meta::default(), node: Node::Directory(directory) },
            Entry { name: name(b"link"), meta: Meta::default(), node: Node::Symlink { target: b"../\xff".to_vec() } },
            file(b"\xff\xfe"),
        ];
        assert_eq!(read(&written(&entries)).unwrap(), entries);
        assert!(written(&[]).is_empty());
    }

    #[test]
    fn names_that_could_leave_the_directory_are_refused() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b", &[b'x'; 256]] {
            assert!(Name::new(bad.to_vec()).is_err());
            assert!(Name::decode(&mut &bad.to_vec().encode()[..]).is_err());
        }
        assert!(Name::new(b"...".to_vec()).is_ok());
    }

    #[test]
    fn disorder_duplicates_damage_and_other_versions_are_refused() {
        let (a, b) = (file(b"a"), file(b"b"));
        for pair in [[&b, &a], [&a, &a]] {
            let bytes = [vec![TREE_VERSION], pair[0].encode(), pair[1].encode()].concat();
            assert!(matches!(read(&[bytes]), Err(TreeError::Order { .. })));
        }
        let chunks = written(&[a, b]);
        assert!(matches!(read(&[chunks[0].clone(), chunks[0].clone()]), Err(TreeError::Order { .. })));
        let cut = chunks[0][..chunks[0].len() - 1].to_vec();
        assert!(matches!(read(&[cut]), Err(TreeError::Malformed { .. })));
        assert_eq!(read(&[vec![2]]), Err(TreeError::Version { found: 2 }));
        assert_eq!(read(&[vec![]]), Err(TreeError::Version { found: 0 }));
    }

    #[test]
    fn one_more_file_changes_one_chunk_of_a_large_directory() {
        let entries: Vec<Entry> = (0..60_000).map(|n| file(format!("file-{n:06}").as_bytes())).collect();
        let mut more = entries.clone();
        more.insert(20_000, file(b"file-019999-and-a-half"));
        let (before, after) = (written(&entries), written(&more));
        assert!(before.len() > 5);
        let changed = after.iter().filter(|chunk| !before.contains(chunk)).count();
        assert!(changed <= 2, "{changed} of {} chunks changed", after.len());
        assert!(after.iter().all(|chunk| chunk.len() <= crate::chunk::CHUNK_MAX));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&[[vec![TREE_VERSION], bytes.clone()].concat()]);
            let _ = super::super::decode_list(&[vec![TREE_VERSION], bytes].concat());
        }
    }
}
