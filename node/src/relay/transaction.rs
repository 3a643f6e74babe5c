//! Transactions of the operator account.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Signature, TxKind, U256};
use eyre::Result;
use primitives::{Address, EcdsaSignature, Hash32};

/// What a transaction does and what it may cost.
pub(super) struct Request {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) gas_limit: u64,
    /// Wei per gas.
    pub(super) fee: u64,
    pub(super) to: Address,
    pub(super) input: Vec<u8>,
}

/// The EIP-2718 bytes of a type 2 transaction, signed.
///
/// # Errors
/// The secret is no secp256k1 key.
pub(super) fn sign(request: Request, secret: &[u8; 32]) -> Result<Vec<u8>> {
    let transaction = TxEip1559 {
        chain_id: request.chain_id,
        nonce: request.nonce,
        gas_limit: request.gas_limit,
        max_fee_per_gas: request.fee.into(),
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(<[u8; 20]>::from(request.to).into()),
        value: U256::ZERO,
        input: request.input.into(),
        access_list: alloy_eips::eip2930::AccessList::default(),
    };
    let signature = EcdsaSignature::sign(secret, &Hash32::new(transaction.signature_hash().0))?;
    let [r, s, parity] = split(signature.as_bytes());
    let signature = Signature::new(U256::from_be_slice(r), U256::from_be_slice(s), parity == [1]);
    Ok(transaction.into_signed(signature).encoded_2718())
}

fn split(signature: &[u8; 65]) -> [&[u8]; 3] {
    let (r, rest) = signature.split_at(32);
    let (s, parity) = rest.split_at(32);
    [r, s, parity]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_recovers_the_operator() {
        let secret = [7u8; 32];
        let request =
            Request { chain_id: 5, nonce: 3, gas_limit: 100_000, fee: 9, to: Address::new([8; 20]), input: vec![1, 2, 3] };
        let raw = sign(request, &secret).unwrap();
        let envelope = <alloy_consensus::TxEnvelope as alloy_eips::eip2718::Decodable2718>::decode_2718_exact(&raw).unwrap();
        let sender = alloy_consensus::transaction::SignerRecoverable::recover_signer(&envelope).unwrap();
        assert_eq!(sender.0.0, *Address::from_secret(&secret).unwrap().as_bytes());
    }
}
