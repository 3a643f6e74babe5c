//! Tests of both headers: every root is bound, and the Ethereum one is what an Ethereum client recomputes.

use alloy_consensus::EMPTY_ROOT_HASH;
use alloy_consensus::constants::EMPTY_OMMER_ROOT_HASH;
use alloy_primitives::{B256, Bloom, keccak256};
use primitives::{EthHash, Hash32};

use merkle::log::Frontier;

use super::*;
use crate::testing::{OPERATOR, OWNER, POOR, World, address, chain};
use crate::{SNAPSHOTS, VALIDATORS, calls, eth, genesis};

#[test]
fn a_genesis_header_names_the_network() {
    let world = World::new();
    let native = genesis_header(&world.spec, &genesis(&world.spec), StateRoot::new([7; 32]));
    assert_eq!(native.parent.as_bytes(), world.spec.network.as_bytes());
    assert!(world.spec.is_genesis(&native));
    assert_eq!((native.height, native.timestamp, native.log_size), (Height::GENESIS, world.spec.timestamp, 0));
    assert_eq!(native.log_root, merkle::log::empty_root());
    assert_eq!(native.validators, native.next_validators);
    assert_eq!(native.params, world.spec.params.hash());
    let eth = eth::header(&native, EthHash::ZERO, &[], &[], &world.spec.params);
    assert_eq!((eth.transactions_root, eth.receipts_root), (EMPTY_ROOT_HASH, EMPTY_ROOT_HASH));
    assert_eq!(eth.ommers_hash, EMPTY_OMMER_ROOT_HASH);
    assert_eq!(eth.logs_bloom, Bloom::ZERO);
    assert_eq!(eth.extra_data.as_ref(), native.hash().as_bytes());
}

#[test]
fn a_header_binds_everything_that_a_block_made() {
    let (world, terms) = World::with_vault();
    let parent = genesis_header(&world.spec, &genesis(&world.spec), StateRoot::ZERO);
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    let txs = [
        world.tx(&OPERATOR, SNAPSHOTS, 0, world.batch(&items)),
        world.tx(&OWNER, address(&POOR), 5, vec![]),
        world.tx_at(1, &OWNER, SNAPSHOTS, 0, vec![1, 2, 3, 4]),
    ];
    let outcome = world.execute(&txs).unwrap();
    let root = StateRoot::new([7; 32]);
    let set = &world.spec.validators;
    let make = |txs: &[CheckedTx], outcome: &Outcome, root| {
        header(&world.spec, &parent, &world.block(), txs, outcome, root, set)
    };
    let native = make(&txs, &outcome, root);
    assert_eq!((native.parent, native.state_root, native.log_size), (parent.hash(), root, 3));
    assert_eq!(native.log_root, outcome.frontier.root());
    let mut other_receipt = outcome.clone();
    other_receipt.receipts[1].gas_used += 1;
    let mut other_log = outcome.clone();
    other_log.frontier = Frontier::new();
    for other in [
        make(&txs[..2], &outcome, root),
        make(&txs, &other_receipt, root),
        make(&txs, &other_log, root),
        make(&txs, &outcome, StateRoot::ZERO),
    ] {
        assert_ne!(other.hash(), native.hash());
    }
    // The Ethereum view of the same block.
    let eth = eth::header(&native, EthHash::new([9; 32]), &txs, &outcome.receipts, &world.spec.params);
    assert_eq!(eth::hash(&eth).as_bytes(), &keccak256(alloy_rlp::encode(&eth)).0);
    assert_eq!(eth.parent_hash, B256::new([9; 32]));
    assert_eq!(eth.extra_data.as_ref(), native.hash().as_bytes());
    assert_eq!((eth.number, eth.gas_used), (native.height.get(), outcome.gas_used));
    assert_eq!(eth.timestamp, native.timestamp.get() / 1000);
    assert_eq!((eth.difficulty.is_zero(), eth.base_fee_per_gas), (true, Some(1_000_000_000)));
    assert_eq!(eth.beneficiary.as_slice(), VALIDATORS.as_bytes());
    for event in outcome.receipts.iter().flat_map(|receipt| &receipt.logs) {
        assert!(eth.logs_bloom.contains_raw_log(alloy_primitives::Address::from(*event.address.as_bytes()), &[]));
        let topics: Vec<_> = event.topics.iter().map(|topic| B256::from(*topic.as_bytes())).collect();
        let address = alloy_primitives::Address::from(*event.address.as_bytes());
        assert!(eth.logs_bloom.contains_raw_log(address, &topics));
    }
    let envelope = eth::receipt_envelope(&txs[2], &outcome.receipts[2]);
    assert!(!envelope.status());
    assert_eq!(envelope.cumulative_gas_used(), outcome.gas_used);
    assert!(!calls::describe_revert(&outcome.receipts[2].output).is_empty());
}

#[test]
fn a_blocks_time_moves_forward_and_not_ahead_of_the_clock() {
    let world = World::new();
    let parent = genesis_header(&world.spec, &genesis(&world.spec), StateRoot::ZERO);
    let start = parent.timestamp.get();
    let check = |found, now| check_time(&world.spec, &parent, TimestampMs::new(found), TimestampMs::new(now));
    assert_eq!(check(start + 1, start), Ok(()));
    assert!(matches!(check(start, start), Err(TimeError::NotAfterParent { .. })));
    assert_eq!(check(start + 10_001, start + 1), Ok(()));
    assert!(matches!(check(start + 10_002, start + 1), Err(TimeError::AheadOfClock { .. })));
}
