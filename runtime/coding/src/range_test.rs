use primitives::Policy;
use proptest::prelude::*;

use super::*;
use crate::{Shards, encode};

fn at(position: u64) -> usize {
    position.try_into().unwrap()
}

fn len_of(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap()
}

struct Coded {
    header: PackHeader,
    shards: Vec<Vec<u8>>,
}

fn coded(policy: Policy, shard_len: usize) -> Coded {
    let mut pack = vec![0; shard_len * usize::from(policy.data_shards())];
    blake3::Hasher::new().update(b"range").finalize_xof().fill(&mut pack);
    let parity = encode(policy, &pack).unwrap();
    let shards = Shards::new(policy, &pack, &parity).unwrap();
    Coded { header: shards.header(), shards: shards.iter().map(<[u8]>::to_vec).collect() }
}

fn proof(coded: &Coded, index: usize, range: Range<u64>) -> Vec<u8> {
    let bytes = &coded.shards[index];
    let (id, outboard) = outboard(bytes);
    encode_range(&id, len_of(bytes), &outboard, &bytes[..], range).unwrap()
}

#[test]
fn an_outboards_root_is_the_shards_id() {
    for (len, expected) in [(64, 0), (16 * 1024, 0), (16 * 1024 + 64, 64), (1 << 20, 63 * 64), (8 << 20, 511 * 64)] {
        let bytes = vec![5; at(len)];
        let (id, outboard) = outboard(&bytes);
        assert_eq!(id, ShardId::of(&bytes));
        assert_eq!(len_of(&outboard), expected, "{len}");
        assert_eq!(outboard_bytes(len), expected);
    }
}

#[test]
fn a_range_is_proven_with_little_more_than_its_bytes() {
    let coded = coded(Policy::ERASURE, 1 << 20);
    for range in [0..1, 0..1 << 20, 1023..1025, 500_000..500_064, (1 << 20) - 1..1 << 20, 16_384..32_768] {
        let encoded = proof(&coded, 2, range.clone());
        let checked = verify_range(&coded.header, 2, range.clone(), &encoded).unwrap();
        assert_eq!(checked.range(), range);
        assert_eq!((checked.index(), checked.bytes()), (2, &coded.shards[2][at(range.start)..at(range.end)]));
        let allowed = (range.end - range.start) + 2 * 1024 + 64 * (6 + 4 + 64);
        assert!(len_of(&encoded) < allowed, "{range:?}: {}", encoded.len());
        assert_eq!(checked, CheckedRange::of_shard(&checked_shard(&coded, 2), range).unwrap());
    }
}

fn checked_shard(coded: &Coded, index: u8) -> CheckedShard<&[u8]> {
    CheckedShard::check(&coded.header, index, &coded.shards[usize::from(index)][..]).unwrap()
}

#[test]
fn every_changed_byte_a_cut_an_addition_and_another_range_are_refused() {
    let coded = coded(Policy::ERASURE, 40 * 1024);
    let range = 20_000..20_100;
    let good = proof(&coded, 1, range.clone());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let refused = verify_range(&coded.header, 1, range.clone(), &bad);
        assert!(matches!(refused, Err(RangeError::Proof { .. })), "byte {at}");
    }
    let refused = |range: Range<u64>, index, encoded: &[u8]| {
        matches!(verify_range(&coded.header, index, range, encoded), Err(RangeError::Proof { .. }))
    };
    assert!(refused(range.clone(), 1, &good[..good.len() - 1]));
    assert!(refused(range.clone(), 1, &[&good[..], &[0]].concat()));
    assert!(refused(range.clone(), 1, &[]));
    assert!(refused(0..100, 1, &good));
    assert!(refused(20_000..30_000, 1, &good));
    assert!(refused(range, 0, &good));
}

#[test]
fn a_wrong_size_is_refused_because_the_size_comes_from_the_header() {
    let mut coded = coded(Policy::ERASURE, 40 * 1024);
    let good = proof(&coded, 1, 0..100);
    assert!(verify_range(&coded.header, 1, 0..100, &good).is_ok());
    coded.header.shard_len = 8 * 1024;
    assert!(verify_range(&coded.header, 1, 0..100, &good).is_err());
}

#[test]
fn a_holder_does_not_serve_rotten_bytes_or_nonsense() {
    let coded = coded(Policy::ERASURE, 40 * 1024);
    let (id, outboard) = outboard(&coded.shards[0]);
    let mut rotten = coded.shards[0].clone();
    rotten[100] ^= 1;
    let serve = |bytes: &[u8], outboard: &[u8], range| encode_range(&id, 40 * 1024, outboard, bytes, range);
    assert!(matches!(serve(&rotten, &outboard, 0..10), Err(RangeError::Source { .. })));
    assert!(serve(&rotten, &outboard, 20_000..20_010).is_ok());
    assert!(matches!(serve(&coded.shards[0][..50], &outboard, 0..10), Err(RangeError::Source { .. })));
    assert_eq!(
        serve(&coded.shards[0], &outboard[..64], 0..10),
        Err(RangeError::Outboard { len: 40 * 1024, expected: 128, found: 64 })
    );
    for range in [0..0, Range { start: 10, end: 5 }, 0..40 * 1024 + 1, u64::MAX - 1..u64::MAX] {
        assert!(
            matches!(serve(&coded.shards[0], &outboard, range.clone()), Err(RangeError::Bounds { .. })),
            "{range:?}"
        );
        assert!(matches!(verify_range(&coded.header, 0, range, &[]), Err(RangeError::Bounds { .. })));
    }
}

#[test]
fn columns_of_a_lost_shard_follow_from_the_others() {
    for policy in [Policy::ERASURE, Policy::STRONG, Policy::COPIES] {
        let coded = coded(policy, 8 * 1024);
        let (k, width) = (policy.data_shards(), policy.width());
        let range = whole_blocks(coded.header.shard_len, &(1000..3001));
        assert_eq!(range, 960..3008);
        let others: Vec<_> = (width - k..width)
            .map(|index| CheckedRange::of_shard(&checked_shard(&coded, index), range.clone()).unwrap())
            .collect();
        for index in 0..k {
            let found = decode_range(&coded.header, &others, index).unwrap();
            assert_eq!(found, coded.shards[usize::from(index)][960..3008], "{policy} {index}");
        }
        let wrong_index = decode_range(&coded.header, &others, k);
        assert_eq!(wrong_index, Err(CodingError::Index { width: k, found: k }));
        assert!(matches!(decode_range(&coded.header, &others[1..], 0), Err(CodingError::NotEnough { .. })));
    }
}

#[test]
fn columns_longer_than_a_decoding_stripe_follow_too() {
    let len = (1 << 20) + 640;
    let coded = coded(Policy::ERASURE, len);
    let range = 0..u64::try_from(len).unwrap();
    let others: Vec<_> =
        (2..6).map(|index| CheckedRange::of_shard(&checked_shard(&coded, index), range.clone()).unwrap()).collect();
    assert_eq!(decode_range(&coded.header, &others, 1).unwrap(), coded.shards[1]);
}

#[test]
fn columns_that_do_not_fit_together_are_refused() {
    let other = coded(Policy::ERASURE, 4 * 1024);
    let coded = coded(Policy::ERASURE, 8 * 1024);
    let part = |index, range| CheckedRange::of_shard(&checked_shard(&coded, index), range).unwrap();
    let decode = |parts: &[CheckedRange]| decode_range(&coded.header, parts, 0);
    let mut parts: Vec<_> = (1..4).map(|index| part(index, 64..192)).collect();
    parts.push(part(4, 64..256));
    assert!(matches!(decode(&parts), Err(CodingError::Columns { .. })));
    let unaligned: Vec<_> = (1..5).map(|index| part(index, 1..64)).collect();
    assert!(matches!(decode(&unaligned), Err(CodingError::Columns { .. })));
    let foreign: Vec<_> =
        (1..5).map(|index| CheckedRange::of_shard(&checked_shard(&other, index), 0..64).unwrap()).collect();
    assert!(matches!(decode(&foreign), Err(CodingError::ShardHash { .. })));
    assert!(matches!(
        CheckedRange::of_shard(&checked_shard(&coded, 0), 0..8 * 1024 + 1),
        Err(RangeError::Bounds { .. })
    ));
    assert_eq!(whole_blocks(8192, &(8190..8192)), 8128..8192);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_range_of_any_shard_is_proven(blocks in 1u64..1500, a in any::<u64>(), b in any::<u64>(), shard in 0u8..3) {
        let (len, index) = (blocks * 64, usize::from(shard));
        let coded = coded(Policy::new(2, 1).unwrap(), at(len));
        let (start, end) = (a % len, b % len + 1);
        let range = start.min(end - 1)..end.max(start + 1);
        let encoded = proof(&coded, index, range.clone());
        let checked = verify_range(&coded.header, shard, range.clone(), &encoded).unwrap();
        prop_assert_eq!(checked.bytes(), &coded.shards[index][at(range.start)..at(range.end)]);
    }

    #[test]
    fn arbitrary_proofs_never_panic(encoded in prop::collection::vec(any::<u8>(), 0..5000), start in 0u64..40_000, len in 1u64..3000) {
        let coded = coded(Policy::new(2, 1).unwrap(), 40 * 1024);
        prop_assert!(verify_range(&coded.header, 0, start..start + len, &encoded).is_err());
    }
}
