//! Networks that come with the program.

use primitives::{Address, MemberKey, TimestampMs, ValidatorKey};

use crate::{AllocationJson, ClusterJson, Spec, ValidatorJson};

/// The development network without keys.
const DEV: &str = include_str!("../presets/dev.json");

/// What the operator of a development network owns at genesis: 10⁹ units of 10¹⁸ wei.
pub const DEV_BALANCE: u128 = 1_000_000_000_000_000_000_000_000_000;

/// Whose keys a development network starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevKeys {
    /// The only validator.
    pub validator: ValidatorKey,
    /// The only member of the only root cluster; its key is also the cluster's id.
    pub member: MemberKey,
    /// The account that pays for the cluster; owns [`DEV_BALANCE`].
    pub operator: Address,
    /// Further balances, in wei.
    pub extra_allocations: Vec<(Address, u128)>,
}

impl Spec {
    /// The network of `strongroom run --dev`: one validator, one root cluster of one member, a rich operator.
    #[must_use]
    pub fn dev(keys: DevKeys, timestamp: TimestampMs) -> Self {
        let mut spec = Self::from_json(DEV).expect("the preset is part of the program and a test reads it");
        spec.timestamp = timestamp.get();
        spec.validators = vec![ValidatorJson { key: format!("0x{}", keys.validator), power: 1 }];
        spec.clusters = vec![ClusterJson {
            id: format!("0x{}", keys.member),
            epoch: 0,
            members: vec![format!("0x{}", keys.member)],
            threshold: 1,
            operator: format!("0x{}", keys.operator),
        }];
        spec.allocations = std::iter::once((keys.operator, DEV_BALANCE))
            .chain(keys.extra_allocations)
            .map(|(address, balance)| AllocationJson { address: format!("0x{address}"), balance: balance.to_string() })
            .collect();
        spec
    }
}
