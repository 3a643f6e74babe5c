//! Ed25519, one rule everywhere: RFC 8032 without the cofactor, and neither key nor commitment of small order
//! (`docs/spec/certificate.md`; ed25519-dalek calls it `verify_strict`).

use ed25519_dalek::{Signature, VerifyingKey};

use crate::{Ed25519Signature, SignatureError};

impl Ed25519Signature {
    /// Verifies strictly: canonical, no small-order key or commitment.
    ///
    /// # Errors
    /// [`SignatureError::Key`] for a key off the curve, [`SignatureError::Invalid`] otherwise.
    pub fn verify(&self, key: &[u8; 32], message: &[u8]) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| SignatureError::Key)?;
        key.verify_strict(message, &Signature::from_bytes(self.as_bytes())).map_err(|_| SignatureError::Invalid)
    }
}
