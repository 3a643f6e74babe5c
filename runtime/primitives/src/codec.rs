//! Decoding with limits: length, nesting depth and trailing bytes are checked before a value is believed.

use parity_scale_codec::{Decode, DecodeLimit};

/// Deepest nesting that any of our formats needs.
const DEPTH_MAX: u32 = 16;

/// Why bytes are not the value they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than the format allows.
    #[error("{what}: {found} bytes, at most {limit} allowed")]
    TooLong {
        /// The type that was expected.
        what: &'static str,
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a complete, canonical encoding, or bytes left over.
    #[error("{what}: {reason}")]
    Malformed {
        /// The type that was expected.
        what: &'static str,
        /// What the decoder met.
        reason: String,
    },
    /// A version byte this program does not know.
    #[error("{what}: version {found} is not supported (this program knows up to {known})")]
    Version {
        /// The type that was expected.
        what: &'static str,
        /// Version found.
        found: u8,
        /// Highest version known.
        known: u8,
    },
}

/// Decodes exactly one `T` from all of `bytes`.
///
/// # Errors
/// More than `limit_bytes` bytes, nesting deeper than 16, an incomplete value, or trailing bytes.
pub fn decode_exact<T: Decode>(what: &'static str, bytes: &[u8], limit_bytes: usize) -> Result<T, CodecError> {
    if bytes.len() > limit_bytes {
        return Err(CodecError::TooLong { what, found: bytes.len(), limit: limit_bytes });
    }
    T::decode_all_with_depth_limit(DEPTH_MAX, &mut &*bytes)
        .map_err(|error| CodecError::Malformed { what, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parity_scale_codec::Encode;

    #[test]
    fn trailing_bytes_short_input_and_long_input_are_refused() {
        let bytes = (7u32, vec![1u8, 2]).encode();
        assert_eq!(decode_exact::<(u32, Vec<u8>)>("pair", &bytes, 64).unwrap(), (7, vec![1, 2]));
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(decode_exact::<(u32, Vec<u8>)>("pair", &longer, 64), Err(CodecError::Malformed { .. })));
        let shorter = bytes.split_last().unwrap().1;
        assert!(matches!(decode_exact::<(u32, Vec<u8>)>("pair", shorter, 64), Err(CodecError::Malformed { .. })));
        assert!(matches!(decode_exact::<(u32, Vec<u8>)>("pair", &bytes, 3), Err(CodecError::TooLong { .. })));
    }
}
