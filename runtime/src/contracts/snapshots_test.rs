//! Tests of `Snapshots`; the rules are `docs/spec/system-contracts.md`.

use alloy_sol_types::{SolCall as _, SolEvent as _};
use primitives::{Ed25519Signature, Hash32, MemberKey, Policy, TimestampMs};

use super::*;
use crate::abi::snapshots::ISnapshots::{AttestationOrder, BadAttestation, NotMember, TooFewAttestations};
use crate::address::VAULTS;
use crate::state::{commitment_at, equivocation_at, frontier, vault};
use crate::testing::{
    OPERATOR, OWNER, STRANGER, World, address, chain, cluster_id, commitment, ed25519, member_key, members,
};
use crate::{calls, eth};

fn batch(epoch: u64, items: &[Commitment], attestations: &[(MemberKey, Ed25519Signature)]) -> Vec<u8> {
    calls::commit_batch(&cluster_id(), epoch, items, attestations)
}

#[test]
fn an_owner_commits_a_stream() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    for (index, item) in items.iter().enumerate() {
        let tx = world.tx(&OWNER, SNAPSHOTS, 0, calls::commit(item));
        let outcome = world.run(&[tx]);
        let receipt = &outcome.receipts[0];
        assert!(receipt.success);
        let leaf = u64::try_from(index).unwrap();
        assert_eq!(commitCall::abi_decode_returns_validate(&receipt.output).unwrap(), leaf);
        let event = SnapshotCommitted::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
        assert_eq!((event.seq, event.commitment, event.leafIndex), (item.seq, word(item.hash()), leaf));
        assert_eq!(outcome.leaves, vec![item.clone()]);
        assert_eq!(outcome.frontier.size(), leaf + 1);
        assert_eq!(frontier(&world.state).unwrap(), outcome.frontier);
        let entry = commitment_at(&world.state, &terms.vault(), item.seq).unwrap().unwrap();
        assert_eq!((entry.hash, entry.leaf_index, entry.height.get()), (item.hash(), leaf, world.height));
    }
    let state = vault(&world.state, &terms.vault()).unwrap().unwrap();
    assert_eq!((state.head_seq, state.head), (3, items[2].hash()));
}

#[test]
fn the_leaf_is_the_scale_bytes_of_the_commitment() {
    use parity_scale_codec::Encode as _;
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 5);
    let tx = world.tx(&OPERATOR, SNAPSHOTS, 0, world.batch(&items));
    let outcome = world.run(&[tx]);
    let mut expected = merkle::log::Frontier::new();
    let mut nodes = Vec::new();
    for item in &items {
        nodes.extend(expected.push(merkle::log::leaf_hash(&item.encode())));
    }
    assert_eq!(outcome.frontier, expected);
    assert_eq!(outcome.log_nodes, nodes);
}

#[test]
fn the_same_commitment_again_is_a_success_without_effect() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 2);
    assert!(world.commit(&items[0]).success);
    assert!(world.commit(&items[1]).success);
    for item in &items {
        let tx = world.tx(&OWNER, SNAPSHOTS, 0, calls::commit(item));
        let outcome = world.run(&[tx]);
        assert!(outcome.receipts[0].success && outcome.receipts[0].logs.is_empty() && outcome.leaves.is_empty());
        let leaf = commitCall::abi_decode_returns_validate(&outcome.receipts[0].output).unwrap();
        assert_eq!(leaf, item.seq - 1);
        let touched: Vec<_> = outcome.changes.keys().map(|key| StateKey::parse(key).unwrap()).collect();
        assert!(touched.iter().all(|key| matches!(key, StateKey::Account(_))), "{touched:?}");
    }
    let receipt = world.send(&OPERATOR, SNAPSHOTS, world.batch(&items));
    assert_eq!(commitBatchCall::abi_decode_returns_validate(&receipt.output).unwrap(), 0);
}

#[test]
fn another_commitment_at_a_taken_place_is_equivocation() {
    let (mut world, terms) = World::with_vault();
    let first = commitment(&terms, 1, Hash32::ZERO.into());
    assert!(world.commit(&first).success);
    let mut other = first.clone();
    other.files += 1;
    let receipt = world.commit(&other);
    assert!(receipt.success);
    let event = Equivocation::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert_eq!((event.recorded, event.conflicting), (word(first.hash()), word(other.hash())));
    let entry = equivocation_at(&world.state, &terms.vault(), 1).unwrap().unwrap();
    assert_eq!(entry.conflicting, other.hash());
    let state = vault(&world.state, &terms.vault()).unwrap().unwrap();
    assert_eq!((state.head_seq, state.head), (1, first.hash()));
    assert_eq!(frontier(&world.state).unwrap().size(), 1);
    // A third one: an event, but the state keeps the first conflict.
    let mut third = other.clone();
    third.files += 1;
    let receipt = world.commit(&third);
    assert_eq!(receipt.logs.len(), 1);
    assert_eq!(equivocation_at(&world.state, &terms.vault(), 1).unwrap().unwrap(), entry);
    let view = world.call(SNAPSHOTS, equivocationAtCall { vault: word(terms.vault()), seq: 1 }.abi_encode());
    let view = equivocationAtCall::abi_decode_returns_validate(&view.output).unwrap();
    assert_eq!(view.conflicting, word(other.hash()));
}

#[test]
fn gaps_and_forks_are_refused() {
    let (mut world, terms) = World::with_vault();
    let vault = word(terms.vault());
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    for (seq, found) in [(0, 0), (2, 2), (u64::MAX, u64::MAX)] {
        let input = calls::commit(&commitment(&terms, seq, Hash32::ZERO.into()));
        world.send_reverts(&OWNER, SNAPSHOTS, input, WrongSequence { vault, expected: 1, found });
    }
    let fork = commitment(&terms, 1, Hash32::new([1; 32]).into());
    let error = WrongPrev { vault, seq: 1, expected: word(Hash32::ZERO), found: word(Hash32::new([1; 32])) };
    world.send_reverts(&OWNER, SNAPSHOTS, calls::commit(&fork), error);
    assert!(world.commit(&items[0]).success);
    let input = calls::commit(&items[2]);
    world.send_reverts(&OWNER, SNAPSHOTS, input, WrongSequence { vault, expected: 2, found: 3 });
}

#[test]
fn a_commitment_keeps_the_vaults_terms() {
    let (mut world, terms) = World::with_vault();
    let good = commitment(&terms, 1, Hash32::ZERO.into());
    let vault = word(terms.vault());
    let mut other = good.clone();
    other.policy = Policy::MIRROR;
    world.send_reverts(&OWNER, SNAPSHOTS, calls::commit(&other), WrongPolicy { vault, dataShards: 1, parityShards: 3 });
    let mut short = good.clone();
    short.retain_until = TimestampMs::new(5_999);
    let error = RetentionTooShort { vault, earliest: 6_000, found: 5_999 };
    world.send_reverts(&OWNER, SNAPSHOTS, calls::commit(&short), error);
    let mut version = commitment_to(&good);
    version.version = 2;
    let input = commitCall { commitment: version }.abi_encode();
    world.send_reverts(&OWNER, SNAPSHOTS, input, UnsupportedVersion { found: 2 });
    let mut policy = commitment_to(&good);
    policy.dataShards = 0;
    let input = commitCall { commitment: policy }.abi_encode();
    world.send_reverts(&OWNER, SNAPSHOTS, input, InvalidPolicy { dataShards: 0, parityShards: 2 });
    assert!(world.commit(&good).success);
}

#[test]
fn only_owner_and_delegates_commit() {
    let (mut world, terms) = World::with_vault();
    let first = commitment(&terms, 1, Hash32::ZERO.into());
    let error = NotCommitter { vault: word(terms.vault()), caller: to_alloy(&address(&STRANGER)) };
    world.send_reverts(&STRANGER, SNAPSHOTS, calls::commit(&first), error);
    assert!(world.send(&OWNER, VAULTS, calls::add_delegate(&terms.vault(), &address(&STRANGER))).success);
    assert!(world.send(&STRANGER, SNAPSHOTS, calls::commit(&first)).success);
    let mut lost = first;
    lost.vault = Hash32::new([7; 32]).into();
    let error = UnknownVault { vault: word(lost.vault) };
    world.send_reverts(&OWNER, SNAPSHOTS, calls::commit(&lost), error);
}

#[test]
fn a_cluster_commits_many_vaults_at_once() {
    let (mut world, terms) = World::with_vault();
    let mut second = terms.clone();
    second.salt = Hash32::new([0x5b; 32]);
    assert!(world.send(&OWNER, VAULTS, calls::register(&second)).success);
    let mut items = chain(&terms, 1, Hash32::ZERO.into(), 2);
    items.extend(chain(&second, 1, Hash32::ZERO.into(), 2));
    // Anyone may relay: the members' word is what counts.
    let receipt = world.send(&STRANGER, SNAPSHOTS, world.batch(&items));
    assert!(receipt.success, "{}", calls::describe_revert(&receipt.output));
    assert_eq!(commitBatchCall::abi_decode_returns_validate(&receipt.output).unwrap(), 4);
    assert_eq!(receipt.logs.len(), 4);
    assert_eq!(frontier(&world.state).unwrap().size(), 4);
    // Half known, half new.
    let mut more = chain(&terms, 2, items[0].hash(), 2);
    more[0] = items[1].clone();
    more[1].prev = items[1].hash();
    let receipt = world.send(&OPERATOR, SNAPSHOTS, world.batch(&more));
    assert_eq!(commitBatchCall::abi_decode_returns_validate(&receipt.output).unwrap(), 1);
}

/// The errors of a batch's refused items.
fn refusals(receipt: &crate::TxReceipt) -> Vec<(u64, String)> {
    let events = receipt.logs.iter().filter_map(|log| Refused::decode_log_validate(&eth::log(log)).ok());
    events.map(|event| (event.seq, calls::describe_revert(&event.error))).collect()
}

#[test]
fn one_owner_cannot_hold_up_the_others() {
    let (mut world, terms) = World::with_vault();
    let mut second = terms.clone();
    second.salt = Hash32::new([0x5b; 32]);
    assert!(world.send(&OWNER, VAULTS, calls::register(&second)).success);
    let mut items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    items[1].seq = 9;
    items.extend(chain(&second, 1, Hash32::ZERO.into(), 2));
    let mut lost = items[0].clone();
    lost.vault = Hash32::new([7; 32]).into();
    items.push(lost);
    let receipt = world.send(&OPERATOR, SNAPSHOTS, world.batch(&items));
    assert!(receipt.success);
    assert_eq!(commitBatchCall::abi_decode_returns_validate(&receipt.output).unwrap(), 3);
    let refused = refusals(&receipt);
    assert_eq!(refused.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [9, 3, 1]);
    for ((_, text), start) in refused.iter().zip(["WrongSequence", "WrongSequence", "UnknownVault"]) {
        assert!(text.starts_with(start), "{text}");
    }
    assert_eq!(frontier(&world.state).unwrap().size(), 3);
    assert_eq!(vault(&world.state, &terms.vault()).unwrap().unwrap().head, items[0].hash());
    // An owner who leaves the cluster takes only its own items out.
    assert!(world.send(&OWNER, VAULTS, calls::set_cluster(&terms.vault(), &Hash32::ZERO)).success);
    let mut more = chain(&second, 3, items[4].hash(), 1);
    more.extend(chain(&terms, 2, items[0].hash(), 1));
    let receipt = world.send(&OPERATOR, SNAPSHOTS, world.batch(&more));
    assert_eq!(commitBatchCall::abi_decode_returns_validate(&receipt.output).unwrap(), 1);
    let refused = refusals(&receipt);
    assert!(refused.len() == 1 && refused[0].1.starts_with("WrongCluster"), "{refused:?}");
}

#[test]
fn attestations_are_checked() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 1);
    let keys = members();
    let good = world.attest(&items, &[0, 1, 2]);

    // Too few.
    for list in [&good[..0], &good[..1]] {
        let found = U256::from(list.len());
        let error = TooFewAttestations { threshold: U256::from(2), found };
        world.send_reverts(&OPERATOR, SNAPSHOTS, batch(7, &items, list), error);
    }
    // One member twice counts once: the list must be strictly ascending.
    let twice = [good[0], good[0]];
    let error = AttestationOrder { member: word(good[0].0) };
    world.send_reverts(&OPERATOR, SNAPSHOTS, batch(7, &items, &twice), error);
    // Descending, which the builder would sort.
    let call = commitBatchCall {
        cluster: word(cluster_id()),
        epoch: 7,
        items: items.iter().map(commitment_to).collect(),
        attestations: [1, 0]
            .map(|index: usize| {
                let bytes = *good[index].1.as_bytes();
                ISnapshots::Attestation {
                    member: word(good[index].0),
                    r: alloy_primitives::B256::from_slice(&bytes[..32]),
                    s: alloy_primitives::B256::from_slice(&bytes[32..]),
                }
            })
            .into(),
    };
    let error = AttestationOrder { member: word(good[0].0) };
    world.send_reverts(&OPERATOR, SNAPSHOTS, call.abi_encode(), error);
    // A stranger's key.
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
    let strange = (member_key(&stranger), good[0].1);
    let error = NotMember { member: word(strange.0) };
    world.send_reverts(&OPERATOR, SNAPSHOTS, batch(7, &items, &[strange, good[0], good[1]]), error);
    // A signature over something else, and one too many that is wrong.
    let wrong = (good[2].0, ed25519(&keys[2], &Hash32::new([1; 32])));
    for list in [vec![good[0], wrong], vec![good[0], good[1], wrong]] {
        let error = BadAttestation { member: word(wrong.0) };
        world.send_reverts(&OPERATOR, SNAPSHOTS, batch(7, &items, &list), error);
    }
    let receipt = world.send(&OPERATOR, SNAPSHOTS, batch(7, &items, &good));
    assert!(receipt.success);
}

#[test]
fn epoch_cluster_and_size_are_checked() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 1);
    let old = world.attest_epoch(6, &items, &[0, 1]);
    world.send_reverts(&OPERATOR, SNAPSHOTS, batch(6, &items, &old), WrongEpoch { expected: 7, found: 6 });
    let unknown = Hash32::new([9; 32]);
    let input = calls::commit_batch(&unknown, 7, &items, &world.attest(&items, &[0, 1]));
    world.send_reverts(&OPERATOR, SNAPSHOTS, input, UnknownCluster { cluster: word(unknown) });
    world.send_reverts(&OPERATOR, SNAPSHOTS, batch(7, &[], &world.attest(&[], &[0, 1])), EmptyBatch {});
    world.spec.params.batch_max = 2;
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    let error = BatchTooLarge { limit: U256::from(2), found: U256::from(3) };
    let input = world.batch(&items);
    world.send_reverts(&OPERATOR, SNAPSHOTS, input, error);
}

#[test]
fn a_full_batch_fits_into_a_transaction_and_a_block() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), u64::from(world.spec.params.batch_max));
    let tx = world.tx(&OPERATOR, SNAPSHOTS, 0, world.batch(&items));
    let outcome = world.run(&[tx]);
    assert!(outcome.receipts[0].success);
    assert_eq!(outcome.leaves.len(), 500);
    assert!(outcome.gas_used <= world.spec.params.block_gas_limit);
}

#[test]
fn views_answer() {
    let (mut world, terms) = World::with_vault();
    let id = word(terms.vault());
    let head = |world: &World| {
        let answer = world.call(SNAPSHOTS, headCall { vault: id }.abi_encode());
        headCall::abi_decode_returns_validate(&answer.output).unwrap()
    };
    assert_eq!(head(&world), headReturn { seq: 0, commitment: word(Hash32::ZERO) });
    let first = commitment(&terms, 1, Hash32::ZERO.into());
    assert!(world.commit(&first).success);
    assert_eq!(head(&world), headReturn { seq: 1, commitment: word(first.hash()) });
    let at = |world: &World, seq| {
        let answer = world.call(SNAPSHOTS, atCall { vault: id, seq }.abi_encode());
        atCall::abi_decode_returns_validate(&answer.output).unwrap()
    };
    assert_eq!(at(&world, 1), atReturn { commitment: word(first.hash()), leafIndex: 0, height: 2 });
    assert_eq!(at(&world, 2), atReturn::default());
    let log = world.call(SNAPSHOTS, logCall {}.abi_encode());
    let log = logCall::abi_decode_returns_validate(&log.output).unwrap();
    assert_eq!((log.size, log.root), (1, word(frontier(&world.state).unwrap().root())));
}
