//! Parts of shards: proven with BLAKE3's own tree, and decoded alone.
//!
//! A shard's id is its plain BLAKE3 hash, so an *outboard* (the inner hashes of its tree above groups of 16 KiB) lets a
//! holder prove any byte range of the shard, and a reader check it against the id. Because the code works column by
//! column, the bytes `a..b` of a lost shard follow from the bytes `a..b` of any `k` others.

use std::collections::BTreeMap;
use std::ops::Range;

use bao_tree::io::BaoContentItem;
use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::io::round_up_to_chunks;
use bao_tree::io::sync::{DecodeResponseIter, encode_ranges_validated};
use bao_tree::{BaoTree, BlockSize, ByteRanges, ChunkRanges};
use primitives::{PackHeader, ShardId};

pub use bao_tree::io::sync::ReadAt;

use crate::decoder::{Decoder, STRIPE};
use crate::geometry::{BLOCK, Geometry};
use crate::select::Selection;
use crate::shard::expected_id;
use crate::{CheckedShard, CodingError};

/// A leaf of the outboard: 2⁴ BLAKE3 chunks of 1 KiB.
const GROUP: BlockSize = BlockSize::from_chunk_log(4);

/// Why a range is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Empty, backwards, or beyond the shard's end.
    #[error("bytes {start}..{end} are no range of a shard of {len} bytes")]
    Bounds {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Length of the shard, bytes.
        len: u64,
    },
    /// An outboard of another length than the shard needs.
    #[error("the outboard has {found} bytes, a shard of {len} bytes needs {expected}")]
    Outboard {
        /// Length of the shard, bytes.
        len: u64,
        /// Bytes needed.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// The holder's own bytes or outboard do not match the id, or cannot be read.
    #[error("the shard's bytes cannot be served: {reason}")]
    Source {
        /// What is wrong.
        reason: String,
    },
    /// The proof does not lead to the shard's id, is cut off, or has bytes left over.
    #[error("the range is not proven: {reason}")]
    Proof {
        /// What is wrong.
        reason: String,
    },
    /// The header or index is wrong.
    #[error(transparent)]
    Coding(#[from] CodingError),
}

/// The id of these shard bytes and their outboard, in one pass: it costs a quarter more than hashing and gives both.
///
/// The outboard holds pairs of child hashes in pre-order, 64 bytes each, one fewer than there are groups of 16 KiB;
/// it is empty for shards of one group.
#[must_use]
pub fn outboard(bytes: &[u8]) -> (ShardId, Vec<u8>) {
    let outboard = PreOrderMemOutboard::create(bytes, GROUP);
    (ShardId::new(*outboard.root.as_bytes()), outboard.data)
}

/// Bytes of the outboard of a shard of `shard_len` bytes.
#[must_use]
pub fn outboard_bytes(shard_len: u64) -> u64 {
    BaoTree::new(shard_len, GROUP).outboard_size()
}

/// The proven bytes `range` of the shard `id`, for [`verify_range`]: hash pairs and data in pre-order, widened to whole
/// 1 KiB chunks. Reads from `source` only the groups that the range touches, and checks them before they go out.
///
/// # Errors
/// [`RangeError::Bounds`], [`RangeError::Outboard`], or [`RangeError::Source`] when the bytes are rotten.
pub fn encode_range(
    id: &ShardId,
    shard_len: u64,
    outboard: &[u8],
    source: impl ReadAt,
    range: Range<u64>,
) -> Result<Vec<u8>, RangeError> {
    let chunks = chunk_ranges(shard_len, &range)?;
    let tree = BaoTree::new(shard_len, GROUP);
    let (expected, found) = (tree.outboard_size(), u64::try_from(outboard.len()).unwrap_or(u64::MAX));
    if expected != found {
        return Err(RangeError::Outboard { len: shard_len, expected, found });
    }
    let outboard = PreOrderMemOutboard { root: (*id.as_bytes()).into(), tree, data: outboard };
    let mut encoded = Vec::new();
    encode_ranges_validated(source, &outboard, &chunks, &mut encoded)
        .map_err(|error| RangeError::Source { reason: error.to_string() })?;
    Ok(encoded)
}

/// Bytes of one shard that are proven to be the ones in the pack's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRange {
    index: u8,
    id: ShardId,
    start: u64,
    bytes: Vec<u8>,
}

impl CheckedRange {
    /// A part of a shard that is checked already.
    ///
    /// # Errors
    /// [`RangeError::Bounds`] when it is not inside the shard.
    pub fn of_shard<B: AsRef<[u8]>>(shard: &CheckedShard<B>, range: Range<u64>) -> Result<Self, RangeError> {
        let len = u64::try_from(shard.bytes().len()).unwrap_or(u64::MAX);
        let bounds = || RangeError::Bounds { start: range.start, end: range.end, len };
        let start = usize::try_from(range.start).map_err(|_| bounds())?;
        let end = usize::try_from(range.end).map_err(|_| bounds())?;
        let bytes = shard.bytes().get(start..end).filter(|bytes| !bytes.is_empty()).ok_or_else(bounds)?;
        Ok(Self { index: shard.index(), id: shard.id(), start: range.start, bytes: bytes.to_vec() })
    }

    /// Position of the shard in the pack.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// The bytes of the shard that these are.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Checks what [`encode_range`] made against shard `index` of the header and returns exactly the bytes `range`.
///
/// # Errors
/// [`RangeError::Bounds`], [`RangeError::Proof`], or [`RangeError::Coding`] for a wrong header or index.
pub fn verify_range(
    header: &PackHeader,
    index: u8,
    range: Range<u64>,
    encoded: &[u8],
) -> Result<CheckedRange, RangeError> {
    header.check().map_err(CodingError::from)?;
    let id = expected_id(header, index)?;
    // The size comes from the header: a proof of bytes before the end does not bind it.
    let shard_len = u64::from(header.shard_len);
    let chunks = chunk_ranges(shard_len, &range)?;
    let mut rest = encoded;
    let mut bytes = Vec::new();
    let mut first = None;
    for item in DecodeResponseIter::new((*id.as_bytes()).into(), BaoTree::new(shard_len, GROUP), &mut rest, &chunks) {
        if let BaoContentItem::Leaf(leaf) = item.map_err(|error| RangeError::Proof { reason: error.to_string() })? {
            first.get_or_insert(leaf.offset);
            bytes.extend_from_slice(&leaf.data);
        }
    }
    if !rest.is_empty() {
        return Err(RangeError::Proof { reason: format!("{} bytes left over", rest.len()) });
    }
    let skip = range.start.checked_sub(first.unwrap_or_default()).and_then(|skip| usize::try_from(skip).ok());
    let len = usize::try_from(range.end.saturating_sub(range.start)).ok();
    let wanted = skip.zip(len).and_then(|(skip, len)| bytes.get(skip..skip.checked_add(len)?));
    let bytes = wanted.ok_or_else(|| RangeError::Proof { reason: "the proof covers other bytes".to_owned() })?;
    Ok(CheckedRange { index, id, start: range.start, bytes: bytes.to_vec() })
}

/// Computes bytes of data shard `index` from the same bytes of any `k` other shards. The range must lie on 64-byte borders
/// ([`whole_blocks`] widens one).
///
/// What is computed cannot be checked against the shard's id, because that covers the whole shard: the reader's own
/// check (a frame's seal) must follow, and whole shards are rebuilt with [`crate::rebuild`], which does check. One call
/// costs about 0.17 ms however short the range: read 256 KiB or more at once when more will be wanted.
///
/// # Errors
/// [`CodingError::NotEnough`] with fewer than `k` distinct ones, [`CodingError::Columns`] when the ranges differ or are not on
/// 64-byte borders, [`CodingError::Index`] when `index` is not a data shard's, [`CodingError::ShardHash`] for a range of another
/// pack, [`CodingError::Header`] when the header breaks its rules.
pub fn decode_range(header: &PackHeader, ranges: &[CheckedRange], index: u8) -> Result<Vec<u8>, CodingError> {
    let geometry = Geometry::of_header(header)?;
    if usize::from(index) >= geometry.k {
        return Err(CodingError::Index { width: header.policy.data_shards(), found: index });
    }
    let mut columns: BTreeMap<usize, &[u8]> = BTreeMap::new();
    let mut common = None;
    for part in ranges {
        let expected = expected_id(header, part.index)?;
        if expected != part.id {
            return Err(CodingError::ShardHash { index: part.index, expected, found: part.id });
        }
        let range = part.range();
        if *common.get_or_insert_with(|| range.clone()) != range || whole_blocks(header.shard_len, &range) != range {
            let shard_len = u64::from(header.shard_len);
            return Err(CodingError::Columns { start: range.start, end: range.end, shard_len });
        }
        columns.insert(usize::from(part.index), &part.bytes);
    }
    let len = columns.values().next().map_or(0, |bytes| bytes.len());
    // Taken before the choice of k: a range of the very shard answers at once.
    if let Some(bytes) = columns.get(&usize::from(index)) {
        return Ok(bytes.to_vec());
    }
    let selection = Selection::first_k(Geometry { shard_len: len, ..geometry }, columns)?;
    if geometry.policy.is_copies() {
        return Ok(selection.any().to_vec());
    }
    let part = selection.geometry;
    let mut rows = vec![0; part.pack_len()];
    let mut decoder = Decoder::new();
    for stripe in part.stripes(STRIPE) {
        decoder.restore_columns(&selection, &stripe, part.columns_mut(&mut rows, &stripe))?;
    }
    let start = usize::from(index).saturating_mul(len);
    Ok(rows.get(start..start.saturating_add(len)).unwrap_or_default().to_vec())
}

/// Widens a range of a shard of `shard_len` bytes to 64-byte borders, for [`decode_range`].
#[must_use]
pub fn whole_blocks(shard_len: u32, range: &Range<u64>) -> Range<u64> {
    let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
    let start = range.start.saturating_sub(range.start.checked_rem(block).unwrap_or(0));
    let end = range.end.checked_next_multiple_of(block).unwrap_or(u64::MAX).min(u64::from(shard_len));
    start..end
}

/// The 1 KiB chunks that a range touches.
fn chunk_ranges(len: u64, range: &Range<u64>) -> Result<ChunkRanges, RangeError> {
    if range.start >= range.end || range.end > len {
        return Err(RangeError::Bounds { start: range.start, end: range.end, len });
    }
    Ok(round_up_to_chunks(&ByteRanges::from(range.clone())))
}

#[cfg(test)]
#[path = "range_test.rs"]
mod tests;
