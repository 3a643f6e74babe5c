//! Tests of the builders.

use alloy_sol_types::SolError as _;

use super::*;
use crate::abi::snapshots::ISnapshots::WrongSequence;
use crate::contracts::SystemCall;
use crate::testing::{OWNER, World, address, chain, cluster_id, member_key, members};
use crate::{CLUSTERS, SNAPSHOTS, VAULTS};

#[test]
fn every_builder_makes_calldata_that_its_contract_decodes() {
    let world = World::new();
    let mut terms = world.terms();
    terms.delegates = vec![Address::new([1; 20]), Address::new([2; 20])];
    let items = chain(&terms, 1, Hash32::ZERO.into(), 2);
    let keys: Vec<_> = members().iter().map(member_key).collect();
    let (vault, owner, cluster) = (terms.vault(), address(&OWNER), cluster_id());
    let words = world.attest(&items, &[0, 1, 2]);
    for (to, input) in [
        (VAULTS, register(&terms)),
        (VAULTS, register_for(&terms, &world.consent(&terms, &OWNER))),
        (VAULTS, add_delegate(&vault, &owner)),
        (VAULTS, remove_delegate(&vault, &owner)),
        (VAULTS, set_cluster(&vault, &cluster)),
        (SNAPSHOTS, commit(&items[0])),
        (SNAPSHOTS, commit_batch(&cluster, 7, &items, &words)),
        (CLUSTERS, hand_over(&cluster, 7, &keys, 2, &owner, &words)),
    ] {
        assert!(matches!(SystemCall::decode(&to, &input), Some(Ok(_))), "{}", alloy_primitives::hex::encode(&input));
    }
}

#[test]
fn attestations_are_put_in_order() {
    let world = World::new();
    let items = chain(&world.terms(), 1, Hash32::ZERO.into(), 1);
    let forward = commit_batch(&cluster_id(), 7, &items, &world.attest(&items, &[0, 1, 2]));
    let backward = commit_batch(&cluster_id(), 7, &items, &world.attest(&items, &[2, 0, 1]));
    assert_eq!(forward, backward);
}

#[test]
fn a_dry_run_says_which_items_are_not_worth_sending() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    assert!(world.commit(&items[0]).success);
    let mut fork = items[0].clone();
    fork.files += 1;
    let mut gap = items[2].clone();
    gap.seq = 7;
    let batch = [fork.clone(), items[0].clone(), items[1].clone(), gap.clone()];
    let outcome = world.call(SNAPSHOTS, world.batch(&batch));
    assert!(outcome.success);
    let found = left_out(&outcome.logs);
    assert_eq!(found.iter().map(|item| item.commitment).collect::<Vec<_>>(), [fork.hash(), gap.hash()]);
    assert!(found[0].reason.contains("recorded at sequence number 1"), "{}", found[0].reason);
    assert!(found[1].reason.starts_with("WrongSequence"), "{}", found[1].reason);
    assert!(found.iter().all(|item| !item.against_terms));
    // What the terms refuse, they always will.
    let (mut policy, mut retention) = (items[1].clone(), items[1].clone());
    policy.policy = primitives::Policy::MIRROR;
    retention.retain_until = primitives::TimestampMs::new(0);
    for (item, error) in [(policy, "WrongPolicy"), (retention, "RetentionTooShort")] {
        let found = left_out(&world.call(SNAPSHOTS, world.batch(&[item])).logs);
        assert!(found[0].reason.starts_with(error) && found[0].against_terms, "{found:?}");
    }
}

#[test]
fn an_error_is_told_in_words() {
    let error = WrongSequence { vault: B256::ZERO, expected: 2, found: 4 }.abi_encode();
    let text = describe_revert(&error);
    assert!(text.starts_with("WrongSequence") && text.contains("expected: 2") && text.contains("found: 4"), "{text}");
    assert_eq!(describe_revert(&[]), "out of gas");
    assert_eq!(describe_revert(&[1, 2, 3, 4]), "unknown error 0x01020304");
}
