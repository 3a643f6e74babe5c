//! Ed25519 under the project's one rule: `verify_strict`.

use malachite_core_types::SigningScheme;
use primitives::{Ed25519Signature, IdError, ValidatorKey};

/// Keys and signatures as plain bytes; verification is [`Ed25519Signature::verify`] everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ed25519Strict;

/// A signature or key of the wrong length.
fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], IdError> {
    bytes
        .try_into()
        .map_err(|_| IdError::Length { expected: N.saturating_mul(2), found: bytes.len().saturating_mul(2) })
}

impl SigningScheme for Ed25519Strict {
    type DecodingError = IdError;
    type Signature = Ed25519Signature;
    type PublicKey = ValidatorKey;
    type PrivateKey = ed25519_dalek::SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<Ed25519Signature, IdError> {
        sized(bytes).map(Ed25519Signature::new)
    }

    fn encode_signature(signature: &Ed25519Signature) -> Vec<u8> {
        signature.as_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<ValidatorKey, IdError> {
        sized(bytes).map(ValidatorKey::new)
    }

    fn encode_public_key(key: &ValidatorKey) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}
