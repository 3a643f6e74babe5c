//! The chain, as the RPC server sees it.

use std::sync::Arc;

use async_trait::async_trait;
use chain_spec::ChainSpec;
use consensus::{Chain, ChainError, PoolError, State};
use primitives::{
    Address, BlockHash, Certificate, Commitment, CommitmentHash, EthHash, Header, Height, LogHash, TxHash,
    ValidatorSet, VaultId,
};
use rpc::{BackendError, BlockData, ChainBackend, StateAt};
use rpc_api::codes;
use runtime::{
    Account, BlockContext, CallError, CallOutcome, CallRequest, CheckedTx, CommitmentEntry, VaultState, ViewError,
};
use serde_json::json;

use super::NodeBackend;

impl NodeBackend {
    fn chain(&self) -> &Chain {
        self.consensus.chain()
    }

    /// The state after the last block; that of earlier blocks is not kept flat.
    fn state(&self, at: StateAt) -> Result<State, BackendError> {
        match at {
            StateAt::Latest => Ok(self.chain().state()),
            StateAt::Height(height) => Err(BackendError::Pruned { height }),
        }
    }

    /// The block that a call would be in.
    fn next_block(&self) -> Result<BlockContext, BackendError> {
        let head = self.head()?;
        Ok(BlockContext { height: head.height.next(), timestamp: head.timestamp, proposer: head.proposer })
    }
}

fn failed(error: &ChainError) -> BackendError {
    BackendError::internal(error)
}

fn view_failed(error: ViewError) -> BackendError {
    BackendError::internal(error)
}

fn call_failed(error: CallError) -> BackendError {
    match error {
        CallError::View(error) => view_failed(error),
        other => BackendError::refused(other),
    }
}

fn refused(error: PoolError) -> BackendError {
    let code = error.code();
    match error {
        PoolError::Unavailable { reason } => BackendError::NotYet { code: codes::UNAVAILABLE, reason },
        other => BackendError::Invalid {
            code,
            message: other.to_string(),
            data: other.catalog_code().map(|catalog| json!({ "catalogCode": catalog })),
        },
    }
}

#[async_trait]
impl ChainBackend for NodeBackend {
    fn spec(&self) -> Arc<ChainSpec> {
        Arc::clone(&self.spec)
    }

    fn head(&self) -> Result<Header, BackendError> {
        self.chain().head().ok_or_else(|| BackendError::internal("the chain has no genesis block yet"))
    }

    fn header(&self, height: Height) -> Result<Option<Header>, BackendError> {
        self.chain().header(height).map_err(|error| failed(&error))
    }

    fn eth_hash(&self, height: Height) -> Result<Option<EthHash>, BackendError> {
        self.chain().eth_hash(height).map_err(|error| failed(&error))
    }

    fn height_of(&self, hash: &BlockHash) -> Result<Option<Height>, BackendError> {
        Ok(self.chain().header_by_hash(hash).map_err(|error| failed(&error))?.map(|header| header.height))
    }

    fn height_of_eth(&self, hash: &EthHash) -> Result<Option<Height>, BackendError> {
        Ok(self.chain().header_by_eth_hash(hash).map_err(|error| failed(&error))?.map(|header| header.height))
    }

    fn block(&self, height: Height) -> Result<Option<BlockData>, BackendError> {
        let Some(header) = self.header(height)? else { return Ok(None) };
        let missing = |what: &str| BackendError::internal(format!("block {height} has no {what}"));
        let body = self.chain().body(height).map_err(|error| failed(&error))?.ok_or_else(|| missing("body"))?;
        let receipts =
            self.chain().receipts(height).map_err(|error| failed(&error))?.ok_or_else(|| missing("receipts"))?;
        let eth_hash = self.eth_hash(height)?.ok_or_else(|| missing("Ethereum hash"))?;
        let parent_eth_hash = match height.previous() {
            Some(parent) => self.eth_hash(parent)?.ok_or_else(|| missing("parent's Ethereum hash"))?,
            None => EthHash::ZERO,
        };
        let transactions = body
            .iter()
            .map(|raw| runtime::check(&self.spec.params, raw).map_err(BackendError::internal))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(BlockData { header, eth_hash, parent_eth_hash, transactions, receipts }))
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, BackendError> {
        self.chain().certificate(height).map_err(|error| failed(&error))
    }

    fn checkpoint(&self, header: &Header) -> Result<String, BackendError> {
        let signers = self.validators(header.height)?;
        let is_ours = |key: &primitives::ValidatorKey| signers.is_some_and(|set| set.find(key).is_some());
        Ok(self.cosigner.note(header, is_ours))
    }

    fn validators(&self, height: Height) -> Result<Option<ValidatorSet>, BackendError> {
        let height = if height == Height::GENESIS { height.next() } else { height };
        self.chain().validators_at(height).map_err(|error| failed(&error))
    }

    fn transaction(&self, hash: &TxHash) -> Result<Option<(Height, u32)>, BackendError> {
        self.chain().transaction(hash).map_err(|error| failed(&error))
    }

    fn pending_transaction(&self, hash: &TxHash) -> Option<CheckedTx> {
        self.consensus.pending(hash)
    }

    fn pending_nonce(&self, address: &Address) -> Result<u64, BackendError> {
        self.consensus.pending_nonce(address).map_err(|error| failed(&error))
    }

    fn account(&self, address: &Address, at: StateAt) -> Result<Account, BackendError> {
        runtime::account(&self.state(at)?, address).map_err(view_failed)
    }

    fn vault_state(&self, vault: &VaultId, at: StateAt) -> Result<Option<VaultState>, BackendError> {
        runtime::vault(&self.state(at)?, vault).map_err(view_failed)
    }

    fn commitment_at(&self, vault: &VaultId, seq: u64) -> Result<Option<CommitmentEntry>, BackendError> {
        runtime::commitment_at(&self.chain().state(), vault, seq).map_err(view_failed)
    }

    fn call(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError> {
        runtime::call(&self.spec, &self.state(at)?, &self.next_block()?, request).map_err(call_failed)
    }

    fn estimate_gas(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError> {
        runtime::estimate_gas(&self.spec, &self.state(at)?, &self.next_block()?, request).map_err(call_failed)
    }

    async fn submit(&self, raw: Vec<u8>) -> Result<TxHash, BackendError> {
        // Blocks and ledger are on one disk.
        self.ledger.room().map_err(super::ledger::failed)?;
        self.consensus.submit(raw).await.map_err(refused)
    }

    fn leaf(&self, index: u64) -> Result<Option<Commitment>, BackendError> {
        self.chain().log_leaf(index).map_err(|error| failed(&error))
    }

    fn leaf_of(&self, commitment: &CommitmentHash) -> Result<Option<(u64, Height)>, BackendError> {
        self.chain().leaf_of(commitment).map_err(|error| failed(&error))
    }

    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<LogHash>, BackendError> {
        self.chain().inclusion(index, size).map_err(|error| failed(&error))
    }

    fn consistency(&self, first: u64, second: u64) -> Result<Vec<LogHash>, BackendError> {
        self.chain().consistency(first, second).map_err(|error| failed(&error))
    }
}
