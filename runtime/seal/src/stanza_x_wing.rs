//! Stanzas against quantum computers: HPKE with X-Wing (X25519 and ML-KEM-768), HKDF-SHA256, AES-256-GCM.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, XWing};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::hpke_rng::SeededRng;
use crate::stanza::{HPKE_INFO, kind};
use crate::{Dek, Recipient, SealError, Stanza};

/// The secret of an X-Wing key pair: the 32-byte seed that the pair is derived from (RFC 9180 `DeriveKeyPair`). Wiped from
/// memory when dropped.
#[derive(Clone)]
pub struct XWingSecret(Zeroizing<[u8; 32]>);

impl XWingSecret {
    /// A new random key pair.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self(seed)
    }

    /// The key pair of this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    /// The seed.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key, 1,216 bytes.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        let (_, public) = XWing::derive_keypair(&*self.0);
        public.to_bytes().to_vec()
    }

    /// The holder of this key as a recipient.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient::XWing { public: self.public_key() }
    }
}

impl fmt::Debug for XWingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XWingSecret(..)")
    }
}

/// Wraps a DEK for the holder of an X-Wing key.
pub(crate) fn wrap<R: CryptoRng + ?Sized>(
    dek: &Dek,
    public: &[u8],
    aad: &[u8],
    rng: &mut R,
) -> Result<Stanza, SealError> {
    let refused = SealError::Recipient { reason: "not an X-Wing public key (1,216 bytes)" };
    let key = <XWing as Kem>::PublicKey::from_bytes(public).map_err(|_| refused.clone())?;
    let mode = OpModeS::<XWing>::Base;
    let mut rng = SeededRng::from_rng(rng);
    let (enc, wrapped) =
        single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(&mode, &key, HPKE_INFO, dek.expose(), aad, &mut rng)
            .map_err(|_| refused)?;
    let args = enc.to_bytes().to_vec();
    let key_id = Stanza::key_id_of(kind::X_WING, &args, public);
    Ok(Stanza { kind: kind::X_WING, key_id, args, wrapped })
}

/// Unwraps the stanza of this key.
pub(crate) fn unwrap(stanza: &Stanza, secret: &XWingSecret, aad: &[u8]) -> Result<Dek, SealError> {
    let damaged = || SealError::Damaged { what: "X-Wing stanza" };
    let (key, _) = XWing::derive_keypair(secret.expose());
    let enc = <XWing as Kem>::EncappedKey::from_bytes(&stanza.args).map_err(|_| damaged())?;
    let mode = OpModeR::<XWing>::Base;
    let plain = single_shot_open::<AesGcm256, HkdfSha256, XWing>(&mode, &key, &enc, HPKE_INFO, &stanza.wrapped, aad)
        .map_err(|_| damaged())?;
    let plain = Zeroizing::new(plain);
    let bytes = plain.as_slice().try_into().map_err(|_| damaged())?;
    Ok(Dek::from_bytes(bytes))
}
