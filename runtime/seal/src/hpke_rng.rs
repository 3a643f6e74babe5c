//! Randomness for the HPKE libraries, drawn once from the caller's generator.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use rand::CryptoRng;
use zeroize::Zeroizing;

/// A BLAKE3 output stream under a seed of 32 bytes. Both HPKE libraries want generators of their own crates' traits, and
/// one of them wants to own it.
pub(crate) struct SeededRng(blake3::OutputReader);

impl SeededRng {
    /// A stream under a seed drawn from `rng`.
    pub(crate) fn from_rng<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The stream under this seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_derive_key("strongroom 2026 v1 hpke ephemeral").update(seed).finalize_xof())
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(target);
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
