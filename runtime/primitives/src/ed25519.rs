//! Ed25519, one rule everywhere: RFC 8032 without the cofactor, and neither key nor commitment of small order
//! (`docs/spec/certificate.md`; ed25519-dalek calls it `verify_strict`).

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

use crate::{Ed25519Signature, SignatureError};

/// Encodings of the curve's eight points of small order, without the bit of the sign: y of the orders 4, 1, 8, 8 and 2.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    little(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

const fn little(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

impl Ed25519Signature {
    /// Verifies strictly: canonical, no small-order key or commitment.
    ///
    /// # Errors
    /// [`SignatureError::Key`] for a key off the curve, [`SignatureError::Invalid`] otherwise.
    pub fn verify(&self, key: &[u8; 32], message: &[u8]) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| SignatureError::Key)?;
        if key.is_weak() || self.has_small_order_commitment() {
            return Err(SignatureError::Invalid);
        }
        // The equation is checked by computing R and comparing 32 bytes: the signature's R never needs to be decoded,
        // which is a sixth of the work that `verify_strict` does for the same answer.
        key.verify(message, &Signature::from_bytes(self.as_bytes())).map_err(|_| SignatureError::Invalid)
    }

    /// Whether R, the first half, encodes a point of small order, in whatever way.
    ///
    /// Other encodings of such points (y ≥ p, or a sign where x = 0) need not be listed: R is compared, as bytes, with the
    /// encoding of a computed point, which is never one of them.
    #[must_use]
    pub fn has_small_order_commitment(&self) -> bool {
        let (r, _) = self.as_bytes().split_at(32);
        let sign_bit = 0x80;
        SMALL_ORDER.iter().any(|known| {
            let same = r.iter().zip(known).take(31).all(|(byte, known)| byte == known);
            same && r.last().zip(known.last()).is_some_and(|(byte, known)| byte & !sign_bit == *known)
        })
    }
}
