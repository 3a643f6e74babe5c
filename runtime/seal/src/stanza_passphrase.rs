//! Stanzas for passphrases: Argon2id, then the key-committing seal.

use argon2::{Algorithm, Argon2, Params, Version};
use parity_scale_codec::{Decode, Encode};
use primitives::decode_exact;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::aead::{self, Refused};
use crate::stanza::kind;
use crate::{Dek, SealError, Stanza};

/// Context of the cipher key and commitment around the DEK.
const CONTEXT: &str = "strongroom 2026 v1 passphrase stanza";

/// How much work one guess of a passphrase costs (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Argon2Cost {
    /// Memory, KiB; [`Self::MEMORY_KIB_MAX`] at most.
    pub memory_kib: u32,
    /// Passes over that memory; [`Self::PASSES_MAX`] at most.
    pub passes: u32,
    /// Lanes; [`Self::LANES_MAX`] at most.
    pub lanes: u32,
}

impl Argon2Cost {
    /// RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes; about 0.15 s.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// For tests: no protection at all.
    pub const WEAK: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };
    /// Most memory: 1 GiB. More is refused, because whoever writes a stanza chooses what its reader must spend.
    pub const MEMORY_KIB_MAX: u32 = 1024 * 1024;
    /// Most passes.
    pub const PASSES_MAX: u32 = 16;
    /// Most lanes.
    pub const LANES_MAX: u32 = 16;

    /// Refuses what is out of range.
    fn check(self) -> Result<Params, SealError> {
        let lanes_min = self.lanes.saturating_mul(8);
        for (what, found, min, max) in [
            ("lanes", self.lanes, 1, Self::LANES_MAX),
            ("passes", self.passes, 1, Self::PASSES_MAX),
            ("memory (KiB)", self.memory_kib, lanes_min, Self::MEMORY_KIB_MAX),
        ] {
            if found < min || found > max {
                return Err(SealError::Cost { what, found, min, max });
            }
        }
        Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| SealError::Cost {
            what: "memory (KiB)",
            found: self.memory_kib,
            min: lanes_min,
            max: Self::MEMORY_KIB_MAX,
        })
    }

    /// The key that wraps the DEK.
    fn stretch(self, passphrase: &str, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let params = self.check()?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
            .map_err(|_| SealError::Recipient { reason: "the passphrase is too long" })?;
        Ok(key)
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// What is stored beside the wrapped DEK, 28 bytes.
#[derive(Encode, Decode)]
struct Args {
    salt: [u8; 16],
    cost: Argon2Cost,
}

/// Wraps a DEK for whoever knows the passphrase.
pub(crate) fn wrap<R: CryptoRng + ?Sized>(
    dek: &Dek,
    passphrase: &str,
    cost: Argon2Cost,
    aad: &[u8],
    rng: &mut R,
) -> Result<Stanza, SealError> {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let key = cost.stretch(passphrase, &salt)?;
    let args = Args { salt, cost }.encode();
    let wrapped = aead::seal(CONTEXT, &key, aad, dek.expose(), rng);
    Ok(Stanza { kind: kind::PASSPHRASE, key_id: [0; 8], args, wrapped })
}

/// Unwraps a passphrase stanza.
pub(crate) fn unwrap(stanza: &Stanza, passphrase: &str, aad: &[u8]) -> Result<Dek, SealError> {
    let Args { salt, cost } = decode_exact("passphrase stanza", &stanza.args, 28)?;
    let key = cost.stretch(passphrase, &salt)?;
    let damaged = || SealError::Damaged { what: "passphrase stanza" };
    let plain = aead::open(CONTEXT, &key, aad, &stanza.wrapped).map_err(|refused| match refused {
        Refused::Key => SealError::WrongPassphrase,
        Refused::Damaged => damaged(),
    })?;
    let bytes = plain.as_slice().try_into().map_err(|_| damaged())?;
    Ok(Dek::from_bytes(bytes))
}
