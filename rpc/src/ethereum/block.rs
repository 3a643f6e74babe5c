//! A block in its Ethereum form, put together once and served many times.

use std::sync::OnceLock;

use alloy_consensus::{ReceiptEnvelope, Transaction as _};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bloom, U256};
use alloy_rlp::Encodable as _;
use alloy_rpc_types_eth::{Block, BlockTransactions, Header, Log, Transaction, TransactionReceipt};
use chain_spec::Params;
use jsonrpsee::core::RpcResult;
use rpc_api::Json;
use runtime::{CheckedTx, TxReceipt};

use super::transaction::{Place, transaction};
use crate::{BackendError, BlockData};

/// A block with everything that Ethereum clients ask of it.
#[derive(Debug)]
pub(crate) struct EthBlock {
    header: Header,
    base_fee: u64,
    transactions: Vec<CheckedTx>,
    receipts: Vec<TxReceipt>,
    with_hashes: OnceLock<Json<Block>>,
    with_transactions: OnceLock<Json<Block>>,
}

impl EthBlock {
    pub(crate) fn new(data: BlockData, params: &Params) -> Self {
        let BlockData { header, eth_hash, parent_eth_hash, transactions, receipts } = data;
        let inner = runtime::eth::header(&header, parent_eth_hash, &transactions, &receipts, params);
        let size = U256::from(size(&inner, &transactions));
        Self {
            header: Header { hash: B256::new(*eth_hash.as_bytes()), inner, total_difficulty: None, size: Some(size) },
            base_fee: params.base_fee,
            transactions,
            receipts,
            with_hashes: OnceLock::new(),
            with_transactions: OnceLock::new(),
        }
    }

    /// The block's JSON, with whole transactions (`full`) or their hashes.
    pub(crate) fn json(&self, full: bool) -> RpcResult<Json<Block>> {
        let cell = if full { &self.with_transactions } else { &self.with_hashes };
        if let Some(json) = cell.get() {
            return Ok(json.clone());
        }
        let transactions = match full {
            true => BlockTransactions::Full(self.places().map(|place| transaction(&place)).collect()),
            false => BlockTransactions::Hashes(self.places().map(|place| place.hash()).collect()),
        };
        let block = Block { header: self.header.clone(), uncles: Vec::new(), transactions, withdrawals: None };
        let json = Json::new(&block).map_err(BackendError::internal)?;
        Ok(cell.get_or_init(|| json).clone())
    }

    /// One transaction.
    pub(crate) fn transaction(&self, index: u32) -> Option<Transaction> {
        self.places().nth(usize::try_from(index).ok()?).map(|place| transaction(&place))
    }

    /// One receipt.
    pub(crate) fn receipt(&self, index: u32) -> Option<TransactionReceipt> {
        let index = usize::try_from(index).ok()?;
        let first_log = self.receipts.iter().take(index).map(|receipt| receipt.logs.len()).sum();
        Some(self.assemble_receipt(&self.places().nth(index)?, self.receipts.get(index)?, first_log))
    }

    /// All receipts.
    pub(crate) fn receipts(&self) -> Vec<TransactionReceipt> {
        let mut first_log = 0;
        let mut all = Vec::with_capacity(self.receipts.len());
        for (place, receipt) in self.places().zip(&self.receipts) {
            all.push(self.assemble_receipt(&place, receipt, first_log));
            first_log = first_log.saturating_add(receipt.logs.len());
        }
        all
    }

    /// All logs, in order.
    pub(crate) fn logs(&self) -> Vec<Log> {
        let mut all = Vec::new();
        for (place, receipt) in self.places().zip(&self.receipts) {
            let first_log = all.len();
            all.extend(self.place_logs(&place, receipt, first_log));
        }
        all
    }

    /// Which logs may be here.
    pub(crate) const fn bloom(&self) -> Bloom {
        self.header.inner.logs_bloom
    }

    /// Gas used by gas there was.
    pub(crate) fn gas_used_ratio(&self) -> f64 {
        let share = |gas: u64| f64::from(u32::try_from(gas / 1000).unwrap_or(u32::MAX));
        match self.header.inner.gas_limit / 1000 {
            0 => 0.0,
            _ => share(self.header.inner.gas_used) / share(self.header.inner.gas_limit),
        }
    }

    /// About how much memory it takes, JSON included, bytes.
    pub(crate) fn memory(&self) -> usize {
        let transactions: usize = self.transactions.iter().map(|tx| tx.raw().len().saturating_add(500)).sum();
        let logs = self.receipts.iter().flat_map(|receipt| &receipt.logs);
        let logs: usize = logs.map(|log| log.data.len().saturating_add(300)).sum();
        transactions.saturating_mul(5).saturating_add(logs).saturating_add(4096)
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        self.transactions.iter().zip(0u64..).map(|(tx, index)| Place {
            tx,
            base_fee: self.base_fee,
            block: Some((&self.header, index)),
        })
    }

    fn assemble_receipt(&self, place: &Place<'_>, receipt: &TxReceipt, first_log: usize) -> TransactionReceipt {
        let logs = self.place_logs(place, receipt, first_log);
        let envelope: ReceiptEnvelope = runtime::eth::receipt_envelope(place.tx, receipt);
        let mut logs = logs.into_iter();
        let inner = envelope.map_logs(|log| logs.next().unwrap_or_else(|| Log { inner: log, ..Log::default() }));
        let envelope = place.tx.envelope();
        TransactionReceipt {
            inner,
            transaction_hash: place.hash(),
            transaction_index: place.block.map(|(_, index)| index),
            block_hash: Some(self.header.hash),
            block_number: Some(self.header.inner.number),
            gas_used: receipt.gas_used,
            effective_gas_price: u128::from(self.base_fee),
            blob_gas_used: None,
            blob_gas_price: None,
            from: Address::new(*place.tx.sender().as_bytes()),
            to: envelope.kind().to().copied(),
            contract_address: None,
        }
    }

    fn place_logs(&self, place: &Place<'_>, receipt: &TxReceipt, first_log: usize) -> Vec<Log> {
        let numbered = receipt.logs.iter().zip(u64::try_from(first_log).unwrap_or(u64::MAX)..);
        let hash = place.hash();
        numbered
            .map(|(event, log_index)| Log {
                inner: runtime::eth::log(event),
                block_hash: Some(self.header.hash),
                block_number: Some(self.header.inner.number),
                block_timestamp: Some(self.header.inner.timestamp),
                transaction_hash: Some(hash),
                transaction_index: place.block.map(|(_, index)| index),
                log_index: Some(log_index),
                removed: false,
            })
            .collect()
    }
}

/// Length of the block's RLP, bytes: header, transactions, no uncles.
fn size(header: &alloy_consensus::Header, transactions: &[CheckedTx]) -> usize {
    let list = |payload: usize| payload.saturating_add(alloy_rlp::length_of_length(payload));
    let transactions = transactions.iter().map(|tx| tx.envelope().network_len()).sum();
    list(header.length().saturating_add(list(transactions)).saturating_add(1))
}
