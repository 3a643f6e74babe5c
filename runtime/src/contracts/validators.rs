//! `Validators`: who signs the next block.

use alloy_sol_types::SolCall as _;
use primitives::ValidatorSet;

use super::{Abort, Env};
use crate::ViewError;
use crate::abi::validators::IValidators::{IValidatorsCalls, Validator, nextCall, nextHashCall, totalPowerCall};
use crate::address::word;
use crate::state::StateKey;

pub(super) fn run(env: &mut Env<'_, '_>, call: &IValidatorsCalls) -> Result<Vec<u8>, Abort> {
    let key = StateKey::Validators;
    let set: ValidatorSet = env.state.read(&key)?.ok_or_else(|| ViewError::absent(&key))?;
    Ok(match call {
        IValidatorsCalls::next(_) => {
            let list: Vec<Validator> = set
                .members()
                .iter()
                .map(|validator| Validator { key: word(validator.key), power: validator.power })
                .collect();
            nextCall::abi_encode_returns(&list)
        }
        IValidatorsCalls::nextHash(_) => nextHashCall::abi_encode_returns(&word(set.hash())),
        IValidatorsCalls::totalPower(_) => totalPowerCall::abi_encode_returns(&set.total_power()),
    })
}

#[cfg(test)]
#[path = "validators_test.rs"]
mod tests;
