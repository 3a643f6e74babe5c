//! What a transaction's own bytes cost.

use alloy_eips::eip2930::AccessList;
use chain_spec::GasTable;

/// Gas before anything runs: the transaction itself, its calldata, its access list.
pub(crate) fn intrinsic(table: &GasTable, input: &[u8], access_list: Option<&AccessList>) -> u64 {
    let zeros = count(input.iter().filter(|byte| **byte == 0).count());
    let others = count(input.len()).saturating_sub(zeros);
    let (addresses, keys) = access_list.map_or((0, 0), |list| {
        let keys = list.0.iter().map(|item| item.storage_keys.len()).fold(0, usize::saturating_add);
        (count(list.0.len()), count(keys))
    });
    [
        (table.byte_zero, zeros),
        (table.byte_nonzero, others),
        (table.access_list_address, addresses),
        (table.access_list_key, keys),
    ]
    .into_iter()
    .fold(table.transaction, |sum, (price, number)| sum.saturating_add(price.saturating_mul(number)))
}

/// A length as a gas factor; saturates, which no length on this planet does.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
