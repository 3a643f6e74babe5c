//! Names and key ids of those who sign checkpoints.

use primitives::{NetworkId, ValidatorKey};
use sha2::{Digest, Sha256};

/// Signature type of a plain Ed25519 note signature (c2sp.org/signed-note).
pub(super) const TYPE_LOG: u8 = 0x01;
/// Signature type of a timestamped Ed25519 cosignature (c2sp.org/tlog-cosignature).
pub(super) const TYPE_COSIGNATURE: u8 = 0x04;

/// The log's origin line, and the key name of log signatures: `strongroom/<network id>`.
#[must_use]
pub fn origin(network: &NetworkId) -> String {
    format!("strongroom/{network}")
}

/// The key name of a validator's cosignatures: the origin, a slash and the first 16 hex digits of its key.
#[must_use]
pub fn cosigner_name(network: &NetworkId, validator: &ValidatorKey) -> String {
    let short: String = validator.to_string().chars().take(16).collect();
    format!("{}/{short}", origin(network))
}

/// `SHA-256(name | "\n" | type | public key)`, first four bytes.
pub(super) fn key_id(name: &str, kind: u8, validator: &ValidatorKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', kind]);
    hasher.update(validator.as_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}
