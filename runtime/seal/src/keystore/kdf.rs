//! Passphrase to key: scrypt and PBKDF2, within limits.

use sha2_11::Sha256;
use zeroize::Zeroizing;

use super::KeystoreError;

/// Bytes that are derived: a cipher key and a MAC key. A longer `dklen` in a file only adds bytes that version 3 never uses.
pub(super) const DERIVED: usize = 32;
/// Most memory that scrypt may take, bytes, over all lanes.
const MEMORY_MAX: u128 = 1 << 30;
/// Most rounds of PBKDF2: a few seconds.
const ROUNDS_MAX: u32 = 10_000_000;

/// How much work one guess of a passphrase costs with scrypt (RFC 7914).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScryptCost {
    log_n: u8,
    r: u32,
    p: u32,
}

impl ScryptCost {
    /// What geth writes: n = 2¹⁸, r = 8, p = 1; 256 MiB and about a second.
    pub const STANDARD: Self = Self { log_n: 18, r: 8, p: 1 };
    /// What geth writes with `--lightkdf`: n = 2¹², r = 8, p = 6; 4 MiB.
    pub const LIGHT: Self = Self { log_n: 12, r: 8, p: 6 };
    /// For tests: no protection at all.
    pub const WEAK: Self = Self { log_n: 1, r: 8, p: 1 };

    /// A checked cost.
    ///
    /// # Errors
    /// [`KeystoreError::Field`] when `n` is not a power of two above 1, or `r` or `p` is zero;
    /// [`KeystoreError::Cost`] when `128·n·r·p` is more than 1 GiB.
    pub fn new(n: u64, r: u32, p: u32) -> Result<Self, KeystoreError> {
        if n < 2 || !n.is_power_of_two() {
            return Err(KeystoreError::Field { what: "n", reason: format!("{n} is not a power of two above 1") });
        }
        if r == 0 || p == 0 {
            return Err(KeystoreError::Field { what: "r or p", reason: "must be at least 1".to_owned() });
        }
        let found = [u128::from(r), u128::from(p), 128].into_iter().fold(u128::from(n), u128::saturating_mul);
        if found > MEMORY_MAX {
            return Err(KeystoreError::Cost { what: "scrypt memory (128·n·r·p, bytes)", found, max: MEMORY_MAX });
        }
        let log_n = u8::try_from(n.ilog2()).unwrap_or(u8::MAX);
        Ok(Self { log_n, r, p })
    }

    /// `n`, a power of two.
    #[must_use]
    pub const fn n(self) -> u64 {
        1 << self.log_n
    }

    /// `r`, block size.
    #[must_use]
    pub const fn r(self) -> u32 {
        self.r
    }

    /// `p`, lanes.
    #[must_use]
    pub const fn p(self) -> u32 {
        self.p
    }
}

impl Default for ScryptCost {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// A key derivation with its salt; the parameters are checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kdf {
    /// scrypt.
    Scrypt {
        /// Its cost.
        cost: ScryptCost,
        /// Its salt.
        salt: Vec<u8>,
    },
    /// PBKDF2-HMAC-SHA-256.
    Pbkdf2 {
        /// Rounds, within the limit ([`Kdf::pbkdf2`]).
        rounds: u32,
        /// Its salt.
        salt: Vec<u8>,
    },
}

impl Kdf {
    /// PBKDF2 with a checked number of rounds.
    pub(super) fn pbkdf2(rounds: u64, salt: Vec<u8>) -> Result<Self, KeystoreError> {
        let too_many = || KeystoreError::Cost { what: "PBKDF2 rounds", found: rounds.into(), max: ROUNDS_MAX.into() };
        match u32::try_from(rounds) {
            Ok(0) => Err(KeystoreError::Field { what: "c", reason: "must be at least 1".to_owned() }),
            Ok(rounds) if rounds <= ROUNDS_MAX => Ok(Self::Pbkdf2 { rounds, salt }),
            _ => Err(too_many()),
        }
    }

    /// Cipher key and MAC key.
    pub(super) fn derive(&self, passphrase: &str) -> Zeroizing<[u8; DERIVED]> {
        let mut derived = Zeroizing::new([0; DERIVED]);
        match self {
            Self::Scrypt { cost, salt } => {
                let params = scrypt::Params::new(cost.log_n, cost.r, cost.p)
                    .expect("a checked cost is far inside scrypt's own limits");
                scrypt::scrypt(passphrase.as_bytes(), salt, &params, &mut *derived)
                    .expect("32 bytes are a length that scrypt can derive");
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(passphrase.as_bytes(), salt, *rounds, &mut *derived);
            }
        }
        derived
    }
}
