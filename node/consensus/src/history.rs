//! Decided blocks for a peer that catches up.

use std::ops::RangeInclusive;

use bytes::Bytes;
use malachite_sync::RawDecidedValue;
use parity_scale_codec::Encode;
use primitives::Height;

use crate::bft::{Bft, BftHeight, extended_of};
use crate::block::Block;
use crate::chain::Chain;
use crate::error::ChainError;

/// Most blocks of one answer.
const BLOCKS_MAX: u64 = 64;
/// Bytes after which an answer takes no further block; below the engine's limit of 10 MiB for an answer.
const BYTES_MAX: usize = 4 << 20;

/// Blocks of the range, ascending, as many as fit; the engine does not check the range. Genesis is not among them:
/// every node makes it from the chain spec.
pub(crate) fn decided_values(
    chain: &Chain,
    range: &RangeInclusive<BftHeight>,
) -> Result<Vec<RawDecidedValue<Bft>>, ChainError> {
    let tip = chain.head().map_or(0, |tip| tip.height.get());
    let first = range.start().0.get().max(1);
    let last = range.end().0.get().min(tip).min(first.saturating_add(BLOCKS_MAX - 1));
    let (mut values, mut bytes) = (Vec::new(), 0usize);
    for height in (first..=last).map(Height::new) {
        let header = Chain::required("header", height, chain.header(height)?)?;
        let body = Chain::required("body", height, chain.body(height)?)?;
        let certificate = Chain::required("certificate", height, chain.certificate(height)?)?;
        let value = Block::new(header, body).encode();
        bytes = bytes.saturating_add(value.len());
        if bytes > BYTES_MAX && !values.is_empty() {
            break;
        }
        values.push(RawDecidedValue::new(Bytes::from(value), extended_of(&certificate)));
    }
    Ok(values)
}
