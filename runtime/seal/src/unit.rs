//! Keys of one sealed unit (a frame or a pack footer): cipher key, key commitment and header mask, all from one
//! secret and the unit's random nonce.
//!
//! GCM alone is not key committing; the commitment is compared before anything is opened. The mask hides the length
//! fields, so that a pack looks like random bytes to whoever holds it.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use zeroize::Zeroize;

/// Length of a unit's nonce, bytes.
pub(crate) const NONCE: usize = 12;
/// Length of a key commitment, bytes.
pub(crate) const COMMITMENT: usize = 32;
/// Length of an AES-GCM tag, bytes.
pub(crate) const TAG: usize = 16;
/// Length of a mask, bytes.
pub(crate) const MASK: usize = 14;

/// What one unit is sealed with.
pub(crate) struct UnitKeys {
    pub(crate) key: LessSafeKey,
    pub(crate) commitment: [u8; COMMITMENT],
    pub(crate) mask: [u8; MASK],
}

/// Derives unit keys: `BLAKE3 derive_key(context)` over `secret ‖ nonce`, 78 bytes of output.
#[derive(Clone)]
pub(crate) struct Derivation {
    template: blake3::Hasher,
}

impl Derivation {
    pub(crate) fn new(context: &'static str) -> Self {
        Self { template: blake3::Hasher::new_derive_key(context) }
    }

    pub(crate) fn keys(&self, secret: &[u8; 32], nonce: &[u8; NONCE]) -> UnitKeys {
        let mut hasher = self.template.clone();
        hasher.update(secret).update(nonce);
        let mut output = hasher.finalize_xof();
        let mut key = [0u8; 32];
        let mut commitment = [0u8; COMMITMENT];
        let mut mask = [0u8; MASK];
        output.fill(&mut key);
        output.fill(&mut commitment);
        output.fill(&mut mask);
        let unbound = UnboundKey::new(&AES_256_GCM, &key).expect("an AES-256 key is 32 bytes");
        key.zeroize();
        UnitKeys { key: LessSafeKey::new(unbound), commitment, mask }
    }
}

impl UnitKeys {
    /// Adds the mask to `bytes`, or takes it off again.
    pub(crate) fn mask(&self, bytes: &mut [u8]) {
        for (byte, mask) in bytes.iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
    }

    /// Whether a stored commitment is that of these keys, in constant time.
    pub(crate) fn committed(&self, stored: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        bool::from(self.commitment.as_slice().ct_eq(stored))
    }
}
