//! The validator set in the engine's terms.

use malachite_core_types::{Validator, ValidatorSet};
use primitives::ValidatorKey;

use super::{Bft, SetAddress};

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BftValidator {
    address: SetAddress,
    power: u64,
}

impl Validator<Bft> for BftValidator {
    fn address(&self) -> &SetAddress {
        &self.address
    }

    fn public_key(&self) -> &ValidatorKey {
        &self.address.0
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// A checked set; order and sums come from [`primitives::ValidatorSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BftValidators {
    members: Vec<BftValidator>,
    total: u64,
}

impl From<&primitives::ValidatorSet> for BftValidators {
    fn from(set: &primitives::ValidatorSet) -> Self {
        let members = set
            .members()
            .iter()
            .map(|member| BftValidator { address: SetAddress(member.key), power: member.power })
            .collect();
        Self { members, total: set.total_power() }
    }
}

impl ValidatorSet<Bft> for BftValidators {
    fn count(&self) -> usize {
        self.members.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total
    }

    fn get_by_address(&self, address: &SetAddress) -> Option<&BftValidator> {
        let index = self.members.binary_search_by(|member| member.address.cmp(address)).ok()?;
        self.members.get(index)
    }

    fn get_by_index(&self, index: usize) -> Option<&BftValidator> {
        self.members.get(index)
    }
}
