//! Every choice of `k` of `k + m`, equality of stripes, and what damaged, foreign or wrongly made shards get.

use primitives::{PackHeader, Policy};
use proptest::prelude::*;

use crate::{CheckedShard, CodingError, Decoder, Encoder, Shard, Shards, decode, encode, header, rebuild, rebuild_all};

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

/// `len` bytes that look random and depend on the seed.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

struct Coded {
    pack: Vec<u8>,
    header: PackHeader,
    shards: Vec<Vec<u8>>,
}

fn coded(policy: Policy, blocks: usize, seed: u64) -> Coded {
    let pack = bytes(seed, blocks * 64 * usize::from(policy.data_shards()));
    let parity = encode(policy, &pack).unwrap();
    let shards = Shards::new(policy, &pack, &parity).unwrap();
    let header = shards.header();
    let shards: Vec<_> = shards.iter().map(<[u8]>::to_vec).collect();
    assert_eq!(crate::header(policy, &shards).unwrap(), header);
    Coded { pack, header, shards }
}

fn checked<'a>(coded: &'a Coded, choice: &[u8]) -> Vec<CheckedShard<&'a [u8]>> {
    let check = |index: &u8| CheckedShard::check(&coded.header, *index, &coded.shards[usize::from(*index)][..]);
    choice.iter().map(check).collect::<Result<_, _>>().unwrap()
}

/// All ways to take `k` of `0..n`, ascending.
fn choices(n: u8, k: u8) -> Vec<Vec<u8>> {
    if k == 0 {
        return vec![vec![]];
    }
    (k - 1..n)
        .flat_map(|last| {
            choices(last, k - 1).into_iter().map(move |mut choice| {
                choice.push(last);
                choice
            })
        })
        .collect()
}

#[test]
fn every_choice_of_k_decodes_and_rebuilds_all_others() {
    for (text, count) in [("4+2", 15), ("8+4", 495), ("6+3", 84), ("1+4", 5), ("2+1", 3), ("3+0", 1)] {
        let policy = policy(text);
        let coded = coded(policy, 3, 1);
        let choices = choices(policy.width(), policy.data_shards());
        assert_eq!(choices.len(), count, "{text}");
        let all: Vec<u8> = (0..policy.width()).collect();
        let mut decoder = Decoder::new();
        for choice in choices {
            let shards = checked(&coded, &choice);
            assert_eq!(decoder.decode(&coded.header, &shards).unwrap(), coded.pack, "{text} {choice:?}");
            let rebuilt = rebuild_all(&coded.header, &shards, &all).unwrap();
            assert!(rebuilt.iter().map(CheckedShard::bytes).eq(&coded.shards), "{text} {choice:?}");
        }
    }
}

#[test]
fn fewer_than_k_are_not_enough_and_doubles_count_once() {
    for text in ["4+2", "8+4", "3+0", "1+4"] {
        let policy = policy(text);
        let (k, coded) = (policy.data_shards(), coded(policy, 1, 2));
        let choice: Vec<u8> = (0..k - 1).collect();
        let not_enough = CodingError::NotEnough { have: k - 1, need: k };
        assert_eq!(decode(&coded.header, &checked(&coded, &choice)), Err(not_enough.clone()), "{text}");
        assert_eq!(rebuild(&coded.header, &checked(&coded, &choice), 0), Err(not_enough.clone()), "{text}");
        let doubled = [choice.clone(), choice].concat();
        assert_eq!(decode(&coded.header, &checked(&coded, &doubled)), Err(not_enough), "{text}");
    }
    let coded = coded(Policy::ERASURE, 1, 2);
    assert_eq!(decode(&coded.header, &checked(&coded, &[5, 1, 3, 1, 0, 5])).unwrap(), coded.pack);
}

#[test]
fn stripes_of_any_size_and_whole_shards_give_the_same_parity() {
    // The encoder works in stripes of 64 KiB: these packs have one, several, and a ragged last one.
    for text in ["4+2", "8+4", "10+6", "2+3"] {
        let policy = policy(text);
        for blocks in [1, 1024, 1025, 4 * 1024 + 7] {
            let coded = coded(policy, blocks, 3);
            let (k, m) = (usize::from(policy.data_shards()), usize::from(policy.parity_shards()));
            let whole = reed_solomon_simd::encode(k, m, &coded.shards[..k]).unwrap();
            assert_eq!(whole, coded.shards[k..], "{text} {blocks}");
            for step in [64, 640, 4096, 200 * 1024] {
                let mut parity = vec![Vec::new(); m];
                for start in (0..blocks * 64).step_by(step) {
                    let end = (start + step).min(blocks * 64);
                    let columns: Vec<_> = coded.shards[..k].iter().map(|shard| &shard[start..end]).collect();
                    for (row, part) in parity.iter_mut().zip(reed_solomon_simd::encode(k, m, &columns).unwrap()) {
                        row.extend(part);
                    }
                    if step == 64 && start > 8 * 1024 {
                        break;
                    }
                }
                for (row, shard) in parity.iter().zip(&coded.shards[k..]) {
                    assert_eq!(row[..], shard[..row.len()], "{text} {blocks} {step}");
                }
            }
        }
    }
}

#[test]
fn few_lost_shards_and_many_come_back() {
    // Up to 12 lost shards are combined, more are transformed; both in pieces of which the last is ragged.
    for (text, blocks) in [("14+14", 4 * 1024 + 5), ("40+30", 67), ("64+64", 3), ("20+3", 1)] {
        let policy = policy(text);
        let coded = coded(policy, blocks, 7);
        let (k, width) = (policy.data_shards(), policy.width());
        let m = policy.parity_shards();
        for lost in [1, 2, 11, 12, 13, m].into_iter().filter(|lost| *lost <= m) {
            // The first ones, and some from all over.
            for step in [1, 2] {
                let gone: Vec<u8> = (0..lost).map(|n| n * step % width).collect();
                let left: Vec<u8> =
                    (0..width).rev().filter(|index| !gone.contains(index)).take(usize::from(k)).collect();
                let shards = checked(&coded, &left);
                assert!(decode(&coded.header, &shards).unwrap() == coded.pack, "{text} {gone:?}");
                let rebuilt = rebuild_all(&coded.header, &shards, &gone).unwrap();
                let mut expected = gone.clone();
                expected.sort_unstable();
                expected.dedup();
                assert!(rebuilt.iter().map(CheckedShard::index).eq(expected), "{text} {gone:?}");
                for shard in rebuilt {
                    assert!(shard.bytes() == coded.shards[usize::from(shard.index())], "{text} {gone:?}");
                }
            }
        }
    }
}

#[test]
fn shards_longer_than_a_decoding_stripe_come_back() {
    let coded = coded(Policy::ERASURE, 16 * 1024 + 5, 4);
    assert_eq!(decode(&coded.header, &checked(&coded, &[1, 3, 4, 5])).unwrap(), coded.pack);
    let rebuilt = rebuild_all(&coded.header, &checked(&coded, &[0, 2, 3, 5]), &[4, 1]).unwrap();
    assert_eq!(
        rebuilt.iter().map(|shard| (shard.index(), shard.id())).collect::<Vec<_>>(),
        [(1, coded.header.shards[1]), (4, coded.header.shards[4])]
    );
}

#[test]
fn every_changed_byte_a_swap_and_a_cut_are_refused() {
    let coded = coded(Policy::ERASURE, 1, 5);
    for index in 0..6u8 {
        let shard = &coded.shards[usize::from(index)];
        for at in 0..shard.len() {
            let mut bad = shard.clone();
            bad[at] ^= 1;
            let refused = Shard { index, bytes: bad }.check(&coded.header);
            assert!(matches!(refused, Err(CodingError::ShardHash { index: found, .. }) if found == index));
        }
        let other = coded.shards[usize::from((index + 1) % 6)].clone();
        assert!(matches!(CheckedShard::check(&coded.header, index, other), Err(CodingError::ShardHash { .. })));
        let cut = CheckedShard::check(&coded.header, index, &shard[..32]);
        assert_eq!(cut, Err(CodingError::ShardLength { index, expected: 64, found: 32 }));
    }
    let beyond = CheckedShard::check(&coded.header, 6, coded.shards[0].clone());
    assert_eq!(beyond, Err(CodingError::Index { width: 6, found: 6 }));
    assert_eq!(
        rebuild(&coded.header, &checked(&coded, &[0, 1, 2, 3]), 6),
        Err(CodingError::Index { width: 6, found: 6 })
    );
}

#[test]
fn a_shard_of_another_pack_is_refused_although_it_was_checked() {
    let (one, two) = (coded(Policy::ERASURE, 1, 6), coded(Policy::ERASURE, 1, 7));
    let mut shards = checked(&one, &[0, 1, 2]);
    shards.extend(checked(&two, &[3]));
    assert!(matches!(decode(&one.header, &shards), Err(CodingError::ShardHash { index: 3, .. })));
    assert!(matches!(rebuild(&one.header, &shards, 4), Err(CodingError::ShardHash { index: 3, .. })));

    // A header that gives the same shards another length.
    let lying = PackHeader { shard_len: 128, ..one.header.clone() };
    let shards = checked(&one, &[0, 1, 2, 5]);
    let refused = CodingError::ShardLength { index: 0, expected: 128, found: 64 };
    assert_eq!(decode(&lying, &shards), Err(refused.clone()));
    assert_eq!(rebuild(&lying, &shards, 4), Err(refused));
}

#[test]
fn a_pack_that_its_maker_encoded_wrongly_is_found_out() {
    let mut wrong = coded(Policy::ERASURE, 1, 8);
    wrong.shards[5][0] ^= 1;
    wrong.header = header(Policy::ERASURE, &wrong.shards).unwrap();
    // All data there: the pack is what it is.
    assert_eq!(decode(&wrong.header, &checked(&wrong, &[0, 1, 2, 3])).unwrap(), wrong.pack);
    // Any result that the wrong shard has a part in is refused.
    let shards = checked(&wrong, &[0, 1, 2, 5]);
    assert!(matches!(decode(&wrong.header, &shards), Err(CodingError::Inconsistent { index: 3, .. })));
    assert!(matches!(rebuild(&wrong.header, &shards, 3), Err(CodingError::Inconsistent { index: 3, .. })));
    let shards = checked(&wrong, &[0, 1, 2, 3]);
    assert!(matches!(rebuild(&wrong.header, &shards, 5), Err(CodingError::Inconsistent { index: 5, .. })));
    assert!(rebuild(&wrong.header, &shards, 4).is_ok());
}

#[test]
fn headers_and_buffers_that_do_not_fit_are_refused() {
    let good = coded(Policy::ERASURE, 1, 9);
    let mut narrow = good.header.clone();
    narrow.shards.pop();
    assert!(matches!(CheckedShard::check(&narrow, 0, &good.shards[0][..]), Err(CodingError::Header(_))));
    let mut ragged = good.header.clone();
    ragged.shard_len = 63;
    assert!(matches!(decode(&ragged, &checked(&good, &[0, 1, 2, 3])), Err(CodingError::Header(_))));
    assert!(matches!(header(Policy::ERASURE, &good.shards[..5]), Err(CodingError::Header(_))));
    let mut uneven = good.shards.clone();
    uneven[2].push(0);
    assert_eq!(header(Policy::ERASURE, &uneven), Err(CodingError::ShardLength { index: 2, expected: 64, found: 65 }));
    assert_eq!(
        Encoder::new().encode_into(Policy::ERASURE, &good.pack, &mut [0; 127]),
        Err(CodingError::BufferLength { what: "parity", expected: 128, found: 127 })
    );
    assert_eq!(
        Decoder::new().decode_into(&good.header, &checked(&good, &[0, 1, 2, 3]), &mut [0; 255]),
        Err(CodingError::BufferLength { what: "pack", expected: 256, found: 255 })
    );
    assert!(Shards::new(Policy::ERASURE, &good.pack, &[0; 64]).is_err());
    assert_eq!(Shards::new(Policy::ERASURE, &good.pack, &[0; 128]).unwrap().shard(6), None);
}

#[test]
fn copies_are_the_pack_itself() {
    let coded = coded(Policy::COPIES, 2, 10);
    assert_eq!(coded.header.shards.len(), 5);
    assert!(coded.shards.iter().all(|shard| *shard == coded.pack));
    assert_eq!(rebuild(&coded.header, &checked(&coded, &[3]), 0).unwrap().into_bytes(), coded.pack);
}

#[test]
fn one_encoder_serves_packs_of_different_shapes() {
    let mut encoder = Encoder::new();
    for (text, blocks) in [("4+2", 5), ("8+4", 1), ("1+4", 2), ("4+2", 3000), ("2+9", 7), ("4+2", 5)] {
        let pack = bytes(11, blocks * 64 * usize::from(policy(text).data_shards()));
        assert_eq!(encoder.encode(policy(text), &pack).unwrap(), encode(policy(text), &pack).unwrap(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_policy_survives_any_loss_of_m(
        k in 1u8..=64,
        m in 0u8..=64,
        blocks in 1usize..6,
        seed in any::<u64>(),
        order in any::<u64>(),
    ) {
        let policy = Policy::new(k, m).unwrap();
        let coded = coded(policy, blocks, seed);
        // A pseudo-random choice of k, in a pseudo-random order.
        let mut left: Vec<u8> = (0..policy.width()).collect();
        left.sort_by_key(|index| *blake3::hash(&[&order.to_le_bytes()[..], &[*index]].concat()).as_bytes());
        let lost = left.split_off(usize::from(k));
        let shards = checked(&coded, &left);
        prop_assert_eq!(&decode(&coded.header, &shards).unwrap(), &coded.pack);
        for shard in rebuild_all(&coded.header, &shards, &lost).unwrap() {
            prop_assert_eq!(shard.bytes(), &coded.shards[usize::from(shard.index())][..]);
        }
    }
}
