//! A transaction in its Ethereum form.

use alloy_consensus::transaction::Recovered;
use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::{Header, Transaction};
use runtime::CheckedTx;

/// A transaction and where it is.
pub(super) struct Place<'a> {
    pub(super) tx: &'a CheckedTx,
    pub(super) base_fee: u64,
    /// Its block and its index there; `None` while it waits.
    pub(super) block: Option<(&'a Header, u64)>,
}

impl Place<'_> {
    pub(super) fn hash(&self) -> B256 {
        *self.tx.envelope().tx_hash()
    }
}

/// The transaction with its place. What it pays per gas is the base fee: tips are not taken.
pub(super) fn transaction(place: &Place<'_>) -> Transaction {
    let sender = Address::new(*place.tx.sender().as_bytes());
    let header = place.block.map(|(header, _)| header);
    Transaction {
        inner: Recovered::new_unchecked(place.tx.envelope().clone(), sender),
        block_hash: header.map(|header| header.hash),
        block_number: header.map(|header| header.inner.number),
        transaction_index: place.block.map(|(_, index)| index),
        effective_gas_price: Some(u128::from(place.base_fee)),
        block_timestamp: header.map(|header| header.inner.timestamp),
    }
}

/// A transaction that waits for a block.
pub(crate) fn pending_transaction(tx: &CheckedTx, base_fee: u64) -> Transaction {
    transaction(&Place { tx, base_fee, block: None })
}
