//! Tests of block execution: fees, nonces, reverts, limits, determinism, and the properties that hold for any block.

use alloy_sol_types::SolCall as _;
use primitives::{Address, EcdsaSignature, Hash32};
use proptest::prelude::*;

use super::*;
use crate::abi::snapshots::ISnapshots::headCall;
use crate::state::account;
use crate::testing::{OPERATOR, OWNER, POOR, STRANGER, World, address, chain, commitment};
use crate::{CLUSTERS, SNAPSHOTS, UnsignedTx, VAULTS, calls, check, estimate_gas, gas_needed};
use crate::{CallError, CallRequest};

const FEE: u128 = 21_000 * 1_000_000_000;

#[test]
fn a_transfer_moves_value_and_credits_the_fee() {
    let mut world = World::new();
    let (from, to, supply) = (address(&OWNER), address(&POOR), world.supply());
    let before = world.balance(&from);
    let tx = world.tx(&OWNER, to, 500, vec![]);
    let outcome = world.run(&[tx]);
    assert_eq!(outcome.receipts[0].gas_used, 21_000);
    assert_eq!((world.balance(&to), world.balance(&from)), (500, before - 500 - FEE));
    assert_eq!(world.balance(&VALIDATORS), FEE);
    assert_eq!(world.nonce(&OWNER), 1);
    assert_eq!(world.supply(), supply);
    // To oneself: only the fee leaves.
    let tx = world.tx(&OWNER, from, 7, vec![]);
    assert!(world.run(&[tx]).receipts[0].success);
    assert_eq!(world.balance(&from), before - 500 - 2 * FEE);
    // Nothing: no account appears.
    let tx = world.tx(&OWNER, Address::new([0x77; 20]), 0, vec![1, 2, 3]);
    let outcome = world.run(&[tx]);
    assert!(outcome.receipts[0].success);
    assert!(!outcome.changes.contains_key(&StateKey::Account(Address::new([0x77; 20])).bytes()));
    assert_eq!(world.supply(), supply);
}

#[test]
fn nonces_are_sequential_also_within_a_block() {
    let mut world = World::new();
    let to = address(&POOR);
    let txs: Vec<_> = (0..3).map(|nonce| world.tx_at(nonce, &OWNER, to, 1, vec![])).collect();
    assert_eq!(world.run(&txs).receipts.len(), 3);
    assert_eq!(world.nonce(&OWNER), 3);
    let replay = world.execute(&txs[2..]).unwrap_err();
    assert_eq!(replay.to_string(), "transaction 0: nonce too low: next nonce 3, tx nonce 2");
    let gap = world.tx_at(4, &OWNER, to, 1, vec![]);
    let error = world.execute(&[gap]).unwrap_err();
    assert_eq!(error.to_string(), "transaction 0: nonce too high: next nonce 3, tx nonce 4");
}

#[test]
fn an_account_pays_for_the_most_that_a_transaction_may_cost() {
    let mut world = World::new();
    let (to, balance) = (address(&POOR), world.balance(&address(&OWNER)));
    let over = world.tx(&OWNER, to, balance - FEE + 1, vec![]);
    let error = world.execute(&[over]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "transaction 0: insufficient funds for gas * price + value: balance {balance}, tx cost {}, overshot 1",
            balance + 1
        )
    );
    let poor = world.tx(&POOR, to, 0, vec![]);
    assert!(matches!(
        world.execute(&[poor]),
        Err(ExecuteError::Transaction { index: 0, error: TxError::InsufficientFunds { balance: 0, .. } })
    ));
    let all = world.tx(&OWNER, to, balance - FEE, vec![]);
    assert!(world.run(&[all]).receipts[0].success);
    assert_eq!(world.balance(&address(&OWNER)), 0);
}

#[test]
fn fee_and_nonce_survive_a_revert() {
    let mut world = World::new();
    let before = world.balance(&address(&OWNER));
    let input = headCall { vault: Default::default() }.abi_encode();
    let receipt = world.send(&OWNER, CLUSTERS, input);
    assert!(!receipt.success);
    assert_eq!(calls::describe_revert(&receipt.output), "MalformedCall");
    assert_eq!(world.nonce(&OWNER), 1);
    assert_eq!(world.balance(&address(&OWNER)), before - u128::from(receipt.gas_used) * 1_000_000_000);
}

#[test]
fn too_little_gas_fails_and_costs_all_of_it() {
    let (mut world, terms) = World::with_vault();
    let input = calls::commit(&commitment(&terms, 1, Hash32::ZERO.into()));
    let needed = gas_needed(&world.spec.params, &SNAPSHOTS, &input);
    // The same call in a legacy envelope with one gas less.
    use alloy_consensus::{SignableTransaction as _, TxEnvelope, TxLegacy};
    use alloy_eips::eip2718::Encodable2718 as _;
    let tx = TxLegacy {
        chain_id: Some(world.spec.params.chain_id.get()),
        nonce: world.nonce(&OWNER),
        gas_price: 1_000_000_000,
        gas_limit: needed - 1,
        to: alloy_primitives::TxKind::Call(crate::address::to_alloy(&SNAPSHOTS)),
        value: alloy_primitives::U256::ZERO,
        input: input.clone().into(),
    };
    let bytes = *EcdsaSignature::sign(&OWNER, &Hash32::new(tx.signature_hash().0)).unwrap().as_bytes();
    let signature = alloy_primitives::Signature::from_bytes_and_parity(&bytes[..64], bytes[64] == 1);
    let tx = check(&world.spec.params, &TxEnvelope::from(tx.into_signed(signature)).encoded_2718()).unwrap();
    let receipt = world.run(&[tx]).receipts.remove(0);
    assert_eq!((receipt.success, receipt.gas_used, receipt.output.as_slice()), (false, needed - 1, &[][..]));
    assert_eq!(calls::describe_revert(&receipt.output), "out of gas");
    let receipt = world.send(&OWNER, SNAPSHOTS, input);
    assert_eq!((receipt.success, receipt.gas_used), (true, needed));
}

#[test]
fn a_full_block_takes_no_more_and_stays_as_it_was() {
    let mut world = World::new();
    world.spec.params.block_gas_limit = 50_000;
    let to = address(&POOR);
    let txs: Vec<_> = (0..3).map(|nonce| world.tx_at(nonce, &OWNER, to, 1, vec![])).collect();
    let block = world.block();
    let mut executor = Executor::new(&world.spec, &world.state, &block).unwrap();
    executor.push(&txs[0]).unwrap();
    executor.push(&txs[1]).unwrap();
    let error = executor.push(&txs[2]).unwrap_err();
    assert!(matches!(error, ExecuteError::BlockGas { index: 2, left: 8_000, asked: 21_000 }));
    // A refused one in between changes nothing either.
    let poor = world.tx(&POOR, to, 0, vec![]);
    assert!(executor.push(&poor).is_err());
    let outcome = executor.finish().unwrap();
    assert_eq!(outcome, world.execute(&txs[..2]).unwrap());
    world.spec.params.block_gas_limit = 30_000_000;
    world.spec.params.block_bytes_max = u32::try_from(txs[0].raw().len()).unwrap() + 1;
    assert!(matches!(world.execute(&txs[..2]), Err(ExecuteError::BlockBytes { index: 1, left: 1, .. })));
}

#[test]
fn the_same_input_gives_the_same_outcome_and_an_empty_block_changes_nothing() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 20);
    let txs = [
        world.tx(&OPERATOR, SNAPSHOTS, 0, world.batch(&items)),
        world.tx(&OWNER, address(&POOR), 9, vec![]),
        world.tx(&STRANGER, VAULTS, 0, calls::register(&terms)),
    ];
    let first = world.execute(&txs).unwrap();
    assert_eq!(first, world.execute(&txs).unwrap());
    world.apply(&first);
    let empty = world.execute(&[]).unwrap();
    assert!(empty.changes.is_empty() && empty.receipts.is_empty() && empty.leaves.is_empty());
    assert_eq!((empty.gas_used, &empty.frontier), (0, &first.frontier));
}

#[test]
fn a_later_transaction_sees_an_earlier_one_and_not_a_failed_one() {
    let (mut world, terms) = World::with_vault();
    let items = chain(&terms, 1, Hash32::ZERO.into(), 3);
    let nonce = world.nonce(&OPERATOR);
    let txs = [
        world.tx_at(nonce, &OPERATOR, SNAPSHOTS, 0, world.batch(&items[..1])),
        world.tx(&OWNER, SNAPSHOTS, 0, calls::commit(&items[2])),
        world.tx_at(nonce + 1, &OPERATOR, SNAPSHOTS, 0, world.batch(&items[1..])),
    ];
    let outcome = world.run(&txs);
    let successes: Vec<_> = outcome.receipts.iter().map(|receipt| receipt.success).collect();
    assert_eq!(successes, [true, false, true]);
    assert_eq!(outcome.leaves, items);
    let cumulative: Vec<_> = outcome.receipts.iter().map(|receipt| receipt.cumulative_gas).collect();
    let gas: Vec<_> = outcome.receipts.iter().map(|receipt| receipt.gas_used).collect();
    assert_eq!(cumulative, [gas[0], gas[0] + gas[1], gas[0] + gas[1] + gas[2]]);
    assert_eq!(outcome.gas_used, cumulative[2]);
}

#[test]
fn an_estimate_is_exactly_what_a_transaction_needs() {
    let (mut world, terms) = World::with_vault();
    let input = calls::commit(&commitment(&terms, 1, Hash32::ZERO.into()));
    let request =
        CallRequest { from: address(&OWNER), to: Some(SNAPSHOTS), input: input.clone(), ..CallRequest::default() };
    let estimate = estimate_gas(&world.spec, &world.state, &world.block(), &request).unwrap();
    assert!(estimate.success);
    assert_eq!(estimate.logs.len(), 1);
    let receipt = world.send(&OWNER, SNAPSHOTS, input);
    assert_eq!(estimate.gas_used, receipt.gas_used);
    // What would fail says why, and nobody pays.
    let request = CallRequest { from: address(&STRANGER), ..request };
    let estimate = estimate_gas(&world.spec, &world.state, &world.block(), &request).unwrap();
    assert!(!estimate.success);
    assert!(calls::describe_revert(&estimate.output).starts_with("NotCommitter"));
    let creation = CallRequest { to: None, ..request.clone() };
    let error = estimate_gas(&world.spec, &world.state, &world.block(), &creation).unwrap_err();
    assert!(matches!(error, CallError::Refused(TxError::Creation)));
    let little = CallRequest { gas: Some(20_000), ..request };
    let error = estimate_gas(&world.spec, &world.state, &world.block(), &little).unwrap_err();
    assert!(matches!(error, CallError::Refused(TxError::IntrinsicGas { .. })));
    let value = CallRequest { from: address(&POOR), to: Some(address(&OWNER)), value: 1, ..CallRequest::default() };
    let error = crate::call(&world.spec, &world.state, &world.block(), &value).unwrap_err();
    assert!(error.to_string().starts_with("insufficient funds"));
}

#[test]
fn a_broken_store_is_fatal_and_not_a_revert() {
    struct Broken;
    impl StateView for Broken {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
            Err(ViewError::unavailable("disk gone"))
        }
    }
    let world = World::new();
    let error = execute(&world.spec, &Broken, &world.block(), &[]).unwrap_err();
    assert!(matches!(error, ExecuteError::View(ViewError::Unavailable { .. })));
    let mut corrupt = world.state.clone();
    corrupt.insert(StateKey::Account(address(&OWNER)).bytes(), vec![1, 2, 3]);
    let tx = world.tx(&OWNER, address(&POOR), 0, vec![]);
    let error = execute(&world.spec, &corrupt, &world.block(), &[tx]).unwrap_err();
    assert!(matches!(error, ExecuteError::View(ViewError::Corrupt { .. })), "{error}");
}

/// One random step: who, to whom, how much, with what.
fn step() -> impl Strategy<Value = (usize, usize, u128, Vec<u8>)> {
    let terms = World::new().terms();
    let register = calls::register(&terms);
    let commits = chain(&terms, 1, Hash32::ZERO.into(), 3).iter().map(calls::commit).collect::<Vec<_>>();
    let input = prop_oneof![
        Just(vec![]),
        proptest::collection::vec(any::<u8>(), 0..200),
        Just(register),
        proptest::sample::select(commits.clone()),
        (proptest::sample::select(commits), any::<proptest::sample::Index>(), any::<u8>()).prop_map(
            |(mut input, index, byte)| {
                let index = index.index(input.len());
                input[index] = byte;
                input
            }
        ),
    ];
    (0..4usize, 0..7usize, prop_oneof![0..1_000u128, any::<u128>()], input)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn money_is_conserved_nonces_rise_and_gas_stays_in_its_limit(steps in proptest::collection::vec(step(), 1..20)) {
        let mut world = World::new();
        let supply = world.supply();
        let secrets = [OPERATOR, OWNER, STRANGER, POOR];
        for chunk in steps.chunks(4) {
            let block = world.block();
            let before: Vec<_> = secrets.iter().map(|secret| world.nonce(secret)).collect();
            let mut sent = [0u64; 4];
            let mut executor = Executor::new(&world.spec, &world.state, &block).unwrap();
            let mut gas = 0;
            for (who, to, value, input) in chunk {
                let to = match to {
                    0 => VAULTS,
                    1 => SNAPSHOTS,
                    2 => CLUSTERS,
                    3 => VALIDATORS,
                    index => address(&secrets[index - 4 + 1]),
                };
                let nonce = before[*who] + sent[*who];
                let tx = UnsignedTx { nonce, to, value: *value, input: input.clone() };
                let tx = check(&world.spec.params, &tx.sign(&world.spec.params, &secrets[*who]).unwrap()).unwrap();
                match executor.push(&tx) {
                    Ok(receipt) => {
                        prop_assert!(receipt.gas_used <= tx.gas_limit());
                        prop_assert!(receipt.success || receipt.logs.is_empty());
                        gas += receipt.gas_used;
                        sent[*who] += 1;
                    }
                    Err(ExecuteError::Transaction { error: TxError::InsufficientFunds { .. }, .. }) => {}
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            let outcome = executor.finish().unwrap();
            prop_assert_eq!(outcome.gas_used, gas);
            prop_assert!(gas <= world.spec.params.block_gas_limit);
            world.apply(&outcome);
            world.height += 1;
            prop_assert_eq!(world.supply(), supply);
            for (index, secret) in secrets.iter().enumerate() {
                prop_assert_eq!(world.nonce(secret), before[index] + sent[index]);
            }
        }
    }

    #[test]
    fn garbage_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
        let world = World::new();
        prop_assert!(check(&world.spec.params, &raw).is_err());
        for to in crate::SYSTEM_CONTRACTS {
            let request = CallRequest { to: Some(to), input: raw.clone(), ..CallRequest::default() };
            let outcome = crate::call(&world.spec, &world.state, &world.block(), &request).unwrap();
            prop_assert!(!outcome.success);
        }
    }

    #[test]
    fn garbage_after_a_real_selector_never_panics(
        which in any::<proptest::sample::Index>(),
        tail in proptest::collection::vec(prop_oneof![Just(0u8), Just(0x20), Just(0xff), any::<u8>()], 0..400),
    ) {
        use alloy_sol_types::SolInterface as _;
        use crate::abi::{clusters::IClusters::IClustersCalls, snapshots::ISnapshots::ISnapshotsCalls};
        use crate::abi::{validators::IValidators::IValidatorsCalls, vaults::IVaults::IVaultsCalls};
        let mut selectors: Vec<(Address, [u8; 4])> = vec![];
        selectors.extend(IVaultsCalls::selectors().map(|selector| (VAULTS, selector)));
        selectors.extend(ISnapshotsCalls::selectors().map(|selector| (SNAPSHOTS, selector)));
        selectors.extend(IClustersCalls::selectors().map(|selector| (CLUSTERS, selector)));
        selectors.extend(IValidatorsCalls::selectors().map(|selector| (VALIDATORS, selector)));
        let (to, selector) = selectors[which.index(selectors.len())];
        let mut world = World::new();
        let input = [&selector[..], &tail].concat();
        let receipt = world.send(&OWNER, to, input);
        prop_assert!(receipt.gas_used <= world.spec.params.block_gas_limit);
        prop_assert_eq!(account(&world.state, &address(&OWNER)).unwrap().nonce, 1);
    }
}
