//! All shards of a pack, borrowed from the pack and its parity.

use primitives::{PackHeader, Policy, ShardId};

use crate::CodingError;
use crate::geometry::Geometry;

/// All `k + m` shards of a pack: data shards are slices of the pack, parity shards slices of the parity buffer, and the
/// shards of copies are the pack itself.
#[derive(Clone, Copy, Debug)]
pub struct Shards<'a> {
    geometry: Geometry,
    pack: &'a [u8],
    parity: &'a [u8],
}

impl<'a> Shards<'a> {
    /// Joins a pack and the parity that an [`crate::Encoder`] computed for it.
    ///
    /// # Errors
    /// [`CodingError::PackLength`] when the pack cannot be cut for `policy`, [`CodingError::BufferLength`] when the parity
    /// has another length than [`crate::parity_bytes`].
    pub fn new(policy: Policy, pack: &'a [u8], parity: &'a [u8]) -> Result<Self, CodingError> {
        let geometry = Geometry::of_pack(policy, pack.len())?;
        Geometry::expect_len("parity", geometry.parity_len(), parity.len())?;
        Ok(Self { geometry, pack, parity })
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.geometry.policy
    }

    /// Bytes of each shard.
    #[must_use]
    pub const fn shard_bytes(&self) -> usize {
        self.geometry.shard_len
    }

    /// The shard at `index`; `None` beyond the last.
    #[must_use]
    pub fn shard(&self, index: u8) -> Option<&'a [u8]> {
        let policy = self.geometry.policy;
        if index >= policy.width() {
            return None;
        }
        if policy.is_copies() {
            return Some(self.pack);
        }
        let at = usize::from(index);
        let (source, row) = match at.checked_sub(self.geometry.k) {
            None => (self.pack, at),
            Some(row) => (self.parity, row),
        };
        let start = row.saturating_mul(self.geometry.shard_len);
        source.get(start..start.saturating_add(self.geometry.shard_len))
    }

    /// All shards, data first.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let shards = *self;
        (0..shards.geometry.policy.width()).filter_map(move |index| shards.shard(index))
    }

    /// The ids of all shards, data first. Copies are hashed once.
    #[must_use]
    pub fn ids(&self) -> Vec<ShardId> {
        if self.geometry.policy.is_copies() {
            return vec![ShardId::of(self.pack); usize::from(self.geometry.policy.width())];
        }
        self.iter().map(ShardId::of).collect()
    }

    /// The header of the pack: hashes all shards.
    #[must_use]
    pub fn header(&self) -> PackHeader {
        PackHeader {
            policy: self.geometry.policy,
            shard_len: u32::try_from(self.geometry.shard_len).unwrap_or(u32::MAX),
            shards: self.ids(),
        }
    }
}

/// The ids of these shards.
#[must_use]
pub fn shard_ids<T: AsRef<[u8]>>(shards: &[T]) -> Vec<ShardId> {
    shards.iter().map(|shard| ShardId::of(shard.as_ref())).collect()
}

/// The header of a pack whose shards are all at hand, data first.
///
/// # Errors
/// [`CodingError::Header`] when there are not `k + m` of them or their length breaks the header's rules,
/// [`CodingError::ShardLength`] when their lengths differ.
pub fn header<T: AsRef<[u8]>>(policy: Policy, shards: &[T]) -> Result<PackHeader, CodingError> {
    let expected = shards.first().map_or(0, |shard| shard.as_ref().len());
    for (index, shard) in (0..=u8::MAX).zip(shards) {
        let found = shard.as_ref().len();
        if found != expected {
            return Err(CodingError::ShardLength { index, expected, found });
        }
    }
    let header =
        PackHeader { policy, shard_len: u32::try_from(expected).unwrap_or(u32::MAX), shards: shard_ids(shards) };
    header.check()?;
    Ok(header)
}
