//! Tests of `Clusters`; the rules are `docs/spec/system-contracts.md`.

use alloy_sol_types::{SolCall as _, SolEvent as _};
use ed25519_dalek::SigningKey;
use primitives::{MemberKey, NetworkId};

use super::*;
use crate::abi::clusters::IClusters::{BadAttestation, TooFewAttestations};
use crate::state::cluster;
use crate::testing::{OPERATOR, STRANGER, World, address, chain, cluster_id, ed25519, member_key, members};
use crate::{SNAPSHOTS, calls, eth};

struct Next {
    keys: Vec<SigningKey>,
    members: Vec<MemberKey>,
}

fn next() -> Next {
    let mut keys: Vec<_> = [21u8, 22].map(|byte| SigningKey::from_bytes(&[byte; 32])).into();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    Next { members: keys.iter().map(member_key).collect(), keys }
}

fn signed(
    network: &NetworkId,
    epoch: u64,
    members_next: &[MemberKey],
    threshold: u32,
    who: &[usize],
) -> Vec<(MemberKey, Ed25519Signature)> {
    let message = calls::hand_over_message(network, &cluster_id(), epoch, members_next, threshold, &address(&STRANGER));
    let keys = members();
    who.iter().map(|index| (member_key(&keys[*index]), ed25519(&keys[*index], &message))).collect()
}

fn hand_over_to(
    epoch: u64,
    members: &[MemberKey],
    threshold: u32,
    signatures: &[(MemberKey, Ed25519Signature)],
) -> Vec<u8> {
    calls::hand_over(&cluster_id(), epoch, members, threshold, &address(&STRANGER), signatures)
}

#[test]
fn the_old_epoch_hands_over_to_the_new() {
    let (mut world, terms) = World::with_vault();
    let next = next();
    let signatures = signed(&world.spec.network, 7, &next.members, 2, &[1, 2]);
    let receipt = world.send(&STRANGER, CLUSTERS, hand_over_to(7, &next.members, 2, &signatures));
    assert!(receipt.success, "{}", calls::describe_revert(&receipt.output));
    let event = EpochBegan::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert_eq!((event.epoch, event.threshold, event.members.len()), (8, 2, 2));
    let state = cluster(&world.state, &cluster_id()).unwrap().unwrap();
    assert_eq!((state.epoch, &state.members, state.since.get()), (8, &next.members, 2));
    // The old members' word counts no more, the new members' does.
    let items = chain(&terms, 1, Hash32::ZERO.into(), 1);
    let old = calls::commit_batch(&cluster_id(), 7, &items, &world.attest(&items, &[0, 1]));
    assert!(!world.send(&OPERATOR, SNAPSHOTS, old).success);
    let hashes = [items[0].hash()];
    let message = primitives::ledger::attestation_hash(&world.spec.network, &cluster_id(), 8, &hashes);
    let words: Vec<_> = next.keys.iter().map(|key| (member_key(key), ed25519(key, &message))).collect();
    let new = calls::commit_batch(&cluster_id(), 8, &items, &words);
    assert!(world.send(&OPERATOR, SNAPSHOTS, new).success);
    // The same hand-over again: the epoch has passed.
    let again = hand_over_to(7, &next.members, 2, &signatures);
    world.send_reverts(&STRANGER, CLUSTERS, again, WrongEpoch { expected: 8, found: 7 });
}

#[test]
fn a_hand_over_needs_the_thresholds_word_for_exactly_this() {
    let mut world = World::new();
    let next = next();
    let network = world.spec.network;
    let one = signed(&network, 7, &next.members, 2, &[0]);
    let error = TooFewAttestations { threshold: U256::from(2), found: U256::from(1) };
    world.send_reverts(&STRANGER, CLUSTERS, hand_over_to(7, &next.members, 2, &one), error);
    for wrong in [
        signed(&NetworkId::ZERO, 7, &next.members, 2, &[0, 1]),
        signed(&network, 8, &next.members, 2, &[0, 1]),
        signed(&network, 7, &next.members[..1], 2, &[0, 1]),
        signed(&network, 7, &next.members, 1, &[0, 1]),
    ] {
        let error = BadAttestation { member: word(wrong[0].0) };
        world.send_reverts(&STRANGER, CLUSTERS, hand_over_to(7, &next.members, 2, &wrong), error);
    }
    let error = WrongEpoch { expected: 7, found: 6 };
    world.send_reverts(&STRANGER, CLUSTERS, hand_over_to(6, &next.members, 2, &[]), error);
    let unknown = Hash32::new([9; 32]);
    let input = calls::hand_over(&unknown, 7, &next.members, 2, &address(&STRANGER), &[]);
    world.send_reverts(&STRANGER, CLUSTERS, input, UnknownCluster { cluster: word(unknown) });
}

#[test]
fn broken_epochs_are_refused_whoever_signs() {
    let mut world = World::new();
    let next = next();
    let all = [0, 1, 2];
    let limit = U256::from(ClusterSpec::MEMBERS_MAX);
    let descending: Vec<_> = next.members.iter().rev().copied().collect();
    let many: Vec<MemberKey> = (0..=64u8).map(|byte| MemberKey::new([byte; 32])).collect();
    for list in [vec![], vec![next.members[0]; 2], descending, many] {
        let signatures = signed(&world.spec.network, 7, &list, 1, &all);
        let found = U256::from(list.len());
        let error = InvalidMembers { limit, found };
        world.send_reverts(&STRANGER, CLUSTERS, hand_over_to(7, &list, 1, &signatures), error);
    }
    for threshold in [0, 3] {
        let signatures = signed(&world.spec.network, 7, &next.members, threshold, &all);
        let input = hand_over_to(7, &next.members, threshold, &signatures);
        world.send_reverts(&STRANGER, CLUSTERS, input, InvalidThreshold { threshold });
    }
    let off_curve = off_curve();
    let signatures = signed(&world.spec.network, 7, &[off_curve], 1, &all);
    let input = hand_over_to(7, &[off_curve], 1, &signatures);
    world.send_reverts(&STRANGER, CLUSTERS, input, InvalidMember { member: word(off_curve) });
}

/// Half of all 32-byte strings are no point of the curve.
fn off_curve() -> MemberKey {
    (0..=255u8)
        .map(|byte| [byte; 32])
        .find(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).is_err())
        .map(MemberKey::new)
        .unwrap()
}

#[test]
fn a_view_shows_the_cluster() {
    let mut world = World::new();
    let answer = world.call(CLUSTERS, getCall { cluster: word(cluster_id()) }.abi_encode());
    let state = getCall::abi_decode_returns_validate(&answer.output).unwrap();
    assert_eq!((state.epoch, state.threshold, state.members.len(), state.since), (7, 2, 3, 0));
    assert_eq!(from_alloy(state.operator), address(&OPERATOR));
    let missing = word(Hash32::new([8; 32]));
    world.send_reverts(
        &OPERATOR,
        CLUSTERS,
        getCall { cluster: missing }.abi_encode(),
        UnknownCluster { cluster: missing },
    );
}
