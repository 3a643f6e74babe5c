//! The one secret of an owner.

use std::fmt;

use k256::ecdsa::SigningKey;
use primitives::{Address, EcdsaSignature, Hash32, VaultId};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::derive::derive;
use crate::{KeyError, Recipient, VaultKeys, XWingSecret, phrase};

/// Context of the key under which vault names are hashed to salts.
const SALT_CONTEXT: &str = "strongroom 2026 v1 owner vault salt";
/// Context of the key under which vault ids are hashed to vault roots.
const VAULTS_CONTEXT: &str = "strongroom 2026 v1 owner vaults";
/// Context of the seed of the owner's X-Wing key pair.
const X_WING_CONTEXT: &str = "strongroom 2026 v1 owner x-wing";

/// The secret of an owner: the secp256k1 secret key of the account, from which every other key follows
/// (`docs/spec/keys.md`). Its recovery phrase is all that must never be lost. Wiped from memory when dropped.
#[derive(Clone)]
pub struct OwnerSecret {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 65],
    address: Address,
}

impl OwnerSecret {
    /// A new random secret.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *bytes);
            // Fails with probability 2^-128: zero, or not below the order of the group.
            if let Ok(secret) = Self::from_bytes(&bytes) {
                return secret;
            }
        }
    }

    /// The secret with these 32 bytes, big endian.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] for zero and for numbers not below the order of secp256k1.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_slice(bytes).map_err(|_| KeyError::NotAKey)?;
        let point = key.verifying_key().to_encoded_point(false);
        let public = point.as_bytes().try_into().map_err(|_| KeyError::NotAKey)?;
        let address = Address::from_public_key(key.verifying_key());
        Ok(Self { secret: Zeroizing::new(*bytes), public, address })
    }

    /// The secret of a recovery phrase: 24 English BIP-39 words, in any case, with any white space between.
    ///
    /// # Errors
    /// [`KeyError`] that says which word is wrong, or that the checksum does not hold.
    pub fn from_phrase(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&*phrase::parse(text)?)
    }

    /// The recovery phrase: 24 English BIP-39 words whose entropy is this secret itself.
    #[must_use]
    pub fn phrase(&self) -> Zeroizing<String> {
        phrase::of(&self.secret)
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The public key, uncompressed: `0x04 | x 32 | y 32`.
    #[must_use]
    pub const fn public_key(&self) -> [u8; 65] {
        self.public
    }

    /// Signs a 32-byte digest as the account.
    #[must_use]
    pub fn sign(&self, digest: &Hash32) -> EcdsaSignature {
        EcdsaSignature::sign(&self.secret, digest).expect("the secret was checked to be a key when it was made")
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The salt of the vault `name`: fixes the vault's id, and tells strangers nothing about the name.
    #[must_use]
    pub fn vault_salt(&self, name: &str) -> Hash32 {
        let key = derive(SALT_CONTEXT, &[&*self.secret]);
        Hash32::new(*blake3::keyed_hash(&key, name.as_bytes()).as_bytes())
    }

    /// The keys of a vault.
    #[must_use]
    pub fn vault_keys(&self, vault: &VaultId) -> VaultKeys {
        let key = derive(VAULTS_CONTEXT, &[&*self.secret]);
        let root = Zeroizing::new(*blake3::keyed_hash(&key, vault.as_ref()).as_bytes());
        VaultKeys::derive(&root)
    }

    /// The owner's post-quantum key pair.
    #[must_use]
    pub fn x_wing(&self) -> XWingSecret {
        XWingSecret::from_seed(&derive(X_WING_CONTEXT, &[&*self.secret]))
    }

    /// The owner as a recipient, by account key.
    #[must_use]
    pub const fn recipient(&self) -> Recipient {
        Recipient::Account { public: self.public }
    }
}

impl fmt::Debug for OwnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerSecret").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn a_phrase_brings_the_account_back() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for _ in 0..20 {
            let owner = OwnerSecret::generate(&mut rng);
            let back = OwnerSecret::from_phrase(&owner.phrase()).unwrap();
            assert_eq!(back.expose(), owner.expose());
            assert_eq!(back.address(), owner.address());
            let digest = Hash32::new([9; 32]);
            assert_eq!(owner.sign(&digest).recover(&digest), Ok(owner.address()));
        }
    }

    #[test]
    fn numbers_that_are_no_keys_are_refused() {
        // The order of the group, big endian.
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order: Hash32 = order.parse().unwrap();
        for bytes in [[0; 32], [0xff; 32], *order.as_bytes()] {
            assert_eq!(OwnerSecret::from_bytes(&bytes).unwrap_err(), KeyError::NotAKey);
        }
        // A phrase of zeros is well formed BIP-39 all the same.
        let zeros = format!("{} art", ["abandon"; 23].join(" "));
        assert_eq!(OwnerSecret::from_phrase(&zeros).unwrap_err(), KeyError::NotAKey);
    }

    #[test]
    fn the_public_key_is_uncompressed_and_the_account_well_known() {
        // Hardhat's and Anvil's first published test key.
        let secret: Hash32 = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80".parse().unwrap();
        let owner = OwnerSecret::from_bytes(secret.as_bytes()).unwrap();
        assert_eq!(owner.address().to_string(), "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        assert_eq!(owner.public_key()[0], 4);
    }
}
