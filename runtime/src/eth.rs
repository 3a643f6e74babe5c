//! The Ethereum view of a block: a real Ethereum header that Ethereum clients can hash for themselves.

use alloy_consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, TxType};
use alloy_primitives::{B256, Bloom, Bytes, Log, LogData, U256};
use chain_spec::Params;
use primitives::{EthHash, Header};

use crate::address::{VALIDATORS, to_alloy};
use crate::{CheckedTx, EventLog, TxReceipt};

/// The derived Ethereum header; its Keccak hash is the block's Ethereum hash.
///
/// `parentHash` is the parent's Ethereum hash (zero at genesis), `extraData` the native block hash, `stateRoot` the
/// native state root; transactions root, receipts root and bloom are Ethereum's own; `miner` is the account that fees go
/// to. Everything else is constant (`docs/spec/transactions.md`).
#[must_use]
pub fn header(
    native: &Header,
    parent_eth: EthHash,
    txs: &[CheckedTx],
    receipts: &[TxReceipt],
    params: &Params,
) -> alloy_consensus::Header {
    let envelopes: Vec<_> = txs.iter().map(CheckedTx::envelope).collect();
    let receipts: Vec<_> = txs.iter().zip(receipts).map(|(tx, receipt)| receipt_envelope(tx, receipt)).collect();
    let logs_bloom = receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom());
    let gas_used = receipts.last().map_or(0, ReceiptEnvelope::cumulative_gas_used);
    alloy_consensus::Header {
        parent_hash: B256::from(*parent_eth.as_bytes()),
        beneficiary: to_alloy(&VALIDATORS),
        state_root: B256::from(*native.state_root.as_bytes()),
        transactions_root: calculate_transaction_root(&envelopes),
        receipts_root: calculate_receipt_root(&receipts),
        logs_bloom,
        difficulty: U256::ZERO,
        number: native.height.get(),
        gas_limit: params.block_gas_limit,
        gas_used,
        timestamp: native.timestamp.as_secs(),
        extra_data: Bytes::copy_from_slice(native.hash().as_bytes()),
        base_fee_per_gas: Some(params.base_fee),
        ..Default::default()
    }
}

/// The block's Ethereum hash: Keccak-256 of the derived header's RLP.
#[must_use]
pub fn hash(header: &alloy_consensus::Header) -> EthHash {
    EthHash::new(header.hash_slow().0)
}

/// A receipt in Ethereum's form.
#[must_use]
pub fn receipt_envelope(tx: &CheckedTx, receipt: &TxReceipt) -> ReceiptEnvelope {
    let kind = TxType::try_from(tx.kind()).unwrap_or(TxType::Legacy);
    let receipt = Receipt {
        status: Eip658Value::Eip658(receipt.success),
        cumulative_gas_used: receipt.cumulative_gas,
        logs: receipt.logs.iter().map(log).collect(),
    };
    ReceiptEnvelope::from_typed(kind, ReceiptWithBloom::from(receipt))
}

/// An event in Ethereum's form.
#[must_use]
pub fn log(event: &EventLog) -> Log {
    let topics = event.topics.iter().map(|topic| B256::from(*topic.as_bytes())).collect();
    let data = LogData::new_unchecked(topics, Bytes::copy_from_slice(&event.data));
    Log { address: to_alloy(&event.address), data }
}
