//! Any `k` checked shards to the lost ones, parity too. Needs no decryption key and never the whole pack at once.

use std::collections::BTreeMap;

use primitives::PackHeader;

use crate::combine::{Combination, LOST_MAX};
use crate::decoder::{Decoder, STRIPE};
use crate::encoder::Encoder;
use crate::select::Selection;
use crate::shard::expected_id;
use crate::{CheckedShard, CodingError};

/// Rebuilds shard `index` from any `k` distinct shards of its pack and checks its hash.
///
/// # Errors
/// As [`rebuild_all`].
pub fn rebuild<B: AsRef<[u8]>>(
    header: &PackHeader,
    shards: &[CheckedShard<B>],
    index: u8,
) -> Result<CheckedShard, CodingError> {
    let mut rebuilt = rebuild_all(header, shards, &[index])?;
    rebuilt.pop().ok_or_else(|| CodingError::Index { width: header.policy.width(), found: index })
}

/// Rebuilds the shards `indices` in one pass from any `k` distinct shards of their pack and checks their hashes. The
/// result is ascending by index.
///
/// # Errors
/// [`CodingError::NotEnough`] with fewer than `k` distinct shards, [`CodingError::ShardHash`] or [`CodingError::Index`] for
/// a shard of another pack or an index beyond it, [`CodingError::Inconsistent`] when the maker of the pack encoded it
/// wrongly, [`CodingError::Header`] when the header breaks its rules.
pub fn rebuild_all<B: AsRef<[u8]>>(
    header: &PackHeader,
    shards: &[CheckedShard<B>],
    indices: &[u8],
) -> Result<Vec<CheckedShard>, CodingError> {
    let selection = Selection::of(header, shards)?;
    let geometry = selection.geometry;
    let mut rebuilt = BTreeMap::new();
    for index in indices {
        expected_id(header, *index)?;
        let bytes = match selection.get(usize::from(*index)) {
            Some(bytes) => bytes.to_vec(),
            None if geometry.policy.is_copies() => selection.any().to_vec(),
            None => Vec::new(),
        };
        rebuilt.insert(*index, bytes);
    }
    match rebuilt.values().filter(|bytes| bytes.is_empty()).count() {
        0 => {}
        1..=LOST_MAX => combine(&selection, &mut rebuilt)?,
        _ => transform(&selection, &mut rebuilt)?,
    }
    rebuilt.into_iter().map(|(index, bytes)| CheckedShard::computed(header, index, bytes)).collect()
}

/// Fills the few empty entries.
fn combine(selection: &Selection<'_>, rebuilt: &mut BTreeMap<u8, Vec<u8>>) -> Result<(), CodingError> {
    let (mut lost, mut targets) = (Vec::new(), Vec::new());
    for (index, bytes) in rebuilt.iter_mut().filter(|(_, bytes)| bytes.is_empty()) {
        bytes.resize(selection.geometry.shard_len, 0);
        lost.push(usize::from(*index));
        targets.push(bytes.as_mut_slice());
    }
    Combination::of(selection, &lost)?.compute(&mut targets);
    Ok(())
}

/// Fills the empty entries stripe by stripe: missing data first, then parity from complete data.
fn transform(selection: &Selection<'_>, rebuilt: &mut BTreeMap<u8, Vec<u8>>) -> Result<(), CodingError> {
    let geometry = selection.geometry;
    let (mut decoder, mut encoder) = (Decoder::new(), Encoder::new());
    let wanted: Vec<u8> = rebuilt.iter().filter(|(_, bytes)| bytes.is_empty()).map(|(index, _)| *index).collect();
    let wants_parity = wanted.iter().any(|index| usize::from(*index) >= geometry.k);
    for stripe in geometry.stripes(STRIPE) {
        let len = stripe.len();
        let mut data = vec![0; geometry.k.saturating_mul(len)];
        for (index, row) in data.chunks_exact_mut(len).enumerate() {
            if let Some(source) = selection.get(index) {
                row.copy_from_slice(source.get(stripe.clone()).expect("a stripe lies inside the shard"));
            }
        }
        if selection.lacks_data() {
            decoder.restore_columns(selection, &stripe, data.chunks_exact_mut(len))?;
        }
        let mut parity = Vec::new();
        if wants_parity {
            parity.resize(geometry.m.saturating_mul(len), 0);
            encoder.encode_columns(&geometry, len, data.chunks_exact(len), parity.chunks_exact_mut(len))?;
        }
        for index in &wanted {
            let columns = data.chunks_exact(len).chain(parity.chunks_exact(len)).nth(usize::from(*index));
            if let (Some(bytes), Some(columns)) = (rebuilt.get_mut(index), columns) {
                bytes.extend_from_slice(columns);
            }
        }
    }
    Ok(())
}
