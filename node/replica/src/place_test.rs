use primitives::{NodeKey, PackId, VolumeId};
use proptest::prelude::*;

use super::*;

fn candidates(weights: &[u32]) -> Vec<Candidate> {
    let node = NodeKey::new([0x5a; 32]);
    (0u16..).zip(weights).map(|(volume, weight)| Candidate::new(&node, VolumeId(volume), *weight)).collect()
}

fn pack(n: u64) -> PackId {
    PackId::new(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

/// Shards per volume after placing `packs` packs of `width`.
fn spread(candidates: &[Candidate], width: usize, packs: u64) -> BTreeMap<VolumeId, u32> {
    let mut counts = BTreeMap::new();
    for n in 0..packs {
        for volume in rank(&pack(n), candidates).into_iter().take(width) {
            *counts.entry(volume).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn equal_volumes_get_equal_shares_and_weights_count() {
    let even = spread(&candidates(&[1; 12]), 6, 20_000);
    for count in even.values() {
        assert!((9_700..10_300).contains(count), "{even:?}");
    }
    // One shard a pack: shares are the weights'.
    let weighted = spread(&candidates(&[1, 2, 4, 8]), 1, 30_000);
    for (volume, share) in [(0, 2_000), (1, 4_000), (2, 8_000), (3, 16_000)] {
        let count = weighted[&VolumeId(volume)];
        assert!((share * 95 / 100..share * 105 / 100).contains(&count), "{weighted:?}");
    }
}

#[test]
fn ranks_are_pinned() {
    // A change of these moves every shard of every network.
    let ranked: Vec<u16> = rank(&pack(1), &candidates(&[1, 1, 2, 4, 1, 1])).iter().map(|volume| volume.0).collect();
    let other: Vec<u16> = rank(&pack(2), &candidates(&[1; 6])).iter().map(|volume| volume.0).collect();
    assert_eq!((ranked, other), (PINNED_1.to_vec(), PINNED_2.to_vec()));
}

const PINNED_1: [u16; 6] = [1, 2, 0, 5, 3, 4];
const PINNED_2: [u16; 6] = [3, 4, 0, 5, 2, 1];

proptest! {
    /// The order of those who stay never changes: so a volume that joins or leaves moves only what falls to it.
    #[test]
    fn joins_and_leaves_do_not_reorder_the_others(n: u64, weights in prop::collection::vec(1u32..64, 2..20), gone: prop::sample::Index) {
        let all = candidates(&weights);
        let gone = all[gone.index(all.len())];
        let left: Vec<Candidate> = all.iter().filter(|candidate| **candidate != gone).copied().collect();
        let before: Vec<VolumeId> = rank(&pack(n), &all).into_iter().filter(|volume| *volume != gone.volume()).collect();
        prop_assert_eq!(before, rank(&pack(n), &left));
    }

    /// With volumes enough, shards placed one after the other, in any order, with some volumes refusing, never share one.
    #[test]
    fn shards_get_volumes_of_their_own(n: u64, volumes in 6usize..20, refusing in 0usize..8, mut indexes in Just((0u8..6).collect::<Vec<_>>()).prop_shuffle()) {
        let refusing = refusing.min(volumes - 6);
        let ranked = rank(&pack(n), &candidates(&vec![1; volumes]));
        let refused: Vec<VolumeId> = ranked.iter().step_by(2).take(refusing).copied().collect();
        let mut held = BTreeMap::new();
        while let Some(index) = indexes.pop() {
            let order = order(&ranked, index, 6, &held);
            prop_assert_eq!(order.len(), volumes, "every volume is tried");
            let chosen = order.into_iter().find(|volume| !refused.contains(volume)).unwrap();
            *held.entry(chosen).or_insert(0) += 1;
        }
        prop_assert!(held.values().all(|count| *count == 1), "{:?}", held);
    }

    /// With too few, they spread evenly.
    #[test]
    fn shards_share_volumes_evenly(n: u64, volumes in 1usize..6) {
        let ranked = rank(&pack(n), &candidates(&vec![1; volumes]));
        let mut held = BTreeMap::new();
        for index in 0..6 {
            *held.entry(order(&ranked, index, 6, &held)[0]).or_insert(0usize) += 1;
        }
        prop_assert!(held.values().all(|count| *count >= 6 / volumes && *count <= 6usize.div_ceil(volumes)));
    }
}

#[test]
fn a_join_moves_one_part_in_n() {
    let (before, after) = (candidates(&[1; 11]), candidates(&[1; 12]));
    let mut moved = 0;
    for n in 0..5_000 {
        let target =
            |candidates: &[Candidate]| -> Vec<VolumeId> { rank(&pack(n), candidates).into_iter().take(6).collect() };
        let old = target(&before);
        moved += target(&after).iter().filter(|volume| !old.contains(volume)).count();
    }
    // 1/12 of 30,000 shards.
    assert!((2_300..2_700).contains(&moved), "{moved}");
}

#[test]
fn nothing_to_choose_from_gives_nothing() {
    assert!(order(&rank(&pack(1), &[]), 0, 6, &BTreeMap::new()).is_empty());
}
