//! `eth_`: what wallets, libraries and explorers of the Ethereum world call.

use alloy_primitives::{B256, Bytes, U256};
use alloy_rpc_types_eth::{Block, FeeHistory, Filter, Log, Transaction, TransactionReceipt, TransactionRequest};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use crate::{BlockParam, Data, HexBytes, Json, Quantity};

/// The Ethereum view of the chain. Results are alloy's types, whose JSON is what ethers, viem, web3.py, cast and geth's
/// own client read.
#[rpc(server, client, namespace = "eth")]
pub trait EthApi {
    /// EIP-155 chain id.
    #[method(name = "chainId")]
    fn chain_id(&self) -> RpcResult<Quantity>;

    /// Height of the last block.
    #[method(name = "blockNumber")]
    fn block_number(&self) -> RpcResult<Quantity>;

    /// Always `false`: a node of one process is never behind.
    #[method(name = "syncing")]
    fn syncing(&self) -> RpcResult<bool>;

    /// Always empty: the node signs nothing for others.
    #[method(name = "accounts")]
    fn accounts(&self) -> RpcResult<Vec<alloy_primitives::Address>>;

    /// A block with its transactions (`full`) or their hashes; `null` when there is none.
    #[method(name = "getBlockByNumber")]
    fn block_by_number(&self, block: BlockParam, full: Option<bool>) -> RpcResult<Option<Json<Block>>>;

    /// A block by its Ethereum hash (or its native hash); `null` when there is none.
    #[method(name = "getBlockByHash")]
    fn block_by_hash(&self, hash: HexBytes<32>, full: Option<bool>) -> RpcResult<Option<Json<Block>>>;

    /// The receipts of a block; `null` when there is no such block.
    #[method(name = "getBlockReceipts")]
    fn block_receipts(&self, block: BlockParam) -> RpcResult<Option<Vec<TransactionReceipt>>>;

    /// Balance in wei.
    #[method(name = "getBalance")]
    fn balance(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<U256>;

    /// Next nonce; with `pending` the transactions that wait count too.
    #[method(name = "getTransactionCount")]
    fn transaction_count(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<Quantity>;

    /// A stub of code for system contracts, `0x` for accounts.
    #[method(name = "getCode")]
    fn code(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<Bytes>;

    /// The base fee: what a unit of gas costs.
    #[method(name = "gasPrice")]
    fn gas_price(&self) -> RpcResult<Quantity>;

    /// Always `0x0`: tips buy nothing.
    #[method(name = "maxPriorityFeePerGas")]
    fn max_priority_fee_per_gas(&self) -> RpcResult<Quantity>;

    /// Base fees and gas use of up to 1024 blocks that end with `newest`.
    #[method(name = "feeHistory")]
    async fn fee_history(
        &self,
        count: Count,
        newest: BlockParam,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory>;

    /// Gas that the transaction would use on the last block.
    #[method(name = "estimateGas")]
    fn estimate_gas(&self, request: TransactionRequest, block: Option<BlockParam>) -> RpcResult<Quantity>;

    /// What the call would return on the last block; a revert is error 3 with its data.
    #[method(name = "call")]
    fn call(&self, request: TransactionRequest, block: Option<BlockParam>) -> RpcResult<Bytes>;

    /// Takes a signed transaction (EIP-2718 bytes) and returns its hash.
    #[method(name = "sendRawTransaction")]
    async fn send_raw_transaction(&self, raw: Data) -> RpcResult<B256>;

    /// A transaction, in a block or still waiting; `null` when unknown.
    #[method(name = "getTransactionByHash")]
    fn transaction_by_hash(&self, hash: HexBytes<32>) -> RpcResult<Option<Transaction>>;

    /// A transaction's receipt; `null` until it is in a block.
    #[method(name = "getTransactionReceipt")]
    fn transaction_receipt(&self, hash: HexBytes<32>) -> RpcResult<Option<TransactionReceipt>>;

    /// Event logs that match the filter, within limits on blocks and results.
    #[method(name = "getLogs")]
    async fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>>;
}

/// A count of blocks: QUANTITY, or a JSON number as some clients send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// As QUANTITY.
    Quantity(Quantity),
    /// As a JSON number.
    Number(u64),
}

impl Count {
    /// The bare number.
    #[must_use]
    pub const fn get(self) -> u64 {
        match self {
            Self::Quantity(quantity) => quantity.get(),
            Self::Number(number) => number,
        }
    }
}
