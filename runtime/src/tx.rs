//! A transaction that passed every check that needs no state.

use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718 as _};
use primitives::{Address, TxHash};

/// A transaction made by [`crate::check`] only: decoded, its signer recovered, within every limit of the network.
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedTx {
    pub(crate) raw: alloy_primitives::Bytes,
    pub(crate) envelope: TxEnvelope,
    pub(crate) sender: Address,
    pub(crate) to: Address,
    pub(crate) value: u128,
    pub(crate) intrinsic_gas: u64,
}

impl CheckedTx {
    /// The exact EIP-2718 bytes, as they were sent.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Keccak-256 of [`Self::raw`].
    #[must_use]
    pub fn hash(&self) -> TxHash {
        TxHash::new(self.envelope.tx_hash().0)
    }

    /// Who signed it.
    #[must_use]
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Position in the sender's stream, from 0 without gaps.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.envelope.nonce()
    }

    /// Most gas it may use; not more than a block has.
    #[must_use]
    pub fn gas_limit(&self) -> u64 {
        self.envelope.gas_limit()
    }

    /// Most wei per gas that the sender pays; at least the base fee.
    #[must_use]
    pub fn max_fee(&self) -> u128 {
        self.envelope.max_fee_per_gas()
    }

    /// Wei sent along.
    #[must_use]
    pub const fn value(&self) -> u128 {
        self.value
    }

    /// An account or a system contract.
    #[must_use]
    pub const fn to(&self) -> Address {
        self.to
    }

    /// Calldata.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        self.envelope.input()
    }

    /// EIP-2718 type: 0, 1 or 2.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.envelope.ty()
    }

    /// Gas for the transaction's own bytes.
    #[must_use]
    pub const fn intrinsic_gas(&self) -> u64 {
        self.intrinsic_gas
    }

    /// Most wei that it can take from the sender: gas limit × max fee + value. `None` when that exceeds `u128`, which
    /// is more than there is.
    #[must_use]
    pub fn cost_max(&self) -> Option<u128> {
        u128::from(self.gas_limit()).checked_mul(self.max_fee())?.checked_add(self.value)
    }

    /// The decoded envelope.
    #[must_use]
    pub const fn envelope(&self) -> &TxEnvelope {
        &self.envelope
    }
}
