//! Any `k` checked shards to the pack.

use std::ops::Range;

use primitives::PackHeader;
use reed_solomon_simd::ReedSolomonDecoder;

use crate::combine::{Combination, LOST_MAX};
use crate::geometry::Geometry;
use crate::select::Selection;
use crate::shard::{expect_computed, expected_id};
use crate::{CheckedShard, CodingError};

/// Bytes of each shard that the transforms decode at a time: every decoding costs 0.17 ms whatever its size, and beyond
/// 1 MiB the working memory leaves the caches. Few lost shards are decoded without them.
pub(crate) const STRIPE: usize = 256 * 1024;

/// Puts packs together again. Keep one per thread: it keeps its working memory between packs.
#[derive(Default)]
pub struct Decoder {
    engine: Option<ReedSolomonDecoder>,
}

impl Decoder {
    /// A decoder without working memory yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { engine: None }
    }

    /// The pack of these shards, of which any `k` distinct ones suffice.
    ///
    /// # Errors
    /// As [`Self::decode_into`], without the buffer.
    pub fn decode<B: AsRef<[u8]>>(
        &mut self,
        header: &PackHeader,
        shards: &[CheckedShard<B>],
    ) -> Result<Vec<u8>, CodingError> {
        let selection = Selection::of(header, shards)?;
        let mut pack = vec![0; selection.geometry.pack_len()];
        self.fill(header, &selection, &mut pack)?;
        Ok(pack)
    }

    /// Writes the pack of these shards into `pack`, which has `k` shard lengths. Computed shards are hashed too.
    ///
    /// # Errors
    /// [`CodingError::NotEnough`] with fewer than `k` distinct shards, [`CodingError::ShardHash`] or
    /// [`CodingError::Index`] for a shard of another pack, [`CodingError::BufferLength`] when `pack` has another length,
    /// [`CodingError::Inconsistent`] when the maker of the pack encoded it wrongly, [`CodingError::Header`] when the
    /// header breaks its rules.
    pub fn decode_into<B: AsRef<[u8]>>(
        &mut self,
        header: &PackHeader,
        shards: &[CheckedShard<B>],
        pack: &mut [u8],
    ) -> Result<(), CodingError> {
        let selection = Selection::of(header, shards)?;
        Geometry::expect_len("pack", selection.geometry.pack_len(), pack.len())?;
        self.fill(header, &selection, pack)
    }

    fn fill(&mut self, header: &PackHeader, selection: &Selection<'_>, pack: &mut [u8]) -> Result<(), CodingError> {
        let geometry = selection.geometry;
        if geometry.policy.is_copies() {
            pack.copy_from_slice(selection.any());
            return Ok(());
        }
        for (index, target) in pack.chunks_exact_mut(geometry.shard_len).enumerate() {
            if let Some(source) = selection.get(index) {
                target.copy_from_slice(source);
            }
        }
        if !selection.lacks_data() {
            return Ok(());
        }
        let lost: Vec<usize> = selection.missing_data().collect();
        if lost.len() <= LOST_MAX {
            let rows = pack.chunks_exact_mut(geometry.shard_len).enumerate();
            let mut targets: Vec<&mut [u8]> =
                rows.filter(|(index, _)| lost.contains(index)).map(|(_, row)| row).collect();
            Combination::of(selection, &lost)?.compute(&mut targets);
        } else {
            for stripe in geometry.stripes(STRIPE) {
                self.restore_columns(selection, &stripe, geometry.columns_mut(pack, &stripe))?;
            }
        }
        for (index, bytes) in (0..=u8::MAX).zip(pack.chunks_exact(geometry.shard_len)) {
            if selection.get(usize::from(index)).is_none() {
                expect_computed(index, expected_id(header, index)?, bytes)?;
            }
        }
        Ok(())
    }

    /// Computes the columns `stripe` of all missing data shards into their rows; `rows` has one row of the stripe's length
    /// per data shard, and those at hand are left as they are.
    pub(crate) fn restore_columns<'r>(
        &mut self,
        selection: &Selection<'_>,
        stripe: &Range<usize>,
        rows: impl Iterator<Item = &'r mut [u8]>,
    ) -> Result<(), CodingError> {
        let Geometry { k, m, .. } = selection.geometry;
        let engine = self.set_up(k, m, stripe.len())?;
        for (index, bytes) in selection.iter() {
            let columns = bytes.get(stripe.clone()).expect("a stripe lies inside the shard");
            match index.checked_sub(k) {
                None => engine.add_original_shard(index, columns)?,
                Some(row) => engine.add_recovery_shard(row, columns)?,
            }
        }
        let restored = engine.decode()?;
        for (index, target) in rows.enumerate() {
            if let Some(source) = restored.restored_original(index) {
                Geometry::expect_len("data column", source.len(), target.len())?;
                target.copy_from_slice(source);
            }
        }
        Ok(())
    }

    /// The engine for this shape, empty.
    fn set_up(&mut self, k: usize, m: usize, len: usize) -> Result<&mut ReedSolomonDecoder, CodingError> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => ReedSolomonDecoder::new(k, m, len)?,
        };
        // Also clears what a decoding that failed half-way left behind.
        engine.reset(k, m, len)?;
        Ok(self.engine.insert(engine))
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("warm", &self.engine.is_some()).finish()
    }
}

/// The pack of these shards, of which any `k` distinct ones suffice, with a decoder of its own.
///
/// # Errors
/// As [`Decoder::decode_into`], without the buffer.
pub fn decode<B: AsRef<[u8]>>(header: &PackHeader, shards: &[CheckedShard<B>]) -> Result<Vec<u8>, CodingError> {
    Decoder::new().decode(header, shards)
}
