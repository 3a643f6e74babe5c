//! Bytes that claim to be a shard, and bytes that are.

use primitives::{PackHeader, ShardId};

use crate::CodingError;
use crate::geometry::Geometry;

/// Bytes that claim to be a shard. `B` is whatever holds them: `Vec<u8>`, `bytes::Bytes`, `&[u8]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard<B = Vec<u8>> {
    /// Position in the pack, `0..k+m`.
    pub index: u8,
    /// The bytes.
    pub bytes: B,
}

impl<B: AsRef<[u8]>> Shard<B> {
    /// Checks length and hash against the pack's header.
    ///
    /// # Errors
    /// As [`CheckedShard::check`].
    pub fn check(self, header: &PackHeader) -> Result<CheckedShard<B>, CodingError> {
        CheckedShard::check(header, self.index, self.bytes)
    }
}

/// A shard whose bytes were hashed and are the ones in the pack's header. Nothing else can be decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedShard<B = Vec<u8>> {
    index: u8,
    id: ShardId,
    bytes: B,
}

impl<B: AsRef<[u8]>> CheckedShard<B> {
    /// Checks length and hash of `bytes` against shard `index` of the header.
    ///
    /// # Errors
    /// [`CodingError::Header`] when the header breaks its rules, [`CodingError::Index`] beyond its shards,
    /// [`CodingError::ShardLength`] or [`CodingError::ShardHash`] when the bytes are not the shard's.
    pub fn check(header: &PackHeader, index: u8, bytes: B) -> Result<Self, CodingError> {
        let geometry = Geometry::of_header(header)?;
        let expected = expected_id(header, index)?;
        Geometry::expect_len("shard", geometry.shard_len, bytes.as_ref().len()).map_err(|_| {
            CodingError::ShardLength { index, expected: geometry.shard_len, found: bytes.as_ref().len() }
        })?;
        let found = ShardId::of(bytes.as_ref());
        if found != expected {
            return Err(CodingError::ShardHash { index, expected, found });
        }
        Ok(Self { index, id: expected, bytes })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl<B> CheckedShard<B> {
    /// Position in the pack.
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// The shard's id.
    pub const fn id(&self) -> ShardId {
        self.id
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}

impl CheckedShard<Vec<u8>> {
    /// A shard that was computed: its hash tells whether the pack was encoded rightly.
    pub(crate) fn computed(header: &PackHeader, index: u8, bytes: Vec<u8>) -> Result<Self, CodingError> {
        let expected = expected_id(header, index)?;
        expect_computed(index, expected, &bytes)?;
        Ok(Self { index, id: expected, bytes })
    }
}

impl<B: AsRef<[u8]>> std::fmt::Debug for CheckedShard<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedShard")
            .field("index", &self.index)
            .field("id", &self.id)
            .field("len", &self.bytes.as_ref().len())
            .finish()
    }
}

/// The id that the header gives to shard `index`.
pub(crate) fn expected_id(header: &PackHeader, index: u8) -> Result<ShardId, CodingError> {
    header
        .shards
        .get(usize::from(index))
        .copied()
        .ok_or_else(|| CodingError::Index { width: header.policy.width(), found: index })
}

/// Refuses computed bytes that are not the shard in the header.
pub(crate) fn expect_computed(index: u8, expected: ShardId, bytes: &[u8]) -> Result<(), CodingError> {
    let found = ShardId::of(bytes);
    if found == expected { Ok(()) } else { Err(CodingError::Inconsistent { index, expected, found }) }
}
