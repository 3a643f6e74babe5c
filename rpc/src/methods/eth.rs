//! `eth_`, except logs.

use alloy_primitives::{Address as EthAddress, B256, Bytes, U256};
use alloy_rpc_types_eth::{Block, FeeHistory, Filter, Log, Transaction, TransactionReceipt, TransactionRequest};
use jsonrpsee::core::{RpcResult, async_trait};
use primitives::{Address, Height, TxHash};
use rpc_api::eth::{Count, EthApiServer};
use rpc_api::{BlockParam, Data, HexBytes, Json, Quantity, codes};
use runtime::CallOutcome;

use super::Methods;
use crate::error::{failure, invalid_params, reverted};
use crate::ethereum::{call_request, pending_transaction, system_code};

/// Most blocks of one fee history, as geth.
const FEE_BLOCKS_MAX: u64 = 1024;
/// Most percentiles of one fee history, as geth.
const PERCENTILES_MAX: usize = 100;

#[async_trait]
impl EthApiServer for Methods {
    fn chain_id(&self) -> RpcResult<Quantity> {
        Ok(self.backend.spec().params.chain_id.get().into())
    }

    fn block_number(&self) -> RpcResult<Quantity> {
        Ok(self.backend.head()?.height.get().into())
    }

    fn syncing(&self) -> RpcResult<bool> {
        Ok(false)
    }

    fn accounts(&self) -> RpcResult<Vec<EthAddress>> {
        Ok(Vec::new())
    }

    fn block_by_number(&self, block: BlockParam, full: Option<bool>) -> RpcResult<Option<Json<Block>>> {
        if matches!(block, BlockParam::Hash(_)) {
            return Err(invalid_params("invalid argument: hex number > 64 bits"));
        }
        let Some(height) = self.height(block)? else { return Ok(None) };
        self.eth_block(height)?.map(|block| block.json(full.unwrap_or(false))).transpose()
    }

    fn block_by_hash(&self, hash: HexBytes<32>, full: Option<bool>) -> RpcResult<Option<Json<Block>>> {
        let Some(height) = self.height(BlockParam::Hash(hash))? else { return Ok(None) };
        self.eth_block(height)?.map(|block| block.json(full.unwrap_or(false))).transpose()
    }

    fn block_receipts(&self, block: BlockParam) -> RpcResult<Option<Vec<TransactionReceipt>>> {
        let Some(height) = self.height(block)? else { return Ok(None) };
        Ok(self.eth_block(height)?.map(|block| block.receipts()))
    }

    fn balance(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<U256> {
        let account = self.backend.account(&Address::new(address.0), self.state(block)?)?;
        Ok(U256::from(account.balance))
    }

    fn transaction_count(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<Quantity> {
        let address = Address::new(address.0);
        if block == Some(BlockParam::Pending) {
            return Ok(self.backend.pending_nonce(&address)?.into());
        }
        Ok(self.backend.account(&address, self.state(block)?)?.nonce.into())
    }

    fn code(&self, address: HexBytes<20>, block: Option<BlockParam>) -> RpcResult<Bytes> {
        self.state(block)?;
        Ok(system_code(&Address::new(address.0)))
    }

    fn gas_price(&self) -> RpcResult<Quantity> {
        Ok(self.backend.spec().params.base_fee.into())
    }

    fn max_priority_fee_per_gas(&self) -> RpcResult<Quantity> {
        Ok(Quantity::new(0))
    }

    async fn fee_history(
        &self,
        count: Count,
        newest: BlockParam,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory> {
        let percentiles = percentiles.unwrap_or_default();
        check_percentiles(&percentiles)?;
        let Some(newest) = self.height(newest)? else {
            return Err(invalid_params("request beyond head block"));
        };
        self.scan(move |methods| methods.history(count.get(), newest, &percentiles)).await
    }

    fn estimate_gas(&self, request: TransactionRequest, block: Option<BlockParam>) -> RpcResult<Quantity> {
        let request = call_request(request)?;
        let outcome = self.backend.estimate_gas(&request, self.state(block)?)?;
        if !outcome.success && outcome.output.is_empty() {
            let limit = self.backend.spec().params.block_gas_limit;
            let allowance = request.gas.map_or(limit, |gas| gas.min(limit));
            return Err(failure(codes::SERVER, format!("gas required exceeds allowance ({allowance})")));
        }
        Ok(succeeded(outcome)?.gas_used.into())
    }

    fn call(&self, request: TransactionRequest, block: Option<BlockParam>) -> RpcResult<Bytes> {
        let request = call_request(request)?;
        let outcome = self.backend.call(&request, self.state(block)?)?;
        Ok(succeeded(outcome)?.output.into())
    }

    async fn send_raw_transaction(&self, raw: Data) -> RpcResult<B256> {
        let hash = self.backend.submit(raw.0).await?;
        Ok(B256::new(*hash.as_bytes()))
    }

    fn transaction_by_hash(&self, hash: HexBytes<32>) -> RpcResult<Option<Transaction>> {
        let hash = TxHash::new(hash.0);
        if let Some((height, index)) = self.backend.transaction(&hash)? {
            return Ok(self.eth_block(height)?.and_then(|block| block.transaction(index)));
        }
        let base_fee = self.backend.spec().params.base_fee;
        Ok(self.backend.pending_transaction(&hash).map(|waiting| pending_transaction(&waiting, base_fee)))
    }

    fn transaction_receipt(&self, hash: HexBytes<32>) -> RpcResult<Option<TransactionReceipt>> {
        let Some((height, index)) = self.backend.transaction(&TxHash::new(hash.0))? else { return Ok(None) };
        Ok(self.eth_block(height)?.and_then(|block| block.receipt(index)))
    }

    async fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>> {
        self.scan(move |methods| methods.find_logs(&filter)).await
    }
}

impl Methods {
    /// Fees of the `count` blocks that end with `newest`, as far as there are so many and one call may ask for them.
    fn history(&self, count: u64, newest: Height, percentiles: &[f64]) -> RpcResult<FeeHistory> {
        let blocks = count.min(FEE_BLOCKS_MAX).min(newest.get().saturating_add(1));
        let params = self.backend.spec();
        let base_fee = u128::from(params.params.base_fee);
        if blocks == 0 {
            return Ok(FeeHistory::default());
        }
        let oldest = newest.get().saturating_sub(blocks.saturating_sub(1));
        let mut history = FeeHistory { oldest_block: oldest, ..FeeHistory::default() };
        for height in oldest..=newest.get() {
            let block = self.eth_block(Height::new(height))?;
            history.base_fee_per_gas.push(base_fee);
            history.gas_used_ratio.push(block.map_or(0.0, |block| block.gas_used_ratio()));
        }
        history.base_fee_per_gas.push(base_fee);
        if !percentiles.is_empty() {
            history.reward = Some(history.gas_used_ratio.iter().map(|_| vec![0; percentiles.len()]).collect());
        }
        Ok(history)
    }
}

fn succeeded(outcome: CallOutcome) -> RpcResult<CallOutcome> {
    match outcome.success {
        true => Ok(outcome),
        false if outcome.output.is_empty() => Err(failure(codes::SERVER, "out of gas")),
        false => Err(reverted(&outcome.output)),
    }
}

fn check_percentiles(percentiles: &[f64]) -> RpcResult<()> {
    if percentiles.len() > PERCENTILES_MAX {
        return Err(invalid_params(format!("invalid reward percentile: over the query limit {PERCENTILES_MAX}")));
    }
    let mut last = 0.0;
    for &percentile in percentiles {
        if !(0.0..=100.0).contains(&percentile) {
            return Err(invalid_params(format!("invalid reward percentile: {percentile}")));
        }
        if percentile < last {
            return Err(invalid_params(format!("invalid reward percentile: {last} > {percentile}")));
        }
        last = percentile;
    }
    Ok(())
}
