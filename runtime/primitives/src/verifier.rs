//! Who says whether signatures hold.

use crate::{Address, EcdsaSignature, Ed25519Signature, Hash32, SignatureError};

/// Checks signatures by the rules of this crate. A program that checks many brings faster code for the same rules;
/// its answers must be those of [`Portable`], bit for bit, because members must agree on them.
pub trait Verifier {
    /// As [`Ed25519Signature::verify`].
    ///
    /// # Errors
    /// [`SignatureError`] when the signature does not hold.
    fn ed25519(&self, signature: &Ed25519Signature, key: &[u8; 32], message: &[u8]) -> Result<(), SignatureError> {
        signature.verify(key, message)
    }

    /// As [`EcdsaSignature::recover`].
    ///
    /// # Errors
    /// [`SignatureError`] when the signature names no signer.
    fn recover(&self, signature: &EcdsaSignature, digest: &Hash32) -> Result<Address, SignatureError>;
}

/// The code of this crate: pure Rust, runs everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Verifier for Portable {
    fn recover(&self, signature: &EcdsaSignature, digest: &Hash32) -> Result<Address, SignatureError> {
        signature.recover(digest)
    }
}
