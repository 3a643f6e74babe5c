//! Tests of `Vaults`; the rules are `docs/spec/system-contracts.md`.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use primitives::ledger::DELEGATES_MAX;
use primitives::{Address, EcdsaSignature, Hash32, Policy};

use super::*;
use crate::abi::vaults::IVaults::MalformedCall;
use crate::calls;
use crate::eth;
use crate::state::vault;
use crate::testing::{OPERATOR, OWNER, STRANGER, World, address};

#[test]
fn an_owner_opens_a_vault() {
    let mut world = World::new();
    let terms = world.terms();
    let receipt = world.send(&OWNER, VAULTS, calls::register(&terms));
    assert!(receipt.success);
    assert_eq!(registerCall::abi_decode_returns_validate(&receipt.output).unwrap(), word(terms.vault()));
    let state = vault(&world.state, &terms.vault()).unwrap().unwrap();
    assert_eq!((&state.terms, state.cluster, state.head_seq, state.registered_at.get()), (&terms, terms.cluster, 0, 1));
    let event = VaultRegistered::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert_eq!(event.vault, word(terms.vault()));
    assert_eq!(event.owner, to_alloy(&terms.owner));
    assert_eq!(event.sender, to_alloy(&terms.owner));
    assert_eq!(receipt.logs[0].address, VAULTS);
}

#[test]
fn anyone_opens_it_with_the_owners_consent_and_nobody_without() {
    let mut world = World::new();
    let terms = world.terms();
    let bad = BadConsent { owner: to_alloy(&terms.owner) };
    for consent in [
        world.consent(&terms, &STRANGER),
        EcdsaSignature::sign(&OWNER, &terms.consent_hash(&primitives::NetworkId::ZERO)).unwrap(),
        EcdsaSignature::new([0; 65]),
        EcdsaSignature::new([0xff; 65]),
    ] {
        world.send_reverts(&OPERATOR, VAULTS, calls::register_for(&terms, &consent), bad.clone());
    }
    let mut other = terms.clone();
    other.retention_ms += 1;
    let consent = world.consent(&terms, &OWNER);
    world.send_reverts(&OPERATOR, VAULTS, calls::register_for(&other, &consent), bad);
    world.send_reverts(
        &OPERATOR,
        VAULTS,
        calls::register(&terms),
        NotOwner { owner: to_alloy(&terms.owner), caller: to_alloy(&address(&OPERATOR)) },
    );
    assert!(world.send(&OPERATOR, VAULTS, calls::register_for(&terms, &consent)).success);
    assert!(vault(&world.state, &terms.vault()).unwrap().is_some());
}

#[test]
fn the_same_terms_again_change_nothing_and_other_terms_fail() {
    let (mut world, terms) = World::with_vault();
    let before = vault(&world.state, &terms.vault()).unwrap();
    let receipt = world.send(&OWNER, VAULTS, calls::register(&terms));
    assert!(receipt.success && receipt.logs.is_empty());
    assert_eq!(registerCall::abi_decode_returns_validate(&receipt.output).unwrap(), word(terms.vault()));
    assert_eq!(vault(&world.state, &terms.vault()).unwrap(), before);
    let mut other = terms.clone();
    other.policy = Policy::STRONG;
    world.send_reverts(&OWNER, VAULTS, calls::register(&other), VaultExists { vault: word(terms.vault()) });
}

#[test]
fn the_terms_still_count_as_the_same_after_delegates_changed() {
    let (mut world, terms) = World::with_vault();
    assert!(world.send(&OWNER, VAULTS, calls::add_delegate(&terms.vault(), &address(&STRANGER))).success);
    let consent = world.consent(&terms, &OWNER);
    assert!(world.send(&OPERATOR, VAULTS, calls::register_for(&terms, &consent)).success);
    let state = vault(&world.state, &terms.vault()).unwrap().unwrap();
    assert_eq!(state.delegates, vec![address(&STRANGER)]);
}

#[test]
fn broken_terms_are_refused() {
    let mut world = World::new();
    let terms = world.terms();
    let mut unknown = terms.clone();
    unknown.cluster = Hash32::new([9; 32]);
    world.send_reverts(&OWNER, VAULTS, calls::register(&unknown), UnknownCluster { cluster: word(unknown.cluster) });
    let mut broken = terms.clone();
    broken.delegates = vec![Address::new([5; 20]), Address::new([6; 20]), Address::new([5; 20])];
    let error = InvalidDelegate { delegate: to_alloy(&broken.delegates[0]) };
    world.send_reverts(&OWNER, VAULTS, calls::register(&broken), error);
    let mut many = terms.clone();
    many.delegates = (0..=16u8).map(|byte| Address::new([byte + 1; 20])).collect();
    let limit = U256::from(DELEGATES_MAX);
    world.send_reverts(&OWNER, VAULTS, calls::register(&many), TooManyDelegates { limit });
    for (data, parity) in [(0u8, 2u8), (65, 2), (4, 65)] {
        let mut raw = terms_to(&terms);
        (raw.dataShards, raw.parityShards) = (data, parity);
        let input = registerCall { terms: raw }.abi_encode();
        world.send_reverts(&OWNER, VAULTS, input, InvalidPolicy { dataShards: data, parityShards: parity });
    }
    let mut none = terms;
    none.cluster = Hash32::ZERO;
    assert!(world.send(&OWNER, VAULTS, calls::register(&none)).success);
}

#[test]
fn delegates_come_and_go_by_the_owners_word_only() {
    let (mut world, terms) = World::with_vault();
    let (id, delegate) = (terms.vault(), address(&STRANGER));
    let is_committer = |world: &World, account: Address| {
        let input = isCommitterCall { vault: word(id), account: to_alloy(&account) }.abi_encode();
        isCommitterCall::abi_decode_returns_validate(&world.call(VAULTS, input).output).unwrap()
    };
    assert!(is_committer(&world, terms.owner));
    assert!(!is_committer(&world, delegate));
    let stranger = NotOwner { owner: to_alloy(&terms.owner), caller: to_alloy(&delegate) };
    world.send_reverts(&STRANGER, VAULTS, calls::add_delegate(&id, &delegate), stranger.clone());
    let receipt = world.send(&OWNER, VAULTS, calls::add_delegate(&id, &delegate));
    assert!(receipt.success);
    DelegateAdded::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert!(is_committer(&world, delegate));
    let again = world.send(&OWNER, VAULTS, calls::add_delegate(&id, &delegate));
    assert!(again.success && again.logs.is_empty());
    world.send_reverts(&STRANGER, VAULTS, calls::remove_delegate(&id, &delegate), stranger);
    let receipt = world.send(&OWNER, VAULTS, calls::remove_delegate(&id, &delegate));
    DelegateRemoved::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert!(!is_committer(&world, delegate));
    let again = world.send(&OWNER, VAULTS, calls::remove_delegate(&id, &delegate));
    assert!(again.success && again.logs.is_empty());
    for byte in 0..16u8 {
        assert!(world.send(&OWNER, VAULTS, calls::add_delegate(&id, &Address::new([byte + 1; 20]))).success);
    }
    let limit = U256::from(DELEGATES_MAX);
    world.send_reverts(&OWNER, VAULTS, calls::add_delegate(&id, &delegate), TooManyDelegates { limit });
}

#[test]
fn the_owner_chooses_another_cluster_or_none() {
    let (mut world, terms) = World::with_vault();
    let id = terms.vault();
    let unknown = Hash32::new([9; 32]);
    world.send_reverts(&OWNER, VAULTS, calls::set_cluster(&id, &unknown), UnknownCluster { cluster: word(unknown) });
    let error = NotOwner { owner: to_alloy(&terms.owner), caller: to_alloy(&address(&STRANGER)) };
    world.send_reverts(&STRANGER, VAULTS, calls::set_cluster(&id, &Hash32::ZERO), error);
    let receipt = world.send(&OWNER, VAULTS, calls::set_cluster(&id, &Hash32::ZERO));
    ClusterChanged::decode_log_validate(&eth::log(&receipt.logs[0])).unwrap();
    assert_eq!(vault(&world.state, &id).unwrap().unwrap().cluster, Hash32::ZERO);
    let again = world.send(&OWNER, VAULTS, calls::set_cluster(&id, &Hash32::ZERO));
    assert!(again.success && again.logs.is_empty());
}

#[test]
fn views_answer_and_name_what_is_missing() {
    let (mut world, terms) = World::with_vault();
    let found = world.call(VAULTS, getCall { vault: word(terms.vault()) }.abi_encode());
    assert!(found.success);
    let state = getCall::abi_decode_returns_validate(&found.output).unwrap();
    assert_eq!(terms_from(state.terms).ok(), Some(terms.clone()));
    assert_eq!(state.registeredAt, 1);
    let input = idOfCall { owner: to_alloy(&terms.owner), salt: word(terms.salt) }.abi_encode();
    let id = idOfCall::abi_decode_returns_validate(&world.call(VAULTS, input).output).unwrap();
    assert_eq!(id, word(terms.vault()));
    let missing = word(Hash32::new([8; 32]));
    world.send_reverts(&OWNER, VAULTS, getCall { vault: missing }.abi_encode(), UnknownVault { vault: missing });
}

#[test]
fn one_call_has_one_encoding() {
    let mut world = World::new();
    let terms = world.terms();
    let good = calls::register(&terms);
    let mut trailing = good.clone();
    trailing.push(0);
    let mut word_more = good.clone();
    word_more.extend([0u8; 32]);
    let mut dirty = good.clone();
    dirty[4 + 32] = 1; // above the 20 bytes of `owner`
    let mut dirty_policy = good.clone();
    dirty_policy[4 + 32 + 3 * 32] = 1; // above the byte of `dataShards`
    // The offset of the delegates' list moved by a word, with a word in between.
    let mut aliased = good.clone();
    let offset = 4 + 32 + 6 * 32 + 31;
    (aliased[offset - 1], aliased[offset]) = (1, 0);
    let tail = aliased.len() - 32;
    aliased.splice(tail..tail, [0u8; 32]);
    let mut huge = good.clone();
    let end = huge.len();
    huge[end - 32..].fill(0xff); // a list of 2^256 - 1 delegates
    for input in [
        vec![],
        vec![0xde, 0xad],
        good[..good.len() - 1].to_vec(),
        trailing,
        word_more,
        dirty,
        dirty_policy,
        aliased,
        huge,
        vec![0xff; 4],
    ] {
        world.send_reverts(&OWNER, VAULTS, input, MalformedCall {});
    }
    assert!(world.send(&OWNER, VAULTS, good).success);
}

#[test]
fn no_call_takes_value() {
    let mut world = World::new();
    let terms = world.terms();
    let tx = world.tx(&OWNER, VAULTS, 1, calls::register(&terms));
    let receipt = world.run(&[tx]).receipts.remove(0);
    assert!(!receipt.success);
    assert_eq!(calls::describe_revert(&receipt.output), "ValueNotAccepted");
    assert_eq!(world.balance(&VAULTS), 0);
}
