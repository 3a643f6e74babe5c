//! Tests of the stateless checks; the words are geth's.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address as AlloyAddress, B256, Signature, U256};
use primitives::{Address, ChainId, EcdsaSignature, Hash32};

use super::*;
use crate::address::{VAULTS, to_alloy};
use crate::testing::{OWNER, STRANGER, address, spec};

fn params() -> Params {
    spec().params
}

fn to() -> TxKind {
    TxKind::Call(to_alloy(&address(&STRANGER)))
}

fn signature<T>(tx: &impl SignableTransaction<T>) -> Signature {
    let digest = Hash32::new(tx.signature_hash().0);
    let bytes = *EcdsaSignature::sign(&OWNER, &digest).unwrap().as_bytes();
    Signature::from_bytes_and_parity(&bytes[..64], bytes[64] == 1)
}

fn raw<T: SignableTransaction<Signature>>(tx: T) -> Vec<u8>
where
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = signature(&tx);
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

fn legacy() -> TxLegacy {
    TxLegacy {
        chain_id: Some(params().chain_id.get()),
        nonce: 3,
        gas_price: 2_000_000_000,
        gas_limit: 21_000,
        to: to(),
        value: U256::from(5),
        input: Bytes::new(),
    }
}

fn dynamic() -> TxEip1559 {
    TxEip1559 {
        chain_id: params().chain_id.get(),
        nonce: 3,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: to(),
        value: U256::from(5),
        access_list: AccessList::default(),
        input: Bytes::new(),
    }
}

fn refused(raw: &[u8]) -> TxError {
    check(&params(), raw).unwrap_err()
}

#[test]
fn the_three_types_are_taken_and_read() {
    let access = TxEip2930 {
        chain_id: params().chain_id.get(),
        nonce: 3,
        gas_price: 2_000_000_000,
        gas_limit: 21_000,
        to: to(),
        value: U256::from(5),
        access_list: AccessList::default(),
        input: Bytes::new(),
    };
    for (kind, raw) in [(0, raw(legacy())), (1, raw(access)), (2, raw(dynamic()))] {
        let tx = check(&params(), &raw).unwrap();
        assert_eq!(tx.raw(), raw);
        assert_eq!(tx.hash().as_bytes(), primitives::keccak256(&raw).as_bytes());
        assert_eq!(tx.sender(), address(&OWNER));
        assert_eq!((tx.kind(), tx.nonce(), tx.gas_limit(), tx.max_fee()), (kind, 3, 21_000, 2_000_000_000));
        assert_eq!((tx.value(), tx.to(), tx.input()), (5, address(&STRANGER), &[][..]));
        assert_eq!(tx.cost_max(), Some(21_000 * 2_000_000_000 + 5));
        assert_eq!(tx.intrinsic_gas(), 21_000);
    }
}

#[test]
fn a_foreign_or_unprotected_transaction_is_refused() {
    let unprotected = raw(TxLegacy { chain_id: None, ..legacy() });
    assert_eq!(refused(&unprotected), TxError::NotReplayProtected);
    assert_eq!(refused(&unprotected).to_string(), "only replay-protected (EIP-155) transactions allowed over RPC");
    let foreign = raw(TxEip1559 { chain_id: 1, ..dynamic() });
    assert_eq!(refused(&foreign), TxError::ForeignChain { expected: ChainId::new(21330), found: 1 });
    assert_eq!(refused(&foreign).to_string(), "invalid sender: invalid chain id for signer: have 1 want 21330");
}

#[test]
fn other_types_and_creation_are_refused() {
    let set_code = TxEip7702 {
        chain_id: params().chain_id.get(),
        nonce: 0,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 0,
        to: AlloyAddress::ZERO,
        value: U256::ZERO,
        access_list: AccessList::default(),
        authorization_list: vec![],
        input: Bytes::new(),
    };
    let error = refused(&raw(set_code));
    assert_eq!(error, TxError::Type { found: 4 });
    assert!(error.to_string().contains("transaction type not valid"));
    assert!(error.to_string().starts_with("transaction type not supported"));
    for byte in [0x00u8, 0x03, 0x05, 0x7f] {
        assert_eq!(refused(&[byte, 0xc0]), TxError::Type { found: byte });
    }
    let creation = raw(TxEip1559 { to: TxKind::Create, gas_limit: 100_000, ..dynamic() });
    assert_eq!(refused(&creation), TxError::Creation);
    let reserved = Address::new(std::array::from_fn(|i| {
        if i == 18 {
            8
        } else if i == 19 {
            0xff
        } else {
            0
        }
    }));
    let error = refused(&raw(TxEip1559 { to: TxKind::Call(to_alloy(&reserved)), ..dynamic() }));
    assert_eq!(error, TxError::Reserved { to: reserved });
    assert!(check(&params(), &raw(TxEip1559 { to: TxKind::Call(to_alloy(&VAULTS)), ..dynamic() })).is_ok());
}

#[test]
fn one_transaction_has_one_encoding() {
    let good = raw(dynamic());
    let mut trailing = good.clone();
    trailing.push(0);
    for bytes in [&[][..], &[0x02], &[0xc0], &[0x80], &[0xff; 40], &trailing, &good[..good.len() - 1]] {
        assert!(matches!(refused(bytes), TxError::Malformed { .. }), "{bytes:02x?}: {:?}", refused(bytes));
    }
    // Every cut and every flipped bit: refused, or another transaction with another hash.
    let original = check(&params(), &good).unwrap();
    for index in 0..good.len() {
        assert!(check(&params(), &good[..index]).is_err());
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[index] ^= 1 << bit;
            if let Ok(tx) = check(&params(), &flipped) {
                assert_ne!(tx.hash(), original.hash());
                assert!(tx.sender() != original.sender());
            }
        }
    }
}

#[test]
fn a_high_s_or_broken_signature_is_refused() {
    let tx = dynamic();
    let good = signature(&tx);
    let order = U256::from_be_slice(&alloy_primitives::hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let high = Signature::new(good.r(), order - good.s(), !good.v());
    let zero = Signature::new(U256::ZERO, U256::ZERO, false);
    for signature in [high, zero, Signature::new(order, good.s(), false)] {
        let raw = TxEnvelope::from(tx.clone().into_signed(signature)).encoded_2718();
        assert_eq!(refused(&raw), TxError::Signature);
    }
    assert!(TxError::Signature.to_string().starts_with("invalid sender"));
}

#[test]
fn gas_and_fees_are_checked_in_geths_words() {
    let error = refused(&raw(TxEip1559 { gas_limit: 20_999, ..dynamic() }));
    assert_eq!(error.to_string(), "intrinsic gas too low: gas 20999, minimum needed 21000");
    let error = refused(&raw(TxEip1559 { gas_limit: 30_000_001, ..dynamic() }));
    assert!(error.to_string().starts_with("exceeds block gas limit"));
    let low = TxEip1559 { max_fee_per_gas: 999_999_999, ..dynamic() };
    assert_eq!(
        refused(&raw(low)).to_string(),
        "max fee per gas less than block base fee: maxFeePerGas: 999999999, baseFee: 1000000000"
    );
    let low = TxLegacy { gas_price: 0, ..legacy() };
    assert!(matches!(refused(&raw(low)), TxError::FeeTooLow { found: 0, .. }));
    let tip = TxEip1559 { max_priority_fee_per_gas: 2_000_000_001, ..dynamic() };
    assert!(refused(&raw(tip)).to_string().starts_with("max priority fee per gas higher than max fee per gas"));
    let error = refused(&raw(TxEip1559 { nonce: u64::MAX, ..dynamic() }));
    assert!(error.to_string().starts_with("nonce has max value"));
    let rich = refused(&raw(TxEip1559 { value: U256::MAX, ..dynamic() }));
    assert!(rich.to_string().starts_with("insufficient funds for gas * price + value"));
}

#[test]
fn calldata_and_access_lists_cost_gas() {
    let input = Bytes::from_static(&[0, 0, 1, 2, 3]);
    let list = AccessList(vec![AccessListItem { address: AlloyAddress::ZERO, storage_keys: vec![B256::ZERO; 2] }]);
    let tx = TxEip1559 { gas_limit: 100_000, input, access_list: list, ..dynamic() };
    let checked = check(&params(), &raw(tx)).unwrap();
    assert_eq!(checked.intrinsic_gas(), 21_000 + 2 * 4 + 3 * 16 + 2400 + 2 * 1900);
}

#[test]
fn the_size_limit_counts_the_whole_envelope() {
    let mut params = params();
    let good = raw(dynamic());
    let length = u32::try_from(good.len()).unwrap();
    params.transaction_bytes_max = length;
    assert!(check(&params, &good).is_ok());
    params.transaction_bytes_max = length - 1;
    let error = check(&params, &good).unwrap_err();
    assert_eq!(error, TxError::Oversized { found: good.len(), limit: length - 1 });
    assert!(error.to_string().starts_with("oversized data"));
}

#[test]
fn the_example_of_eip_155_is_read() {
    let params = Params { chain_id: ChainId::new(1), ..params() };
    let raw = alloy_primitives::hex!(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc21"
        "95fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b"
        "6d83"
    );
    let tx = check(&params, &raw).unwrap();
    assert_eq!(tx.sender().to_string(), "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    assert_eq!((tx.nonce(), tx.gas_limit(), tx.max_fee()), (9, 21_000, 20_000_000_000));
    assert_eq!((tx.value(), tx.to()), (1_000_000_000_000_000_000, Address::new([0x35; 20])));
}
