//! Newtypes for every identifier: fixed width, hex in text, raw bytes in SCALE.

use std::fmt;
use std::str::FromStr;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not as many hex digits as the identifier has.
    #[error("expected {expected} hex digits (0x allowed in front), found {found}")]
    Length {
        /// Digits of this identifier.
        expected: usize,
        /// Digits of the text.
        found: usize,
    },
    /// A character that is no hex digit.
    #[error("not hexadecimal: {text}")]
    NotHex {
        /// The text as given.
        text: String,
    },
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0u8; N];
    if digits.len() != N.saturating_mul(2) {
        return Err(IdError::Length { expected: N.saturating_mul(2), found: digits.len() });
    }
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| IdError::NotHex { text: text.to_owned() })?;
    Ok(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// All bytes zero: "none yet" where a format says so.
            pub const ZERO: Self = Self([0; $len]);

            /// Wraps raw bytes.
            #[must_use]
            #[inline]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            #[must_use]
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ZERO
            }
        }

        impl AsRef<[u8]> for $name {
            #[inline]
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl From<$name> for [u8; $len] {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self)
            }
        }

        /// JSON form: `0x` and lower-case hex.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&format!("0x{self}"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name, 32);

        impl From<Hash32> for $name {
            fn from(hash: Hash32) -> Self {
                Self(hash.0)
            }
        }

        impl From<$name> for Hash32 {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }
    };
}

id!(
    /// A 32-byte hash whose meaning the field that holds it gives.
    Hash32,
    32
);
hash_id!(
    /// One network: hash of its genesis description. Part of everything that is signed.
    NetworkId
);
hash_id!(
    /// A block: BLAKE3 hash of its header (domain `header`).
    BlockHash
);
hash_id!(
    /// Keccak-256 of a block's derived Ethereum header.
    EthHash
);
hash_id!(
    /// Keccak-256 of a transaction's EIP-2718 bytes.
    TxHash
);
hash_id!(
    /// Root of the Jellyfish Merkle state tree.
    StateRoot
);
hash_id!(
    /// Root of a BLAKE3 Merkle tree of ours; binds the number of leaves.
    TreeRoot
);
hash_id!(
    /// A SHA-256 node or root of the RFC 6962 snapshot log.
    LogHash
);
hash_id!(
    /// A vault: hash of owner and salt (domain `vault`).
    VaultId
);
hash_id!(
    /// A commitment: BLAKE3 of its SCALE bytes (domain `commitment`).
    CommitmentHash
);
hash_id!(
    /// A pack: hash of geometry, shard length and shard ids (domain `pack`).
    PackId
);
hash_id!(
    /// A shard: plain BLAKE3 of its bytes, so that bao range proofs verify against it.
    ShardId
);
hash_id!(
    /// A chunk: BLAKE3 keyed with the vault's secret id key; tells strangers nothing.
    ChunkId
);
hash_id!(
    /// An object's place in a vault: keyed hash of its name.
    ObjectKey
);
hash_id!(
    /// Hash of a validator set (domain `validators`).
    ValidatorsHash
);
hash_id!(
    /// An Ed25519 public key of a validator.
    ValidatorKey
);
hash_id!(
    /// An Ed25519 public key of a root cluster member.
    MemberKey
);
hash_id!(
    /// An Ed25519 public key of a storage node.
    NodeKey
);
id!(
    /// An Ethereum account address: the last 20 bytes of Keccak-256 of the public key.
    Address,
    20
);
id!(
    /// A client's session with the ledger: 16 random bytes, names the retry window of its commands.
    SessionId,
    16
);

impl ShardId {
    /// The id of these shard bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl VaultId {
    /// The id of the vault that `owner` opened with `salt` (32 bytes, derived from the vault's name and the
    /// owner's secret, so that the id hides the name).
    #[must_use]
    pub fn derive(owner: Address, salt: &Hash32) -> Self {
        crate::hash_parts(crate::Domain::Vault, &[owner.as_ref(), salt.as_ref()]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_forms_round_trip_and_refuse_other_lengths() {
        let id = ShardId::of(b"abc");
        assert_eq!(id.to_string().parse::<ShardId>().unwrap(), id);
        assert_eq!(format!("0x{id}").parse::<ShardId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert!(json.starts_with("\"0x"));
        assert_eq!(serde_json::from_str::<ShardId>(&json).unwrap(), id);
        assert_eq!("0x12".parse::<ShardId>(), Err(IdError::Length { expected: 64, found: 2 }));
        assert!(matches!("zz".repeat(32).parse::<ShardId>(), Err(IdError::NotHex { .. })));
    }
}
