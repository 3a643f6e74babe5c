//! Where shards go: weighted rendezvous hashing over volumes (`docs/spec/placement.md`).
//!
//! Every volume gets a score for every pack, and the best `width` of them are the pack's target. A volume that joins
//! or leaves changes only what falls to it: one part in `N` of all shards. (Thaler and Ravishankar 1998; weights by the
//! logarithm method, Schindelhauer and Schomaker 2005.)

use std::cmp::Ordering;
use std::collections::BTreeMap;

use primitives::{NodeKey, PackId, VolumeId};

use crate::log2::neg_log2;

/// A volume that can take shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    volume: VolumeId,
    seed: u64,
    weight: u32,
}

impl Candidate {
    /// `node`'s volume with this weight (0 counts as 1).
    #[must_use]
    pub fn new(node: &NodeKey, volume: VolumeId, weight: u32) -> Self {
        let seed = mix(first_u64(node.as_bytes()) ^ mix(u64::from(volume.0)));
        Self { volume, seed, weight: weight.max(1) }
    }

    /// The volume.
    #[must_use]
    pub const fn volume(&self) -> VolumeId {
        self.volume
    }

    /// Whether this one comes before `other`: `-log2(u)/weight`, smallest first, compared without division.
    fn compare(&self, other: &Self, pack: u64) -> Ordering {
        let score = |own: &Self, weight: u32| u128::from(neg_log2(mix(own.seed ^ pack))) * u128::from(weight);
        score(self, other.weight).cmp(&score(other, self.weight)).then(self.volume.cmp(&other.volume))
    }
}

/// All candidates, best for `pack` first. The first `width` are the target of a pack of that width.
#[must_use]
pub fn rank(pack: &PackId, candidates: &[Candidate]) -> Vec<VolumeId> {
    let pack = first_u64(pack.as_bytes());
    let mut ranked = candidates.to_vec();
    ranked.sort_by(|a, b| a.compare(b, pack));
    ranked.iter().map(Candidate::volume).collect()
}

/// Volumes to try for shard `index` of a pack of `width` shards, in this order: those that hold the fewest of the
/// pack's other shards; among these the one whose turn it is, then those outside the target (they are nobody's turn),
/// then the rest.
///
/// `held` says how many other shards of the pack each volume holds. With at least `width` volumes, every shard
/// so goes to a volume of its own; with fewer, shards spread evenly.
#[must_use]
pub fn order(ranked: &[VolumeId], index: u8, width: u8, held: &BTreeMap<VolumeId, usize>) -> Vec<VolumeId> {
    let Some(turn) = usize::from(index).checked_rem(ranked.len()) else { return Vec::new() };
    let (target, others) = ranked.split_at(usize::from(width).min(ranked.len()));
    let mut order: Vec<VolumeId> = Vec::with_capacity(ranked.len());
    order.extend(ranked.get(turn));
    order.extend(others);
    order.extend(target.iter().enumerate().filter(|(at, _)| *at != turn).map(|(_, volume)| volume));
    order.sort_by_key(|volume| held.get(volume).copied().unwrap_or(0));
    order
}

/// A 64-bit finaliser (Stafford's variant 13, as in SplitMix64): every input bit flips every output bit half the time.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The first eight bytes, little endian.
fn first_u64(bytes: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *bytes;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
#[path = "place_test.rs"]
mod tests;
