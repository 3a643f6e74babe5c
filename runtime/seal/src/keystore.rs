//! Web3 Secret Storage version 3: the encrypted key files that geth and most wallets read and write.
//!
//! Layout and limits: `docs/spec/keystore.md`. Reading accepts scrypt and PBKDF2-HMAC-SHA-256, with any parameters
//! that stay below 1 GiB and ten million rounds; writing uses scrypt.
//!
//! ```
//! use rand::SeedableRng;
//! use seal::OwnerSecret;
//! use seal::keystore::{self, KeystoreError, ScryptCost};
//!
//! let mut rng = rand::rngs::StdRng::seed_from_u64(1);
//! let owner = OwnerSecret::generate(&mut rng);
//! let json = keystore::encrypt(&owner, "correct horse", ScryptCost::WEAK, &mut rng);
//! assert_eq!(keystore::decrypt(&json, "correct horse")?.address(), owner.address());
//! assert!(matches!(keystore::decrypt(&json, "wrong"), Err(KeystoreError::WrongPassphrase)));
//! # Ok::<(), KeystoreError>(())
//! ```

mod error;
mod format;
mod kdf;

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use primitives::{Address, Hash32, keccak256};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use error::KeystoreError;
pub use kdf::ScryptCost;

use crate::OwnerSecret;
use format::{Cipher, File};
use kdf::{DERIVED, Kdf};

/// Longest key file that is read, bytes; real ones have about 500.
pub const FILE_MAX: usize = 64 * 1024;

/// The key file of `owner`, protected by `passphrase`.
#[must_use]
pub fn encrypt<R: CryptoRng + ?Sized>(owner: &OwnerSecret, passphrase: &str, cost: ScryptCost, rng: &mut R) -> String {
    let (mut salt, mut iv, mut id) = ([0; 32], [0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    rng.fill_bytes(&mut id);
    let kdf = Kdf::Scrypt { cost, salt: salt.to_vec() };
    let derived = kdf.derive(passphrase);
    let mut ciphertext = *owner.expose();
    apply_cipher(&derived, &iv, &mut ciphertext);
    let mac = mac(&derived, &ciphertext);
    let cipher = Cipher { iv, ciphertext: ciphertext.to_vec(), mac };
    File { address: Some(owner.address()), cipher, kdf, id: uuid::Builder::from_random_bytes(id).into_uuid() }.to_json()
}

/// The secret in a key file.
///
/// # Errors
/// [`KeystoreError::WrongPassphrase`] when the passphrase is not the one, anything else when the file is not a usable
/// key file; nothing is computed before all of the file was checked.
pub fn decrypt(json: &str, passphrase: &str) -> Result<OwnerSecret, KeystoreError> {
    let File { address, cipher, kdf, .. } = File::from_json(json)?;
    let derived = kdf.derive(passphrase);
    let expected = mac(&derived, &cipher.ciphertext);
    if !bool::from(expected.as_bytes().ct_eq(cipher.mac.as_bytes())) {
        return Err(KeystoreError::WrongPassphrase);
    }
    // Some old writers dropped leading zeros of the key.
    let mut secret = Zeroizing::new([0; 32]);
    let start = secret.len().saturating_sub(cipher.ciphertext.len());
    if let Some(target) = secret.get_mut(start..) {
        target.copy_from_slice(&cipher.ciphertext);
        apply_cipher(&derived, &cipher.iv, target);
    }
    let owner = OwnerSecret::from_bytes(&secret).map_err(|_| KeystoreError::NotAKey)?;
    match address {
        Some(expected) if expected != owner.address() => {
            Err(KeystoreError::Address { expected, found: owner.address() })
        }
        _ => Ok(owner),
    }
}

/// The account that a key file says it holds; `None` when it does not say. Needs no passphrase, and proves nothing.
///
/// # Errors
/// [`KeystoreError`] when the file is not a usable key file.
pub fn address(json: &str) -> Result<Option<Address>, KeystoreError> {
    File::from_json(json).map(|file| file.address)
}

/// AES-128-CTR under the first half of the derived key.
fn apply_cipher(derived: &[u8; DERIVED], iv: &[u8; 16], bytes: &mut [u8]) {
    let (key, _) = derived.split_at(16);
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(key, iv).expect("AES-128 keys and blocks have 16 bytes");
    cipher.apply_keystream(bytes);
}

/// Keccak-256 over the second half of the derived key and the ciphertext.
fn mac(derived: &[u8; DERIVED], ciphertext: &[u8]) -> Hash32 {
    let (_, key) = derived.split_at(16);
    keccak256(&[key, ciphertext].concat())
}

#[cfg(test)]
#[path = "keystore_test.rs"]
mod tests;
