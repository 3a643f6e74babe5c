//! Measures the stages of the data plane, the proofs and the execution, one core each. Results of record:
//! `docs/benchmarks.md`.

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Bytes that do not compress, the same for the same seed.
#[must_use]
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; length];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Text of a log file: compresses about three to one.
#[must_use]
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["snapshot ", "finalized ", "INFO ", "shard=", "holder=", "node ", "in ", "\n2026-11-20T10:03:07Z "];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        let number = random.next_u32();
        bytes.extend_from_slice(WORDS[usize::try_from(number % 8).unwrap_or(0)].as_bytes());
        if number % 3 == 0 {
            bytes.extend_from_slice(number.to_string().as_bytes());
        }
    }
    bytes.truncate(length);
    bytes
}
