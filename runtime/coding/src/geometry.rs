//! How a pack is cut: counts and lengths, checked once.

use std::ops::Range;

use primitives::{PackHeader, Policy};

use crate::CodingError;

/// Every shard is a whole number of these: the code works on blocks of 64 bytes.
pub(crate) const BLOCK: usize = 64;

/// A checked cut of a pack into shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// The policy.
    pub(crate) policy: Policy,
    /// Data shards.
    pub(crate) k: usize,
    /// Parity shards; 0 for copies, whose further shards are the pack itself.
    pub(crate) m: usize,
    /// Bytes of a shard.
    pub(crate) shard_len: usize,
}

impl Geometry {
    /// The cut of a pack of `pack_len` bytes.
    pub(crate) fn of_pack(policy: Policy, pack_len: usize) -> Result<Self, CodingError> {
        let k = usize::from(policy.data_shards());
        let unit = k.saturating_mul(BLOCK);
        let max = k.saturating_mul(shard_len_max());
        if pack_len == 0 || pack_len > max || !pack_len.is_multiple_of(unit) {
            return Err(CodingError::PackLength { policy, found: pack_len, unit, max });
        }
        Ok(Self { policy, k, m: coded_parity(policy), shard_len: pack_len.checked_div(k).unwrap_or(0) })
    }

    /// The cut that a header describes; the header is checked.
    pub(crate) fn of_header(header: &PackHeader) -> Result<Self, CodingError> {
        header.check()?;
        let shard_len = usize::try_from(header.shard_len).unwrap_or(usize::MAX);
        let policy = header.policy;
        Ok(Self { policy, k: usize::from(policy.data_shards()), m: coded_parity(policy), shard_len })
    }

    /// Bytes of the pack.
    pub(crate) const fn pack_len(&self) -> usize {
        self.k.saturating_mul(self.shard_len)
    }

    /// Bytes of all parity shards that are computed.
    pub(crate) const fn parity_len(&self) -> usize {
        self.m.saturating_mul(self.shard_len)
    }

    /// Refuses a buffer of another length.
    pub(crate) fn expect_len(what: &'static str, expected: usize, found: usize) -> Result<(), CodingError> {
        if expected == found { Ok(()) } else { Err(CodingError::BufferLength { what, expected, found }) }
    }

    /// The columns `stripe` of each shard in `shards`, which hold whole shards one after another.
    pub(crate) fn columns_mut<'a>(
        &self,
        shards: &'a mut [u8],
        stripe: &Range<usize>,
    ) -> impl Iterator<Item = &'a mut [u8]> + use<'a> {
        let stripe = stripe.clone();
        shards
            .chunks_exact_mut(self.shard_len)
            .map(move |shard| shard.get_mut(stripe.clone()).expect("a stripe lies inside the shard"))
    }

    /// The column ranges of a shard, each `step` bytes, the last one shorter.
    pub(crate) fn stripes(&self, step: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.shard_len;
        (0..len).step_by(step).map(move |start| start..start.saturating_add(step).min(len))
    }
}

/// Bytes of each shard of a pack of `pack_len` bytes.
///
/// # Errors
/// [`CodingError::PackLength`] when the pack is not a positive multiple of `64·k` bytes, or its shards would be longer
/// than [`PackHeader::SHARD_LEN_MAX`].
pub fn shard_bytes(policy: Policy, pack_len: usize) -> Result<usize, CodingError> {
    Geometry::of_pack(policy, pack_len).map(|geometry| geometry.shard_len)
}

/// Bytes of the parity buffer that [`crate::Encoder::encode_into`] fills for a pack of `pack_len` bytes: `m` shards, or 0
/// for copies.
///
/// # Errors
/// As [`shard_bytes`].
pub fn parity_bytes(policy: Policy, pack_len: usize) -> Result<usize, CodingError> {
    Geometry::of_pack(policy, pack_len).map(|geometry| geometry.parity_len())
}

/// Parity shards that need the code.
fn coded_parity(policy: Policy) -> usize {
    if policy.is_copies() { 0 } else { usize::from(policy.parity_shards()) }
}

fn shard_len_max() -> usize {
    usize::try_from(PackHeader::SHARD_LEN_MAX).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_are_cut_into_whole_blocks_or_refused() {
        assert_eq!(shard_bytes(Policy::ERASURE, 32 << 20).unwrap(), 8 << 20);
        assert_eq!(parity_bytes(Policy::ERASURE, 32 << 20).unwrap(), 16 << 20);
        assert_eq!(shard_bytes(Policy::COPIES, 64).unwrap(), 64);
        assert_eq!(parity_bytes(Policy::COPIES, 64).unwrap(), 0);
        for len in [0, 1, 64, 255, 257, (128 << 20) + 256] {
            assert!(
                matches!(
                    shard_bytes(Policy::ERASURE, len),
                    Err(CodingError::PackLength { found, unit: 256, .. }) if found == len
                ),
                "{len}"
            );
        }
    }

    #[test]
    fn stripes_cover_a_shard_once() {
        let geometry = Geometry::of_pack(Policy::ERASURE, 4 * 320).unwrap();
        let stripes: Vec<_> = geometry.stripes(128).collect();
        assert_eq!(stripes, [0..128, 128..256, 256..320]);
    }
}
