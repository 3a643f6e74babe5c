//! Signatures: one Ed25519 rule (`ed25519.rs`) and one ECDSA rule (secp256k1 with recovery, low `s` only, EIP-2).

use k256::ecdsa::{RecoveryId, Signature as K256Signature, SigningKey, VerifyingKey as K256VerifyingKey};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha3::{Digest, Keccak256};

use crate::{Address, Hash32};

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The public key is not a point of the curve.
    #[error("not a public key")]
    Key,
    /// The signature does not fit key and message.
    #[error("the signature does not verify")]
    Invalid,
}

macro_rules! signature_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Wraps raw bytes; nothing is checked.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&format!("0x{}", hex::encode(self.0)))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let digits = text.strip_prefix("0x").unwrap_or(&text);
                let mut bytes = [0u8; $len];
                hex::decode_to_slice(digits, &mut bytes).map_err(serde::de::Error::custom)?;
                Ok(Self(bytes))
            }
        }
    };
}

signature_bytes!(
    /// An Ed25519 signature (RFC 8032), 64 bytes.
    Ed25519Signature,
    64
);
signature_bytes!(
    /// A recoverable secp256k1 signature: `r 32 | s 32 | y parity 1` (0 or 1), low `s`.
    EcdsaSignature,
    65
);

impl EcdsaSignature {
    /// Signs a 32-byte digest (RFC 6979 nonces).
    ///
    /// # Errors
    /// [`SignatureError::Key`] when `secret` is zero or not below the group order.
    pub fn sign(secret: &[u8; 32], digest: &Hash32) -> Result<Self, SignatureError> {
        let key = SigningKey::from_slice(secret).map_err(|_| SignatureError::Key)?;
        let (signature, recovery) =
            key.sign_prehash_recoverable(digest.as_ref()).map_err(|_| SignatureError::Invalid)?;
        let mut bytes = [0u8; 65];
        for (target, source) in bytes.iter_mut().zip(signature.to_bytes().iter().chain(&[recovery.to_byte()])) {
            *target = *source;
        }
        Ok(Self(bytes))
    }

    /// The account that signed `digest`.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] for a malformed, high-`s` or unrecoverable signature.
    pub fn recover(&self, digest: &Hash32) -> Result<Address, SignatureError> {
        let (rs, parity) = self.0.split_at(64);
        let signature = K256Signature::from_slice(rs).map_err(|_| SignatureError::Invalid)?;
        if signature.normalize_s().is_some() {
            return Err(SignatureError::Invalid);
        }
        let recovery = match parity {
            [0] => RecoveryId::new(false, false),
            [1] => RecoveryId::new(true, false),
            _ => return Err(SignatureError::Invalid),
        };
        let key = K256VerifyingKey::recover_from_prehash(digest.as_ref(), &signature, recovery)
            .map_err(|_| SignatureError::Invalid)?;
        Ok(Address::from_public_key(&key))
    }
}

impl Address {
    /// The address of a secp256k1 public key.
    #[must_use]
    pub fn from_public_key(key: &K256VerifyingKey) -> Self {
        let point = key.to_encoded_point(false);
        let xy = point.as_bytes().split_first().and_then(|(_, xy)| xy.first_chunk());
        Self::from_point(xy.expect("an uncompressed point is a tag and two coordinates"))
    }

    /// The address of a secp256k1 public key, given as its coordinates: x 32, y 32, big endian.
    #[must_use]
    pub fn from_point(xy: &[u8; 64]) -> Self {
        let hash = keccak256(xy);
        let mut bytes = [0u8; 20];
        for (target, source) in bytes.iter_mut().zip(hash.as_bytes().iter().skip(12)) {
            *target = *source;
        }
        Self::new(bytes)
    }

    /// The address of a secp256k1 secret key.
    ///
    /// # Errors
    /// [`SignatureError::Key`] when `secret` is zero or not below the group order.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, SignatureError> {
        let key = SigningKey::from_slice(secret).map_err(|_| SignatureError::Key)?;
        Ok(Self::from_public_key(key.verifying_key()))
    }
}

/// Keccak-256, as the Ethereum side uses it.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> Hash32 {
    Hash32::new(Keccak256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecdsa_signature_names_its_signer_and_nobody_else() {
        let secret = [7u8; 32];
        let digest = Hash32::new([9; 32]);
        let signature = EcdsaSignature::sign(&secret, &digest).unwrap();
        assert_eq!(signature.recover(&digest).unwrap(), Address::from_secret(&secret).unwrap());
        assert_ne!(signature.recover(&Hash32::new([8; 32])).ok(), Address::from_secret(&secret).ok());
        let mut bytes = *signature.as_bytes();
        bytes[64] = 27;
        assert_eq!(EcdsaSignature::new(bytes).recover(&digest), Err(SignatureError::Invalid));
        assert_eq!(EcdsaSignature::sign(&[0; 32], &digest), Err(SignatureError::Key));
    }

    #[test]
    fn the_well_known_test_account_has_its_well_known_address() {
        // Hardhat's and Anvil's first published test key.
        let secret: Hash32 = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80".parse().unwrap();
        assert_eq!(
            Address::from_secret(secret.as_bytes()).unwrap().to_string(),
            "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
    }
}
