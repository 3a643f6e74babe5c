//! The content root: a keyed digest of a tree's names and contents that the owner can recompute from files alone
//! (`docs/spec/content-root.md`).
//!
//! Times, owners, modes and attributes are left out: they change when files are copied. Kinds, names and bytes are in.
//!
//! ```text
//! file       keyed(K, 1 | piece* | 255 | size u64)        piece as in the tree: 0 | id 32 | len u32, or 1 | len u64
//! symlink    keyed(K, 2 | target)
//! directory  keyed(K, 3 | (name_len u32 | name | digest 32)*)   names ascending
//! ```

use parity_scale_codec::Encode;
use primitives::Hash32;
use zeroize::Zeroizing;

use crate::tree::{Name, Piece};

const FILE: u8 = 1;
const SYMLINK: u8 = 2;
const DIRECTORY: u8 = 3;
const FILE_END: u8 = 255;

/// The vault's content key.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// Wraps the key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*key))
    }

    /// Starts a file's digest.
    #[must_use]
    pub fn file(&self) -> FileDigest {
        FileDigest { hasher: self.hasher(FILE), size: 0 }
    }

    /// A symbolic link's digest.
    #[must_use]
    pub fn symlink(&self, target: &[u8]) -> Hash32 {
        let mut hasher = self.hasher(SYMLINK);
        hasher.update(target);
        Hash32::new(*hasher.finalize().as_bytes())
    }

    /// Starts a directory's digest.
    #[must_use]
    pub fn directory(&self) -> DirectoryDigest {
        DirectoryDigest { hasher: self.hasher(DIRECTORY) }
    }

    fn hasher(&self, tag: u8) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[tag]);
        hasher
    }
}

impl std::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}

/// A file's digest under way.
pub struct FileDigest {
    hasher: blake3::Hasher,
    size: u64,
}

impl FileDigest {
    /// Adds the file's next piece; runs of zeros must be joined ([`crate::tree::Pieces`] does).
    pub fn push(&mut self, piece: &Piece) {
        self.size = self.size.saturating_add(piece.len());
        piece.using_encoded(|bytes| self.hasher.update(bytes));
    }

    /// The digest.
    #[must_use]
    pub fn finish(mut self) -> Hash32 {
        self.hasher.update(&[FILE_END]).update(&self.size.to_le_bytes());
        Hash32::new(*self.hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileDigest").field("size", &self.size).finish_non_exhaustive()
    }
}

/// A directory's digest under way.
pub struct DirectoryDigest {
    hasher: blake3::Hasher,
}

impl DirectoryDigest {
    /// Adds the next entry; names must ascend.
    pub fn push(&mut self, name: &Name, digest: &Hash32) {
        let len = u32::try_from(name.as_bytes().len()).unwrap_or(u32::MAX);
        self.hasher.update(&len.to_le_bytes()).update(name.as_bytes()).update(digest.as_ref());
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Hash32 {
        Hash32::new(*self.hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for DirectoryDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectoryDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::ChunkId;

    #[test]
    fn kinds_names_order_and_sizes_all_count() {
        let key = ContentKey::new(&[1; 32]);
        let piece = |id: u8, len| Piece::Chunk { id: ChunkId::new([id; 32]), len };
        let file = |pieces: &[Piece]| {
            let mut digest = key.file();
            pieces.iter().for_each(|piece| digest.push(piece));
            digest.finish()
        };
        let name = |text: &[u8]| Name::new(text.to_vec()).unwrap();
        let directory = |entries: &[(&[u8], Hash32)]| {
            let mut digest = key.directory();
            entries.iter().for_each(|(text, hash)| digest.push(&name(text), hash));
            digest.finish()
        };
        let a = file(&[piece(1, 10)]);
        let all = [
            a,
            file(&[]),
            file(&[piece(1, 11)]),
            file(&[piece(1, 10), piece(2, 1)]),
            file(&[piece(1, 10), Piece::Zeros { len: 1 }]),
            key.symlink(b""),
            key.symlink(b"x"),
            directory(&[]),
            directory(&[(b"ab", a)]),
            directory(&[(b"a", a), (b"b", a)]),
            directory(&[(b"a", a)]),
            ContentKey::new(&[2; 32]).symlink(b"x"),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
