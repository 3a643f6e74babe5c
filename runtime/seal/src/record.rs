//! Small sealed records: names, settings, object records.

use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::SealError;
use crate::aead::{self, Refused};

/// The only record version there is.
const VERSION: u8 = 1;
/// Context of a record's cipher key and commitment.
const CONTEXT: &str = "strongroom 2026 v1 record";
/// Least bytes that are sealed: short names are not told apart by their length.
const PADDED_MIN: usize = 128;
/// Bytes of the length in front of the padded plaintext.
const LENGTH: usize = 4;

/// Seals `plain` under `key`, for the place that `aad` names: a record opens only with the same `aad`.
///
/// `version 1 | nonce 12 | commitment 32 | ciphertext | tag 16`; the plaintext inside is `length u32 LE | plain | zeros`, padded
/// so that the length tells at most an eighth of its own size (Padmé, `docs/spec/records.md`).
///
/// # Panics
/// Beyond 4 GiB, which no record reaches.
#[must_use]
pub fn seal_record<R: CryptoRng + ?Sized>(key: &[u8; 32], aad: &[u8], plain: &[u8], rng: &mut R) -> Vec<u8> {
    let length = u32::try_from(plain.len()).expect("records are shorter than 4 GiB");
    let mut padded = Vec::with_capacity(padded_len(plain.len().saturating_add(LENGTH)));
    padded.extend_from_slice(&length.to_le_bytes());
    padded.extend_from_slice(plain);
    padded.resize(padded_len(padded.len()), 0);
    let mut record = vec![VERSION];
    record.extend_from_slice(&aead::seal(CONTEXT, key, &bound(aad), &padded, rng));
    padded.zeroize();
    record
}

/// Opens what [`seal_record`] made with the same `key` and `aad`.
///
/// # Errors
/// [`SealError::WrongKey`] under another key, [`SealError::Damaged`] when a byte or the `aad` differs,
/// [`SealError::Codec`] for an unknown version.
pub fn open_record(key: &[u8; 32], aad: &[u8], record: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    const WHAT: &str = "record";
    let damaged = || SealError::Damaged { what: WHAT };
    let (version, sealed) = record.split_first().ok_or_else(damaged)?;
    if *version != VERSION {
        return Err(primitives::CodecError::Version { what: WHAT, found: *version, known: VERSION }.into());
    }
    let mut padded = aead::open(CONTEXT, key, &bound(aad), sealed).map_err(|refused| match refused {
        Refused::Key => SealError::WrongKey { what: WHAT },
        Refused::Damaged => damaged(),
    })?;
    let (length, body) = padded.split_first_chunk::<LENGTH>().ok_or_else(damaged)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
    if body.get(length..).is_none_or(|padding| padding.iter().any(|byte| *byte != 0)) {
        return Err(damaged());
    }
    padded.drain(..LENGTH);
    padded.truncate(length);
    Ok(padded)
}

/// The associated data: version and the caller's.
fn bound(aad: &[u8]) -> Vec<u8> {
    [&[VERSION], aad].concat()
}

/// Padmé (Nikitin and others 2019, algorithm 1) from [`PADDED_MIN`] up: keeps the highest `log₂ log₂ len + 1` bits of a
/// length and rounds the others up.
fn padded_len(len: usize) -> usize {
    let len = len.max(PADDED_MIN);
    let exponent = len.ilog2();
    let kept = exponent.ilog2().saturating_add(1);
    let unit = 1usize.checked_shl(exponent.saturating_sub(kept)).unwrap_or(1);
    len.checked_next_multiple_of(unit).unwrap_or(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn padding_hides_short_lengths_and_costs_little() {
        for len in [0, 1, 4, 127, 128] {
            assert_eq!(padded_len(len), 128, "{len}");
        }
        for len in [129usize, 1000, 4097, 65_535, 1 << 20, (1 << 24) + 1] {
            let padded = padded_len(len);
            assert!(padded >= len && padded <= len + len / 8, "{len} {padded}");
            assert_eq!(padded_len(padded), padded);
        }
        // Worked by hand: 1000 has exponent 9, keeps 4 bits, rounds to multiples of 32.
        assert_eq!(padded_len(1000), 1024);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let record = seal_record(&KEY, b"place", b"a name", &mut rng);
        assert_eq!(&**open_record(&KEY, b"place", &record).unwrap(), b"a name");
        for at in 0..record.len() {
            for bit in 0..8 {
                let mut bad = record.clone();
                bad[at] ^= 1 << bit;
                assert!(open_record(&KEY, b"place", &bad).is_err(), "byte {at} bit {bit}");
            }
            assert!(open_record(&KEY, b"place", &record[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(open_record(&KEY, b"other", &record), Err(SealError::Damaged { what: "record" }));
        assert_eq!(open_record(&[8; 32], b"place", &record), Err(SealError::WrongKey { what: "record" }));
    }

    #[test]
    fn the_same_plaintext_never_seals_to_the_same_bytes() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        assert_ne!(seal_record(&KEY, b"", b"x", &mut rng), seal_record(&KEY, b"", b"x", &mut rng));
    }

    proptest! {
        #[test]
        fn records_round_trip(plain in prop::collection::vec(any::<u8>(), 0..3000), aad in prop::collection::vec(any::<u8>(), 0..40), seed in any::<u64>()) {
            let record = seal_record(&KEY, &aad, &plain, &mut ChaCha20Rng::seed_from_u64(seed));
            prop_assert_eq!(&**open_record(&KEY, &aad, &record).unwrap(), &plain[..]);
        }

        #[test]
        fn garbage_does_not_open(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open_record(&KEY, b"", &garbage).is_err());
        }
    }
}
