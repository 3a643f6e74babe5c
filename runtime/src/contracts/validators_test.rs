//! Tests of `Validators`.

use alloy_sol_types::SolCall as _;

use super::*;
use crate::address::VALIDATORS;
use crate::testing::World;

#[test]
fn views_show_the_set_of_the_next_block() {
    let world = World::new();
    let answer = world.call(VALIDATORS, nextCall {}.abi_encode());
    let set = nextCall::abi_decode_returns_validate(&answer.output).unwrap();
    let expected = world.spec.validators.members();
    assert_eq!((set.len(), set[0].key, set[0].power), (1, word(expected[0].key), 1));
    let answer = world.call(VALIDATORS, nextHashCall {}.abi_encode());
    let hash = nextHashCall::abi_decode_returns_validate(&answer.output).unwrap();
    assert_eq!(hash, word(world.spec.validators.hash()));
    let answer = world.call(VALIDATORS, totalPowerCall {}.abi_encode());
    assert_eq!(totalPowerCall::abi_decode_returns_validate(&answer.output).unwrap(), 1);
    let outcome = world.execute(&[]).unwrap();
    assert_eq!(outcome.next_validators, world.spec.validators);
}
