//! Which of the shards at hand are used.

use std::collections::BTreeMap;

use primitives::PackHeader;

use crate::geometry::Geometry;
use crate::shard::expected_id;
use crate::{CheckedShard, CodingError};

/// Exactly `k` distinct shards of one pack, by index; data shards are preferred because they need no computing.
pub(crate) struct Selection<'a> {
    pub(crate) geometry: Geometry,
    shards: BTreeMap<usize, &'a [u8]>,
}

impl<'a> Selection<'a> {
    /// Chooses `k` of the shards, all of which must be of this header's pack. Several of one index count once.
    pub(crate) fn of<B: AsRef<[u8]>>(header: &PackHeader, shards: &'a [CheckedShard<B>]) -> Result<Self, CodingError> {
        let geometry = Geometry::of_header(header)?;
        let mut chosen = BTreeMap::new();
        for shard in shards {
            let expected = expected_id(header, shard.index())?;
            if expected != shard.id() {
                return Err(CodingError::ShardHash { index: shard.index(), expected, found: shard.id() });
            }
            let found = shard.bytes().len();
            if found != geometry.shard_len {
                // Checked against another header with the same ids.
                return Err(CodingError::ShardLength { index: shard.index(), expected: geometry.shard_len, found });
            }
            chosen.insert(usize::from(shard.index()), shard.bytes());
        }
        Self::first_k(geometry, chosen)
    }

    /// Keeps the first `k`: with ascending indices these are all the data shards there are, then parity.
    pub(crate) fn first_k(geometry: Geometry, mut shards: BTreeMap<usize, &'a [u8]>) -> Result<Self, CodingError> {
        if shards.len() < geometry.k {
            let have = u8::try_from(shards.len()).unwrap_or(u8::MAX);
            return Err(CodingError::NotEnough { have, need: geometry.policy.data_shards() });
        }
        while shards.len() > geometry.k {
            shards.pop_last();
        }
        Ok(Self { geometry, shards })
    }

    /// The chosen shard at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.shards.get(&index).copied()
    }

    /// Some chosen shard; there is always one, because `k ≥ 1`.
    pub(crate) fn any(&self) -> &'a [u8] {
        self.shards.values().next().copied().unwrap_or_default()
    }

    /// Whether a data shard is not among the chosen.
    pub(crate) fn lacks_data(&self) -> bool {
        self.missing_data().next().is_some()
    }

    /// Indices of data shards that must be computed.
    pub(crate) fn missing_data(&self) -> impl Iterator<Item = usize> + use<'_, 'a> {
        (0..self.geometry.k).filter(|index| !self.shards.contains_key(index))
    }

    /// The chosen shards with their indices, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'_, 'a> {
        self.shards.iter().map(|(index, bytes)| (*index, *bytes))
    }
}
