//! Why a transaction, a block or a call is refused.

use alloy_primitives::U256;
use primitives::ChainId;

/// Why a transaction is refused. The sender's fault, permanent unless the account changes. The words are geth's,
/// because clients match on them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// Longer than the network allows.
    #[error("oversized data: transaction size {found}, limit {limit}")]
    Oversized {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: u32,
    },
    /// Not an EIP-2718 envelope, not canonical, or bytes left over.
    #[error("rlp: transaction could not be decoded: {reason}")]
    Malformed {
        /// What the decoder met.
        reason: String,
    },
    /// A blob, set-code or unknown transaction.
    #[error("transaction type not supported: type {found} (transaction type not valid on this network)")]
    Type {
        /// The type byte.
        found: u8,
    },
    /// A legacy transaction that would hold on every network.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    NotReplayProtected,
    /// Signed for another network.
    #[error("invalid sender: invalid chain id for signer: have {found} want {expected}")]
    ForeignChain {
        /// This network's chain id.
        expected: ChainId,
        /// The transaction's.
        found: u64,
    },
    /// The signature does not recover, or has a high `s` (EIP-2).
    #[error("invalid sender: invalid transaction v, r, s values")]
    Signature,
    /// No `to`.
    #[error("contract creation is not supported: this network has system contracts only")]
    Creation,
    /// An address kept for system contracts that has none.
    #[error("no system contract at 0x{to}: addresses 0x…0800 to 0x…08ff are reserved")]
    Reserved {
        /// The address.
        to: primitives::Address,
    },
    /// Asks for more gas than a block has.
    #[error("exceeds block gas limit: gas {found}, limit {limit}")]
    BlockGasLimit {
        /// Gas asked for.
        found: u64,
        /// Gas of a block.
        limit: u64,
    },
    /// Does not pay for its own bytes.
    #[error("intrinsic gas too low: gas {found}, minimum needed {needed}")]
    IntrinsicGas {
        /// Gas asked for.
        found: u64,
        /// Least gas.
        needed: u64,
    },
    /// Does not pay the base fee.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {found}, baseFee: {base_fee}")]
    FeeTooLow {
        /// Wei per gas offered.
        found: u128,
        /// Wei per gas asked.
        base_fee: u64,
    },
    /// A tip above the total.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {max_fee}"
    )]
    TipAboveFee {
        /// Tip offered.
        tip: u128,
        /// Total offered.
        max_fee: u128,
    },
    /// The nonce was used.
    #[error("nonce too low: next nonce {next}, tx nonce {found}")]
    NonceTooLow {
        /// The account's next nonce.
        next: u64,
        /// The transaction's.
        found: u64,
    },
    /// A nonce before it is missing.
    #[error("nonce too high: next nonce {next}, tx nonce {found}")]
    NonceTooHigh {
        /// The account's next nonce.
        next: u64,
        /// The transaction's.
        found: u64,
    },
    /// The last nonce there is (EIP-2681).
    #[error("nonce has max value: nonce {found}")]
    NonceMax {
        /// The transaction's.
        found: u64,
    },
    /// More wei than any account can have.
    #[error("insufficient funds for gas * price + value: value {value} is more than there is")]
    Unpayable {
        /// Wei to be paid.
        value: U256,
    },
    /// The account cannot pay gas limit × fee + value.
    #[error("insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {overshot}",
        overshot = cost.saturating_sub(*balance))]
    InsufficientFunds {
        /// Wei in the account.
        balance: u128,
        /// Wei needed; `u128::MAX` when even that is not enough.
        cost: u128,
    },
}

/// The state cannot be read. Fatal for a node: it must stop.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The store failed.
    #[error("the state cannot be read: {source}")]
    Unavailable {
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store answered with bytes that this program did not write.
    #[error("the state holds a malformed value at key {key}: {reason}")]
    Corrupt {
        /// The state key.
        key: String,
        /// What the decoder met.
        reason: String,
    },
}

impl ViewError {
    /// Wraps a store's failure.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable { source: source.into() }
    }

    /// A value that genesis writes is not there.
    pub(crate) fn absent(key: &crate::StateKey) -> Self {
        Self::Corrupt { key: format!("{key:?}"), reason: "absent, but genesis writes it".to_owned() }
    }
}

/// Why a block cannot be executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Fatal: the state cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A transaction may not be in this block: the block is invalid (or the transaction must be left out of it).
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Position in the block.
        index: usize,
        /// Why.
        error: TxError,
    },
    /// The block's transactions ask for more gas than it has.
    #[error("transaction {index}: block gas limit reached: {left} gas left, {asked} asked for")]
    BlockGas {
        /// Position in the block.
        index: usize,
        /// Gas left.
        left: u64,
        /// Gas limit of the transaction.
        asked: u64,
    },
    /// The block's transactions are too many bytes.
    #[error("transaction {index}: block size limit reached: {left} bytes left, {asked} asked for")]
    BlockBytes {
        /// Position in the block.
        index: usize,
        /// Bytes left.
        left: u64,
        /// Bytes of the transaction.
        asked: u64,
    },
    /// A number that the rules keep in range left it.
    #[error("an invariant of the runtime does not hold: {what}")]
    Invariant {
        /// Which.
        what: &'static str,
    },
}

/// Why a call or an estimate cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The caller's fault.
    #[error(transparent)]
    Refused(#[from] TxError),
    /// Fatal: the state cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
}
