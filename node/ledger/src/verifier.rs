//! Signatures of accounts, checked by libsecp256k1, which takes a third of the time of the portable code.
//!
//! The rules are those of `primitives`. Members of a cluster must agree on every signature, so the tests hold this code
//! against that one at all edges where programs differ.

use primitives::{Address, EcdsaSignature, Hash32, SignatureError, Verifier};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

/// Half of the order of secp256k1, rounded down, big endian: the largest `s` that EIP-2 allows.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Checks signatures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FastVerifier;

impl Verifier for FastVerifier {
    fn recover(&self, signature: &EcdsaSignature, digest: &Hash32) -> Result<Address, SignatureError> {
        let (numbers, parity) = signature.as_bytes().split_at(64);
        let recovery = match parity {
            [0] => RecoveryId::Zero,
            [1] => RecoveryId::One,
            _ => return Err(SignatureError::Invalid),
        };
        // Big-endian numbers of one length compare like their bytes.
        if numbers.get(32..).is_none_or(|s| s > HALF_ORDER.as_slice()) {
            return Err(SignatureError::Invalid);
        }
        let signature = RecoverableSignature::from_compact(numbers, recovery).map_err(|_| SignatureError::Invalid)?;
        let key = SECP256K1
            .recover_ecdsa(&Message::from_digest(*digest.as_bytes()), &signature)
            .map_err(|_| SignatureError::Invalid)?;
        let point = key.serialize_uncompressed();
        let xy = point.last_chunk().expect("an uncompressed point is a tag and two coordinates");
        Ok(Address::from_point(xy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::Portable;
    use proptest::prelude::*;
    use serde_json::Value;

    fn cases(name: &str) -> Vec<Value> {
        conformance::read(name)["cases"].as_array().unwrap().clone()
    }

    fn bytes<const N: usize>(value: &Value) -> [u8; N] {
        vec_of(value).try_into().unwrap()
    }

    fn vec_of(value: &Value) -> Vec<u8> {
        let digits = value.as_str().unwrap().strip_prefix("0x").unwrap();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn every_pinned_secp256k1_case_is_answered_alike() {
        for case in cases("primitives-secp256k1.json") {
            let (digest, signature) = (bytes(&case["digest"]), EcdsaSignature::new(bytes(&case["signature"])));
            let signer = FastVerifier.recover(&signature, &Hash32::new(digest)).ok();
            assert_eq!(signer.map(|address| format!("0x{address}")).as_deref(), case["signer"].as_str(), "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_ecdsa_signature_is_answered_as_by_the_portable_code(
            secret in 1..=u64::MAX,
            digest: [u8; 32],
            at in 0..65usize,
            flip in 0..=255u8,
        ) {
            let mut key = [0; 32];
            key[24..].copy_from_slice(&secret.to_be_bytes());
            let digest = Hash32::new(digest);
            let mut signature = *EcdsaSignature::sign(&key, &digest).unwrap().as_bytes();
            signature[at] ^= flip;
            let signature = EcdsaSignature::new(signature);
            prop_assert_eq!(
                FastVerifier.recover(&signature, &digest),
                Portable.recover(&signature, &digest)
            );
        }
    }
}
