//! A file's content as a list of pieces.

use parity_scale_codec::{Decode, Encode};
use primitives::{ChunkId, Hash32};

use super::{TREE_VERSION, TreeError};

/// Most pieces that an entry holds itself: about 1.2 GiB of file.
pub const DIRECT_MAX: usize = 1024;
/// Pieces in one list chunk: about 20 GiB of file, 600 KiB of list.
pub const LIST_MAX: usize = 16 * 1024;

/// A stored chunk: id and plain length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ChunkRef {
    /// The chunk.
    pub id: ChunkId,
    /// Its length, bytes.
    pub len: u32,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Piece {
    /// A stored chunk.
    #[codec(index = 0)]
    Chunk {
        /// The chunk.
        id: ChunkId,
        /// Its length, bytes.
        len: u32,
    },
    /// Zeros that are not stored, a multiple of [`crate::chunk::ZERO_RUN`].
    #[codec(index = 1)]
    Zeros {
        /// How many, bytes.
        len: u64,
    },
}

impl Piece {
    /// Its length in the file, bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Chunk { len, .. } => u64::from(*len),
            Self::Zeros { len } => *len,
        }
    }

    /// Whether it has no bytes; no piece of a file is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Content {
    /// The pieces themselves, at most [`DIRECT_MAX`].
    #[codec(index = 0)]
    Direct(Vec<Piece>),
    /// List chunks that hold the pieces, [`LIST_MAX`] in each but the last.
    #[codec(index = 1)]
    Indirect {
        /// The file's content digest, which is otherwise computed from the pieces.
        digest: Hash32,
        /// Number of pieces.
        pieces: u64,
        /// The list chunks, in order.
        lists: Vec<ChunkRef>,
    },
}

/// Collects pieces and joins neighbouring runs of zeros, so that a content has one form only.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    pieces: Vec<Piece>,
}

impl Pieces {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { pieces: Vec::new() }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: Piece) {
        if let (Some(Piece::Zeros { len }), Piece::Zeros { len: more }) = (self.pieces.last_mut(), piece) {
            *len = len.saturating_add(more);
        } else {
            self.pieces.push(piece);
        }
    }

    /// All pieces, in order.
    #[must_use]
    pub fn into_vec(self) -> Vec<Piece> {
        self.pieces
    }
}

/// The bytes of one list chunk.
#[must_use]
pub fn encode_list(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pieces.len().saturating_mul(37).saturating_add(1));
    bytes.push(TREE_VERSION);
    pieces.iter().for_each(|piece| piece.encode_to(&mut bytes));
    bytes
}

/// The pieces of one list chunk.
///
/// # Errors
/// [`TreeError`] when the bytes are not exactly a list.
pub fn decode_list(bytes: &[u8]) -> Result<Vec<Piece>, TreeError> {
    let (version, mut rest) = bytes.split_first().ok_or(TreeError::Version { found: 0 })?;
    if *version != TREE_VERSION {
        return Err(TreeError::Version { found: *version });
    }
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let piece = Piece::decode(&mut rest)
            .map_err(|error| TreeError::Malformed { what: "piece", reason: error.to_string() })?;
        pieces.push(piece);
    }
    Ok(pieces)
}
