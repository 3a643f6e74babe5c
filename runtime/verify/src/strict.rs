//! JSON with one form per value: lower-case hex with `0x` and the exact length, decimal strings without leading zeros.
//! What reads leniently could be changed without anybody noticing.

use std::fmt::Display;
use std::str::FromStr;

use primitives::Ed25519Signature;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An identifier or hash as `"0x…"`, lower case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hex<T>(pub(crate) T);

impl<T: Display> Serialize for Hex<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", self.0))
    }
}

impl<'de, T: FromStr<Err: Display> + Display> Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value: T = text.parse().map_err(Error::custom)?;
        if format!("0x{value}") != text {
            return Err(Error::custom(format!("{text:?} must be 0x and lower-case hex digits")));
        }
        Ok(Self(value))
    }
}

/// A value in its text form as a JSON string: decimal numbers of 64 bits, policies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display> + Display> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value: T = text.parse().map_err(|error| Error::custom(format!("{text:?}: {error}")))?;
        if value.to_string() != text {
            return Err(Error::custom(format!("{text:?} must be written {value}")));
        }
        Ok(Self(value))
    }
}

/// A signature as `"0x…"`, 128 lower-case digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature(pub(crate) Ed25519Signature);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(self.0.as_bytes())))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0u8; 64];
        let digits = text.strip_prefix("0x").unwrap_or_default();
        if hex::decode_to_slice(digits, &mut bytes).is_err() || hex::encode(bytes) != digits {
            return Err(Error::custom("a signature is 0x and 128 lower-case hex digits"));
        }
        Ok(Self(Ed25519Signature::new(bytes)))
    }
}
