//! Making transactions: what a program that holds an account's key needs.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Bytes, Signature, TxKind, U256};
use chain_spec::Params;
use primitives::{Address, EcdsaSignature, Hash32, SignatureError};

use crate::address::to_alloy;
use crate::contracts::SystemCall;
use crate::gas;

/// A transaction that is not signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedTx {
    /// The account's next nonce.
    pub nonce: u64,
    /// Account or system contract.
    pub to: Address,
    /// Wei sent along.
    pub value: u128,
    /// Calldata, from [`crate::calls`].
    pub input: Vec<u8>,
}

impl UnsignedTx {
    /// Signs it as a type-2 (EIP-1559) envelope with exactly the gas that it needs, at the network's base fee, without
    /// a tip. Returns the EIP-2718 bytes. The same input gives the same bytes (RFC 6979).
    ///
    /// # Errors
    /// [`SignatureError::Key`] when `secret` is no secp256k1 secret key.
    pub fn sign(&self, params: &Params, secret: &[u8; 32]) -> Result<Vec<u8>, SignatureError> {
        let tx = TxEip1559 {
            chain_id: params.chain_id.get(),
            nonce: self.nonce,
            gas_limit: gas_needed(params, &self.to, &self.input),
            max_fee_per_gas: u128::from(params.base_fee),
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(to_alloy(&self.to)),
            value: U256::from(self.value),
            access_list: alloy_eips::eip2930::AccessList::default(),
            input: Bytes::copy_from_slice(&self.input),
        };
        let digest = Hash32::new(tx.signature_hash().0);
        let signature = EcdsaSignature::sign(secret, &digest)?;
        let (rs, parity) = signature.as_bytes().split_at(64);
        let signature = Signature::from_bytes_and_parity(rs, parity == [1]);
        Ok(TxEnvelope::from(tx.into_signed(signature)).encoded_2718())
    }
}

/// The gas of a call: the transaction itself, its calldata, its work. Independent of the state.
#[must_use]
pub fn gas_needed(params: &Params, to: &Address, input: &[u8]) -> u64 {
    let intrinsic = gas::intrinsic(&params.gas, input, None);
    match SystemCall::decode(to, input) {
        Some(Ok(call)) => intrinsic.saturating_add(call.gas(&params.gas)),
        Some(Err(_)) | None => intrinsic,
    }
}
