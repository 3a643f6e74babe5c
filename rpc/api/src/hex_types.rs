//! QUANTITY and DATA as geth reads them: strictly, with geth's words when they are wrong.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number on the wire: `0x`, no leading zero, zero is `0x0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u64);

impl Quantity {
    /// Wraps the number.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// geth's words: no `0x`, no digits, a leading zero, a digit that is none, more than 64 bits.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = strip_prefix(text)?;
        if digits.is_empty() {
            return Err("hex string \"0x\"");
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err("hex number with leading zero digits");
        }
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("invalid hex string");
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| "hex number > 64 bits")
    }
}

impl From<u64> for Quantity {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("a hex number such as \"0x1f\"", Self::parse))
    }
}

/// Bytes of any length on the wire: `0x` and two digits a byte.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Data(pub Vec<u8>);

impl Data {
    /// Reads the text form.
    ///
    /// # Errors
    /// geth's words: no `0x`, an odd number of digits, a digit that is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = strip_prefix(text)?;
        hex::decode(digits).map(Self).map_err(hex_words)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.0.len())
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&prefixed(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("hex bytes such as \"0x00ff\"", Self::parse))
    }
}

/// Exactly `N` bytes on the wire: a hash (32) or an address (20), `0x` required.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HexBytes<const N: usize>(pub [u8; N]);

impl<const N: usize> HexBytes<N> {
    /// Reads the text form.
    ///
    /// # Errors
    /// geth's words: no `0x`, another length, a digit that is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = strip_prefix(text)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(digits, &mut bytes).map_err(|error| match error {
            hex::FromHexError::InvalidStringLength if N == 20 => "hex string has another length than 40 (an address)",
            hex::FromHexError::InvalidStringLength if N == 32 => "hex string has another length than 64 (a hash)",
            other => hex_words(other),
        })?;
        Ok(Self(bytes))
    }
}

impl<const N: usize> fmt::Debug for HexBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&prefixed(&self.0))
    }
}

impl<const N: usize> From<[u8; N]> for HexBytes<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> Serialize for HexBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&prefixed(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for HexBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("hex bytes of a fixed length", Self::parse))
    }
}

/// `0x` and lower-case hex.
fn prefixed(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2).saturating_add(2));
    text.push_str("0x");
    text.push_str(&hex::encode(bytes));
    text
}

fn strip_prefix(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() {
        return Err("empty hex string");
    }
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or("hex string without 0x prefix")
}

fn hex_words(error: hex::FromHexError) -> &'static str {
    match error {
        hex::FromHexError::OddLength => "hex string of odd length",
        _ => "invalid hex string",
    }
}

/// Visits a JSON string with a parser, without copying it first.
struct Text<T>(&'static str, fn(&str) -> Result<T, &'static str>);

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_strict() {
        for (text, value) in [("0x0", 0), ("0x1", 1), ("0xff", 255), ("0xFF", 255), ("0xffffffffffffffff", u64::MAX)] {
            assert_eq!(Quantity::parse(text), Ok(Quantity(value)), "{text}");
        }
        for (text, words) in [
            ("", "empty hex string"),
            ("0x", "hex string \"0x\""),
            ("ff", "hex string without 0x prefix"),
            ("0x00", "hex number with leading zero digits"),
            ("0x0400", "hex number with leading zero digits"),
            ("0xfg", "invalid hex string"),
            ("0x+1", "invalid hex string"),
            ("0x10000000000000000", "hex number > 64 bits"),
        ] {
            assert_eq!(Quantity::parse(text), Err(words), "{text}");
        }
        assert!(serde_json::from_str::<Quantity>("5").is_err(), "a JSON number is no QUANTITY");
    }

    #[test]
    fn bytes_are_strict() {
        assert_eq!(Data::parse("0x"), Ok(Data(vec![])));
        assert_eq!(Data::parse("0x00Ff"), Ok(Data(vec![0, 255])));
        assert_eq!(Data::parse("0x0"), Err("hex string of odd length"));
        assert_eq!(Data::parse("00"), Err("hex string without 0x prefix"));
        assert_eq!(Data::parse("0xzz"), Err("invalid hex string"));
        assert_eq!(HexBytes::<2>::parse("0x0102").map(|bytes| bytes.0), Ok([1, 2]));
        assert_eq!(HexBytes::<20>::parse("0x01").unwrap_err(), "hex string has another length than 40 (an address)");
        assert!(HexBytes::<32>::parse(&"00".repeat(32)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64, bytes: Vec<u8>, fixed: [u8; 32]) {
            let json = serde_json::to_string(&(Quantity(number), Data(bytes.clone()), HexBytes(fixed))).unwrap();
            let back: (Quantity, Data, HexBytes<32>) = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back, (Quantity(number), Data(bytes), HexBytes(fixed)));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (Quantity::parse(&text), Data::parse(&text), HexBytes::<20>::parse(&text));
        }
    }
}
