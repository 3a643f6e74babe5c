//! A few lost shards as sums of the shards at hand, each multiplied by a number that only depends on which are lost.
//!
//! The code is linear and treats all symbols of a shard alike, so what the transforms of the general decoder do to one symbol
//! they do to all. The multipliers are read off once, from shards of a block or two that hold a single 1 each; then every
//! lost byte costs one multiplication and one addition a source, in the first-level cache and without transforms.

use std::collections::BTreeMap;
use std::ops::Range;

use reed_solomon_simd::engine::{DefaultEngine, Engine, GfElement, tables};

use crate::CodingError;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::geometry::{BLOCK, Geometry};
use crate::select::Selection;

/// Up to so many lost shards cost less than the transforms. Measured with packs of 32 MiB: 3 ms a lost shard, and 25 ms (4+2)
/// to 60 ms (64+64) for the transforms.
pub(crate) const LOST_MAX: usize = 12;
/// Bytes that are combined at a time: those of the sources, the products and the sums share a first-level cache.
const TILE: usize = 4096;
/// Symbols of a block of 64 bytes: the low bytes of all, then the high bytes.
const SYMBOLS: usize = 32;

/// How to compute some shards of a pack from `k` others.
pub(crate) struct Combination<'a> {
    sources: Vec<&'a [u8]>,
    /// The multiplier of each source, per lost shard.
    rows: Vec<Vec<GfElement>>,
    engine: DefaultEngine,
}

impl<'a> Combination<'a> {
    /// For the shards `lost`, none of which is selected; the selection is of a policy with parity.
    pub(crate) fn of(selection: &Selection<'a>, lost: &[usize]) -> Result<Self, CodingError> {
        let units = Units::of(selection)?;
        let rows = lost.iter().map(|index| units.multipliers(*index)).collect();
        Ok(Self { sources: selection.iter().map(|(_, bytes)| bytes).collect(), rows, engine: DefaultEngine::new() })
    }

    /// Writes the lost shards into `targets`, in the order in which they were named; all have the shard length.
    pub(crate) fn compute(&self, targets: &mut [&mut [u8]]) {
        let len = self.sources.first().map_or(0, |source| source.len());
        let mut product = vec![[0u8; BLOCK]; TILE / BLOCK];
        for start in (0..len).step_by(TILE) {
            let tile = start..start.saturating_add(TILE).min(len);
            for (target, row) in targets.iter_mut().zip(&self.rows) {
                if let Some(target) = target.get_mut(tile.clone()) {
                    self.sum(row, &tile, target, &mut product);
                }
            }
        }
    }

    /// One tile of one lost shard.
    fn sum(&self, row: &[GfElement], tile: &Range<usize>, target: &mut [u8], product: &mut [[u8; BLOCK]]) {
        target.fill(0);
        let log = &tables::get_exp_log().log;
        for (source, multiplier) in self.sources.iter().zip(row) {
            let Some(source) = source.get(tile.clone()) else { continue };
            let Some(logarithm) = log.get(usize::from(*multiplier)).filter(|_| *multiplier != 0) else { continue };
            let blocks = product.get_mut(..source.len().div_ceil(BLOCK)).unwrap_or_default();
            blocks.as_flattened_mut().copy_from_slice(source);
            self.engine.mul(blocks, *logarithm);
            for (sum, product) in target.iter_mut().zip(blocks.as_flattened()) {
                *sum ^= product;
            }
        }
    }
}

/// All shards of a pack in which symbol `s` is the 1 of source `s`, and nothing else.
struct Units {
    shards: Vec<Vec<u8>>,
    sources: usize,
}

impl Units {
    fn of(selection: &Selection<'_>) -> Result<Self, CodingError> {
        let Geometry { k, m, .. } = selection.geometry;
        let shard_len = k.div_ceil(SYMBOLS).saturating_mul(BLOCK);
        let geometry = Geometry { shard_len, ..selection.geometry };
        let unit = |number: usize| {
            let mut bytes = vec![0; shard_len];
            if let Some(low) = bytes.get_mut(low_byte(number)) {
                *low = 1;
            }
            bytes
        };
        let sources: BTreeMap<usize, Vec<u8>> =
            selection.iter().enumerate().map(|(number, (index, _))| (index, unit(number))).collect();
        let small = sources.iter().map(|(index, bytes)| (*index, bytes.as_slice())).collect();
        let small = Selection::first_k(geometry, small)?;
        let mut data: Vec<Vec<u8>> =
            (0..k).map(|index| small.get(index).map_or_else(|| vec![0; shard_len], <[u8]>::to_vec)).collect();
        if small.lacks_data() {
            Decoder::new().restore_columns(&small, &(0..shard_len), data.iter_mut().map(Vec::as_mut_slice))?;
        }
        let mut parity = vec![vec![0; shard_len]; m];
        let columns = parity.iter_mut().map(Vec::as_mut_slice);
        Encoder::new().encode_columns(&geometry, shard_len, data.iter().map(Vec::as_slice), columns)?;
        data.append(&mut parity);
        Ok(Self { shards: data, sources: k })
    }

    /// The multiplier of each source in shard `index`.
    fn multipliers(&self, index: usize) -> Vec<GfElement> {
        let byte = |at: usize| self.shards.get(index).and_then(|shard| shard.get(at)).copied().unwrap_or(0);
        let symbol = |number: usize| {
            let low = low_byte(number);
            GfElement::from_le_bytes([byte(low), byte(low.saturating_add(SYMBOLS))])
        };
        (0..self.sources).map(symbol).collect()
    }
}

/// Where the low byte of a symbol is in a shard; its high byte is [`SYMBOLS`] bytes behind.
const fn low_byte(symbol: usize) -> usize {
    (symbol / SYMBOLS).saturating_mul(BLOCK).saturating_add(symbol % SYMBOLS)
}
