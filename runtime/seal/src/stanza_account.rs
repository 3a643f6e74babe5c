//! Stanzas for accounts: HPKE with DHKEM(secp256k1, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

use hpke_rs::{Hpke, HpkePrivateKey, HpkePublicKey, Mode};
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use k256::PublicKey;
use rand::CryptoRng;

use crate::hpke_provider::SeededProvider;
use crate::hpke_rng::SeededRng;
use crate::stanza::{HPKE_INFO, kind};
use crate::{Dek, OwnerSecret, SealError, Stanza};

/// Wraps a DEK for an account.
pub(crate) fn wrap<R: CryptoRng + ?Sized>(
    dek: &Dek,
    public: &[u8; 65],
    aad: &[u8],
    rng: &mut R,
) -> Result<Stanza, SealError> {
    // The raw bytes of the key enter the KEM's context, so that sealing to any other form of the same point (33 bytes,
    // or the hybrid prefixes 6 and 7) gives a message that nobody can open.
    let refused = SealError::Recipient { reason: "not an uncompressed secp256k1 public key (65 bytes, 0x04 first)" };
    if public.first() != Some(&4) || PublicKey::from_sec1_bytes(public).is_err() {
        return Err(refused);
    }
    let (enc, wrapped) = hpke(SeededRng::from_rng(rng))
        .seal(&HpkePublicKey::new(public.to_vec()), HPKE_INFO, aad, dek.expose(), None, None, None)
        .map_err(|_| refused)?;
    let key_id = Stanza::key_id_of(kind::ACCOUNT, &enc, public);
    Ok(Stanza { kind: kind::ACCOUNT, key_id, args: enc, wrapped })
}

/// Unwraps the stanza of this owner.
pub(crate) fn unwrap(stanza: &Stanza, owner: &OwnerSecret, aad: &[u8]) -> Result<Dek, SealError> {
    const WHAT: &str = "account stanza";
    let secret = HpkePrivateKey::new(owner.expose().to_vec());
    // Opening draws no randomness; the type wants a generator all the same.
    let plain = hpke(SeededRng::from_seed(&[0; 32]))
        .open(&stanza.args, &secret, HPKE_INFO, aad, &stanza.wrapped, None, None, None)
        .map_err(|_| SealError::Damaged { what: WHAT })?;
    let plain = zeroize::Zeroizing::new(plain);
    let bytes = plain.as_slice().try_into().map_err(|_| SealError::Damaged { what: WHAT })?;
    Ok(Dek::from_bytes(bytes))
}

fn hpke(rng: SeededRng) -> Hpke<SeededProvider> {
    let (kem, kdf, aead) = (KemAlgorithm::DhKemK256, KdfAlgorithm::HkdfSha256, AeadAlgorithm::Aes256Gcm);
    Hpke::new_with_rng(Mode::Base, kem, kdf, aead, rng)
}
