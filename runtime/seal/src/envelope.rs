//! A sealed record with its own key, wrapped for each recipient.

use parity_scale_codec::{Decode, Encode};
use primitives::{CodecError, decode_exact};
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::derive::derive;
use crate::stanza::{unwrap, wrap};
use crate::{Dek, Identity, RECIPIENTS_MAX, Recipient, SealError, Stanza, open_record, seal_record};

/// The only envelope version there is.
const VERSION: u8 = 1;
/// Context of the key of the MAC over the stanzas.
const MAC_CONTEXT: &str = "strongroom 2026 v1 envelope mac";
/// Context of the key of the record inside.
const RECORD_CONTEXT: &str = "strongroom 2026 v1 envelope record";

/// A sealed record with its own random key (DEK), wrapped for each recipient in a stanza: vault names, object records,
/// snapshot manifests. Sharing and rotation change the stanzas only ([`Self::rewrap`]); the ciphertext stays.
///
/// SCALE, fields in this order (`docs/spec/records.md`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SealedEnvelope {
    /// Format version, 1.
    pub version: u8,
    /// The DEK, once per recipient.
    pub stanzas: Vec<Stanza>,
    /// BLAKE3 keyed with the DEK's MAC key over version, purpose and stanzas: nobody but a recipient can add, drop or
    /// change one.
    pub mac: [u8; 32],
    /// A record ([`crate::seal_record`]) under the DEK's record key.
    pub ciphertext: Vec<u8>,
}

impl SealedEnvelope {
    /// Longest encoding a decoder accepts, bytes: a manifest in a copies pack.
    pub const ENCODED_MAX: usize = 32 * 1024 * 1024;

    /// Seals `plain` for the recipients. `aad` names the place (kind of record and ids): the envelope opens only with the
    /// same `aad`.
    ///
    /// # Errors
    /// As [`crate::wrap`].
    pub fn seal<R: CryptoRng + ?Sized>(
        recipients: &[Recipient],
        aad: &[u8],
        plain: &[u8],
        rng: &mut R,
    ) -> Result<Self, SealError> {
        let dek = Dek::generate(rng);
        let stanzas = wrap(&dek, recipients, aad, rng)?;
        let mac = mac(&dek, aad, &stanzas);
        let ciphertext = seal_record(&derive(RECORD_CONTEXT, &[dek.expose()]), aad, plain, rng);
        Ok(Self { version: VERSION, stanzas, mac, ciphertext })
    }

    /// Opens the envelope.
    ///
    /// # Errors
    /// As [`crate::unwrap`], and [`SealError::Damaged`] when the stanzas, the ciphertext or the `aad` differ.
    pub fn open(&self, identity: &Identity<'_>, aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let dek = self.dek(identity, aad)?;
        open_record(&derive(RECORD_CONTEXT, &[dek.expose()]), aad, &self.ciphertext)
    }

    /// The same ciphertext for other recipients: sharing, dropping one, or rotation to new keys. Who had read it before may
    /// have kept the key: dropping a recipient does not take back what it read.
    ///
    /// # Errors
    /// As [`Self::open`] and [`Self::seal`].
    pub fn rewrap<R: CryptoRng + ?Sized>(
        &self,
        identity: &Identity<'_>,
        recipients: &[Recipient],
        aad: &[u8],
        rng: &mut R,
    ) -> Result<Self, SealError> {
        let dek = self.dek(identity, aad)?;
        let stanzas = wrap(&dek, recipients, aad, rng)?;
        let mac = mac(&dek, aad, &stanzas);
        Ok(Self { version: VERSION, stanzas, mac, ciphertext: self.ciphertext.clone() })
    }

    /// Whether every stanza withstands a quantum computer.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.stanzas.iter().all(Stanza::is_post_quantum)
    }

    /// Decodes exactly one envelope and checks its version.
    ///
    /// # Errors
    /// [`SealError::Codec`] when malformed, too long, or of an unknown version, [`SealError::Recipients`] for no stanzas or
    /// more than [`RECIPIENTS_MAX`].
    pub fn decode_exact(bytes: &[u8]) -> Result<Self, SealError> {
        const WHAT: &str = "sealed envelope";
        if let Some(&found) = bytes.first().filter(|found| **found != VERSION) {
            return Err(CodecError::Version { what: WHAT, found, known: VERSION }.into());
        }
        let envelope: Self = decode_exact(WHAT, bytes, Self::ENCODED_MAX)?;
        let found = envelope.stanzas.len();
        if found == 0 || found > RECIPIENTS_MAX {
            return Err(SealError::Recipients { found, max: RECIPIENTS_MAX });
        }
        Ok(envelope)
    }

    /// The DEK, once the MAC says that it is this envelope's.
    fn dek(&self, identity: &Identity<'_>, aad: &[u8]) -> Result<Dek, SealError> {
        let dek = unwrap(&self.stanzas, identity, aad)?;
        if bool::from(mac(&dek, aad, &self.stanzas).ct_eq(&self.mac)) {
            Ok(dek)
        } else {
            Err(SealError::Damaged { what: "list of recipients" })
        }
    }
}

/// `BLAKE3 keyed(mac key, SCALE(version, aad, stanzas))`.
fn mac(dek: &Dek, aad: &[u8], stanzas: &[Stanza]) -> [u8; 32] {
    let key = derive(MAC_CONTEXT, &[dek.expose()]);
    *blake3::keyed_hash(&key, &(VERSION, aad, stanzas).encode()).as_bytes()
}

#[cfg(test)]
#[path = "envelope_test.rs"]
mod tests;
