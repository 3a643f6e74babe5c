//! Why a transaction is not taken, in geth's words and with the codes that clients know.

use runtime::TxError;

/// Why a transaction is not taken. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It breaks a rule, or does not fit its sender's account.
    #[error(transparent)]
    Refused(#[from] TxError),
    /// It waits already.
    #[error("already known")]
    AlreadyKnown,
    /// The account can pay this transaction, but not together with those that wait before it.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, queued cost {queued}, tx cost {cost}, \
         overshot {overshot}",
        overshot = queued.saturating_add(*cost).saturating_sub(*balance)
    )]
    QueuedFunds {
        /// Wei in the account.
        balance: u128,
        /// Wei that waiting transactions may take.
        queued: u128,
        /// Wei that this one may take.
        cost: u128,
    },
    /// Another transaction with this nonce waits, and this one does not pay enough more.
    #[error("replacement transaction underpriced: maxFeePerGas {found}, needed {needed}")]
    Underpriced {
        /// Wei per gas offered.
        found: u128,
        /// Wei per gas needed to replace.
        needed: u128,
    },
    /// The account has as much waiting as it may.
    #[error("account limit exceeded: pooled {found} {unit}, limit {limit}")]
    AccountLimit {
        /// What is counted.
        unit: &'static str,
        /// It would have.
        found: usize,
        /// It may have.
        limit: usize,
    },
    /// The pool has no room. Try later.
    #[error("txpool is full: {limit} {unit}")]
    Full {
        /// What is counted.
        unit: &'static str,
        /// The pool's limit.
        limit: usize,
    },
    /// The node stops, or its storage failed.
    #[error("the node cannot take transactions: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
}

impl PoolError {
    /// The JSON-RPC error code: −32000 as geth gives for refused transactions, −32003 for a full pool, −32603 when
    /// the node itself is at fault.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Self::Refused(_) | Self::AlreadyKnown | Self::QueuedFunds { .. } | Self::Underpriced { .. } => -32000,
            Self::AccountLimit { .. } | Self::Full { .. } => -32003,
            Self::Unavailable { .. } => -32603,
        }
    }

    /// The code in the execution-apis catalogue, for `data.catalogCode`; `None` where the catalogue has none.
    #[must_use]
    pub const fn catalog_code(&self) -> Option<i32> {
        match self {
            Self::Refused(TxError::NonceTooLow { .. }) => Some(1),
            Self::Refused(TxError::NonceTooHigh { .. }) => Some(2),
            Self::Refused(TxError::IntrinsicGas { .. }) => Some(800),
            Self::Refused(TxError::BlockGasLimit { .. }) => Some(803),
            Self::Refused(TxError::TipAboveFee { .. }) => Some(804),
            Self::Refused(TxError::FeeTooLow { .. }) => Some(806),
            Self::Refused(TxError::InsufficientFunds { .. } | TxError::Unpayable { .. }) | Self::QueuedFunds { .. } => {
                Some(809)
            }
            Self::AlreadyKnown => Some(1000),
            Self::Refused(TxError::Signature | TxError::ForeignChain { .. }) => Some(1001),
            _ => None,
        }
    }

    /// Whether the same transaction may be taken later: the pool was full, not the transaction wrong.
    #[must_use]
    pub const fn is_not_yet(&self) -> bool {
        matches!(self, Self::AccountLimit { .. } | Self::Full { .. } | Self::Unavailable { .. })
    }

    /// A short name for metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::AlreadyKnown => "already_known",
            Self::QueuedFunds { .. } => "funds",
            Self::Underpriced { .. } => "underpriced",
            Self::AccountLimit { .. } => "account_limit",
            Self::Full { .. } => "full",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}
