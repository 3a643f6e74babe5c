//! Pins which signatures hold, at the edges where programs differ: the classes of Chalkias, Garillot and Nikolaenko
//! (SSR 2020, ePrint 2020/1244) for Ed25519, and every malformed field for ECDSA.
#![allow(clippy::unwrap_used, reason = "a test file: helpers may fail loudly too")]

use conformance::pinned;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use primitives::{EcdsaSignature, Ed25519Signature, Hash32};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// A signature whose key has the torsion component `key_torsion` and whose R has `r_torsion`; `secret` and `nonce` may be
/// zero, which leaves only the torsion.
fn made(secret: u64, nonce: u64, key_torsion: usize, r_torsion: usize, message: &[u8]) -> ([u8; 32], [u8; 64]) {
    let (secret, nonce) = (Scalar::from(secret), Scalar::from(nonce));
    let key = (EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[key_torsion]).compress().to_bytes();
    let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[r_torsion]).compress().to_bytes();
    let challenge = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    let s = nonce + Scalar::from_hash(challenge) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    (key, signature)
}

/// `bytes + number`, little endian.
fn plus(bytes: &[u8], number: &[u8; 32]) -> [u8; 32] {
    let mut sum = [0; 32];
    let mut carry = 0u16;
    for (index, target) in sum.iter_mut().enumerate() {
        carry += u16::from(bytes[index]) + u16::from(number[index]);
        *target = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    sum
}

/// 2²⁵⁵ − 19.
fn field_prime() -> [u8; 32] {
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0xed, 0x7f);
    prime
}

/// The order of the base point.
fn group_order() -> [u8; 32] {
    let mut one = [0; 32];
    one[0] = 1;
    plus((-Scalar::ONE).as_bytes(), &one)
}

struct Rows(Vec<Value>);

impl Rows {
    /// Adds a case with our answer.
    fn add(&mut self, case: String, key: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
        let valid = Ed25519Signature::new(signature).verify(&key, message).is_ok();
        let [key, message, signature] =
            [&key[..], message, &signature[..]].map(|bytes| format!("0x{}", hex::encode(bytes)));
        self.0.push(json!({ "case": case, "key": key, "message": message, "signature": signature, "valid": valid }));
        valid
    }
}

#[test]
fn ed25519() {
    let mut rows = Rows(Vec::new());
    let mut accepted_with_torsion = 0;
    // Torsion in key and R, in every combination: the equation without the cofactor holds when the two cancel.
    for key_torsion in 0..8 {
        for r_torsion in 0..8 {
            let message = [u8::try_from(key_torsion * 8 + r_torsion).unwrap()];
            let (key, signature) = made(7, 9, key_torsion, r_torsion, &message);
            let valid =
                rows.add(format!("torsion {key_torsion} in the key, {r_torsion} in R"), key, &message, signature);
            accepted_with_torsion += u32::from(valid && key_torsion > 0);
            // R alone, and the key alone, of small order.
            let (key, signature) = made(7, 0, key_torsion, r_torsion, &message);
            rows.add(format!("R is torsion {r_torsion}, {key_torsion} in the key"), key, &message, signature);
            let (key, signature) = made(0, 9, key_torsion, r_torsion, &message);
            assert!(!rows.add(format!("the key is torsion {key_torsion}, {r_torsion} in R"), key, &message, signature));
            let (key, signature) = made(0, 0, key_torsion, r_torsion, &message);
            assert!(!rows.add(format!("key torsion {key_torsion}, R torsion {r_torsion}"), key, &message, signature));
        }
    }
    assert!(accepted_with_torsion > 0, "the rule has no cofactor and does not refuse keys of mixed order");
    let (key, signature) = made(7, 9, 0, 0, b"message");
    assert!(rows.add("plain".to_owned(), key, b"message", signature));
    assert!(!rows.add("another message".to_owned(), key, b"massage", signature));
    for bit in [0, 7, 255, 256, 300, 507, 511] {
        let mut broken = signature;
        broken[bit / 8] ^= 1 << (bit % 8);
        assert!(!rows.add(format!("bit {bit} of the signature"), key, b"message", broken));
    }
    let mut large = signature;
    large[32..].copy_from_slice(&plus(&signature[32..], &group_order()));
    assert!(!rows.add("S + group order".to_owned(), key, b"message", large));
    // Encodings with y ≥ p, and with a sign where x is zero, as key and as R.
    for y in 0..19u8 {
        let mut low = [0; 32];
        low[0] = y;
        for sign in [0, 0x80] {
            let mut bytes = plus(&low, &field_prime());
            bytes[31] |= sign;
            let mut as_r = signature;
            as_r[..32].copy_from_slice(&bytes);
            assert!(!rows.add(format!("R is p + {y}, sign {sign}"), key, b"message", as_r));
            assert!(!rows.add(format!("the key is p + {y}, sign {sign}"), bytes, b"message", signature));
        }
    }
    let mut identity = [0; 32];
    (identity[0], identity[31]) = (1, 0x80);
    assert!(!rows.add("the key is 1 with a sign".to_owned(), identity, b"message", signature));
    let description = "Which Ed25519 signatures hold (docs/spec/certificate.md).";
    pinned("primitives-ed25519.json", &json!({ "description": description, "cases": rows.0 }));
}

const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const HALF_ORDER: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";

fn number(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).unwrap();
    bytes
}

/// `left - right`, big endian.
fn minus(left: [u8; 32], right: &[u8]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = 0;
    for index in (0..32).rev() {
        let value = i16::from(left[index]) - i16::from(right[index]) - borrow;
        borrow = i16::from(value < 0);
        difference[index] = value.to_le_bytes()[0];
    }
    difference
}

#[test]
fn secp256k1() {
    let mut rows = Vec::new();
    let mut add = |case: String, digest: [u8; 32], signature: [u8; 65]| {
        let signer = EcdsaSignature::new(signature).recover(&Hash32::new(digest)).ok();
        let signer_text = signer.map(|address| format!("0x{address}"));
        let [digest, signature] = [&digest[..], &signature[..]].map(|bytes| format!("0x{}", hex::encode(bytes)));
        rows.push(json!({ "case": case, "digest": digest, "signature": signature, "signer": signer_text }));
        signer
    };
    for (name, digest) in [("one", [1; 32]), ("zero", [0; 32]), ("the order", number(ORDER)), ("2^256 - 1", [0xff; 32])]
    {
        let signature = EcdsaSignature::sign(&[7; 32], &Hash32::new(digest)).unwrap();
        let signer = add(format!("digest {name}"), digest, *signature.as_bytes());
        assert_eq!(signer, primitives::Address::from_secret(&[7; 32]).ok());
    }
    let digest = [1; 32];
    let good = *EcdsaSignature::sign(&[7; 32], &Hash32::new(digest)).unwrap().as_bytes();
    let changed = |at: usize, bytes: &[u8]| {
        let mut signature = good;
        signature[at..at + bytes.len()].copy_from_slice(bytes);
        signature
    };
    let mut high = changed(32, &minus(number(ORDER), &good[32..64]));
    high[64] ^= 1;
    assert_eq!(add("high s".to_owned(), digest, high), None);
    assert!(add("s is half the order".to_owned(), digest, changed(32, &number(HALF_ORDER))).is_some());
    assert!(add("the other parity".to_owned(), digest, changed(64, &[good[64] ^ 1])).is_some());
    let mut above = number(HALF_ORDER);
    above[31] += 1;
    assert_eq!(add("s is half the order and one".to_owned(), digest, changed(32, &above)), None);
    for (name, bytes) in [("0", [0; 32]), ("the order", number(ORDER)), ("2^256 - 1", [0xff; 32])] {
        assert_eq!(add(format!("r is {name}"), digest, changed(0, &bytes)), None);
        assert_eq!(add(format!("s is {name}"), digest, changed(32, &bytes)), None);
    }
    for parity in [2, 3, 4, 27, 28, 255] {
        assert_eq!(add(format!("parity {parity}"), digest, changed(64, &[parity])), None);
    }
    let mut off_curve = 0;
    for x in 1..16u8 {
        let mut bytes = [0; 32];
        bytes[31] = x;
        off_curve += u32::from(add(format!("r is {x}"), digest, changed(0, &bytes)).is_none());
    }
    assert!(off_curve > 0, "some of these are no x of the curve");
    let description = "Whom a recoverable secp256k1 signature names, null: nobody (docs/spec/ledger.md).";
    pinned("primitives-secp256k1.json", &json!({ "description": description, "cases": rows }));
}
