//! Directories as bytes: entries with names, metadata and contents (`docs/spec/tree.md`).
//!
//! A directory is the concatenation of its entries in ascending order of name, in one or more tree chunks. A long
//! piece list goes into list chunks of its own, so that no entry grows without bound.
//!
//! ```text
//! Directory chunk = version 1 | Entry*          Entry = name | meta | node     (SCALE)
//! list chunk      = version 1 | Piece*          Piece = 0 | chunk id | len u32,  or 1 | zeros u64
//! ```

#![allow(clippy::cast_possible_truncation, reason = "SCALE's derive casts the indices of variants")]

mod directory;
mod entry;
mod pieces;

pub use directory::{DirectoryReader, DirectoryWriter};
pub use entry::{DirectoryNode, Entry, FileNode, Meta, Mtime, Name, NameError, Node, TreeError, Xattr};
pub use pieces::{ChunkRef, Content, DIRECT_MAX, LIST_MAX, Piece, Pieces, decode_list, encode_list};

/// The only version of directory and list chunks.
pub const TREE_VERSION: u8 = 1;
