//! System addresses, and the border between our address type and alloy's.

use alloy_primitives::{Address as AlloyAddress, B256};
use primitives::{Address, Hash32};

pub use chain_spec::is_system_address;

const fn system(last: u8) -> Address {
    let mut bytes = [0u8; 20];
    let [.., page, offset] = &mut bytes;
    *page = 0x08;
    *offset = last;
    Address::new(bytes)
}

/// The contract that opens vaults.
pub const VAULTS: Address = system(0x00);
/// The contract that records snapshots.
pub const SNAPSHOTS: Address = system(0x01);
/// The contract that knows the root clusters.
pub const CLUSTERS: Address = system(0x02);
/// The contract that knows the validators; fees are credited to it.
pub const VALIDATORS: Address = system(0x03);

/// Every system contract.
pub const SYSTEM_CONTRACTS: [Address; 4] = [VAULTS, SNAPSHOTS, CLUSTERS, VALIDATORS];

pub(crate) fn to_alloy(address: &Address) -> AlloyAddress {
    AlloyAddress::from(*address.as_bytes())
}

pub(crate) fn from_alloy(address: AlloyAddress) -> Address {
    Address::new(address.into_array())
}

/// 32 bytes of any of our ids, as Solidity sees them.
pub(crate) fn word(id: impl Into<Hash32>) -> B256 {
    B256::from(*id.into().as_bytes())
}

/// 32 bytes from Solidity as one of our ids.
pub(crate) fn id<T: From<Hash32>>(word: B256) -> T {
    T::from(Hash32::new(word.0))
}
