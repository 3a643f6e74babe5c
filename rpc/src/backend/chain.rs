//! The chain: reads of what is committed, and one way in.

use std::sync::Arc;

use async_trait::async_trait;
use chain_spec::ChainSpec;
use primitives::{
    Address, BlockHash, Certificate, Commitment, CommitmentHash, EthHash, Header, Height, LogHash, TxHash,
    ValidatorSet, VaultId,
};
use runtime::{Account, CallOutcome, CallRequest, CheckedTx, CommitmentEntry, TxReceipt, VaultState};

use super::BackendError;

/// Which state a query speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateAt {
    /// After the last block.
    Latest,
    /// After the block at this height, which is not the last; [`BackendError::Pruned`] when it is not kept.
    Height(Height),
}

/// A block with all that its Ethereum form is made of.
#[derive(Clone, Debug)]
pub struct BlockData {
    /// The header.
    pub header: Header,
    /// Keccak hash of the derived Ethereum header.
    pub eth_hash: EthHash,
    /// The same of the block before; zero for genesis.
    pub parent_eth_hash: EthHash,
    /// The transactions, in order.
    pub transactions: Vec<CheckedTx>,
    /// Their receipts, in order.
    pub receipts: Vec<TxReceipt>,
}

/// The chain. Reads are point look-ups in the node's store and may be called from async code; the server calls the
/// few that scan from blocking threads.
#[async_trait]
pub trait ChainBackend: Send + Sync + 'static {
    /// The network.
    fn spec(&self) -> Arc<ChainSpec>;

    /// Header of the last block; genesis on an empty chain.
    fn head(&self) -> Result<Header, BackendError>;

    /// A header.
    fn header(&self, height: Height) -> Result<Option<Header>, BackendError>;

    /// Keccak hash of a block's Ethereum header.
    fn eth_hash(&self, height: Height) -> Result<Option<EthHash>, BackendError>;

    /// Height of the block with this native hash.
    fn height_of(&self, hash: &BlockHash) -> Result<Option<Height>, BackendError>;

    /// Height of the block with this Ethereum hash.
    fn height_of_eth(&self, hash: &EthHash) -> Result<Option<Height>, BackendError>;

    /// A whole block.
    fn block(&self, height: Height) -> Result<Option<BlockData>, BackendError>;

    /// A block's certificate; none for genesis.
    fn certificate(&self, height: Height) -> Result<Option<Certificate>, BackendError>;

    /// The checkpoint that a final header fixes: a C2SP note with the cosignatures that this node has or can make.
    fn checkpoint(&self, header: &Header) -> Result<String, BackendError>;

    /// The set that signs this height; for genesis the set that signs height 1.
    fn validators(&self, height: Height) -> Result<Option<ValidatorSet>, BackendError>;

    /// Where a transaction is: its block and its index there.
    fn transaction(&self, hash: &TxHash) -> Result<Option<(Height, u32)>, BackendError>;

    /// A transaction that waits for a block.
    fn pending_transaction(&self, hash: &TxHash) -> Option<CheckedTx>;

    /// The account's next nonce if all that waits is executed.
    fn pending_nonce(&self, address: &Address) -> Result<u64, BackendError>;

    /// An account; one never seen has nonce 0 and balance 0.
    fn account(&self, address: &Address, at: StateAt) -> Result<Account, BackendError>;

    /// A vault's stream on the chain.
    fn vault_state(&self, vault: &VaultId, at: StateAt) -> Result<Option<VaultState>, BackendError>;

    /// One place of a vault's stream, after the last block.
    fn commitment_at(&self, vault: &VaultId, seq: u64) -> Result<Option<CommitmentEntry>, BackendError>;

    /// Runs a call and forgets its changes.
    fn call(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError>;

    /// Gas that the request needs, as a transaction. A revert is `Ok` with `success: false`; otherwise `gas_used` is
    /// the gas limit to give.
    fn estimate_gas(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError>;

    /// Takes a signed transaction (EIP-2718 bytes); returns when the pool has it.
    async fn submit(&self, raw: Vec<u8>) -> Result<TxHash, BackendError>;

    /// The leaf of the snapshot log at this index.
    fn leaf(&self, index: u64) -> Result<Option<Commitment>, BackendError>;

    /// Where a commitment is: its leaf index and the block that added it.
    fn leaf_of(&self, commitment: &CommitmentHash) -> Result<Option<(u64, Height)>, BackendError>;

    /// RFC 6962 audit path of leaf `index` in the log of `size` leaves; `index < size ≤` the head's size.
    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<LogHash>, BackendError>;

    /// RFC 6962 consistency path; `0 < first ≤ second ≤` the head's size.
    fn consistency(&self, first: u64, second: u64) -> Result<Vec<LogHash>, BackendError>;
}
