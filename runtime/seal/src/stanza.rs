//! A DEK wrapped for one recipient, and the list of them.

use parity_scale_codec::{Decode, Encode};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{Argon2Cost, Dek, OwnerSecret, SealError, XWingSecret};
use crate::{stanza_account, stanza_passphrase, stanza_x_wing};

/// Most recipients of one envelope.
pub const RECIPIENTS_MAX: usize = 64;

/// What a stanza's `kind` byte says. Readers skip kinds that they do not know.
pub(crate) mod kind {
    /// HPKE with DHKEM(secp256k1, HKDF-SHA256).
    pub(crate) const ACCOUNT: u8 = 1;
    /// HPKE with X-Wing.
    pub(crate) const X_WING: u8 = 3;
    /// Argon2id.
    pub(crate) const PASSPHRASE: u8 = 4;
}

/// `info` of both HPKE suites: a stanza is never mistaken for another protocol's message.
pub(crate) const HPKE_INFO: &[u8] = b"strongroom 2026 v1 stanza";
/// Context of the hash that makes key ids.
const KEY_ID_CONTEXT: &str = "strongroom 2026 v1 stanza key id";

/// A DEK wrapped for one recipient (`docs/spec/stanzas.md`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Stanza {
    /// How it is wrapped: 1 account, 3 X-Wing, 4 passphrase.
    pub kind: u8,
    /// By which a recipient finds its stanza; hides who it is from those who do not know the recipient's public key.
    pub key_id: [u8; 8],
    /// What opening needs: the encapsulated key, or salt and cost.
    pub args: Vec<u8>,
    /// The wrapped DEK.
    pub wrapped: Vec<u8>,
}

/// For whom a DEK is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// An account, by its uncompressed secp256k1 public key (`0x04 | x | y`).
    Account {
        /// The public key.
        public: [u8; 65],
    },
    /// The holder of an X-Wing key (X25519 with ML-KEM-768): safe against a quantum computer.
    XWing {
        /// The public key, 1,216 bytes.
        public: Vec<u8>,
    },
    /// Whoever knows a passphrase.
    Passphrase {
        /// The passphrase.
        passphrase: Zeroizing<String>,
        /// How much work a guess costs.
        cost: Argon2Cost,
    },
}

/// Who opens.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'a> {
    /// An owner: tries stanzas for the account and for the X-Wing key that follows from the secret.
    Owner(&'a OwnerSecret),
    /// The holder of an X-Wing key.
    XWing(&'a XWingSecret),
    /// Whoever knows a passphrase.
    Passphrase(&'a str),
}

impl Stanza {
    /// Whether a quantum computer that breaks elliptic curves still cannot open it.
    #[must_use]
    pub const fn is_post_quantum(&self) -> bool {
        matches!(self.kind, kind::X_WING | kind::PASSPHRASE)
    }

    /// The key id of a recipient in this stanza.
    pub(crate) fn key_id_of(kind: u8, args: &[u8], public: &[u8]) -> [u8; 8] {
        let mut id = [0; 8];
        blake3::Hasher::new_derive_key(KEY_ID_CONTEXT)
            .update(&[kind])
            .update(args)
            .update(public)
            .finalize_xof()
            .fill(&mut id);
        id
    }

    /// Whether this stanza is of `kind` and names `public`.
    pub(crate) fn is_for(&self, kind: u8, public: &[u8]) -> bool {
        self.kind == kind && self.key_id == Self::key_id_of(kind, &self.args, public)
    }
}

/// Wraps `dek` for every recipient, in order, bound to `aad`.
///
/// # Errors
/// [`SealError::Recipients`] for none or more than [`RECIPIENTS_MAX`], [`SealError::Recipient`] for a public key that
/// is none, [`SealError::Cost`] for a passphrase cost out of range.
pub fn wrap<R: CryptoRng + ?Sized>(
    dek: &Dek,
    recipients: &[Recipient],
    aad: &[u8],
    rng: &mut R,
) -> Result<Vec<Stanza>, SealError> {
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(SealError::Recipients { found: recipients.len(), max: RECIPIENTS_MAX });
    }
    recipients
        .iter()
        .map(|recipient| match recipient {
            Recipient::Account { public } => stanza_account::wrap(dek, public, aad, rng),
            Recipient::XWing { public } => stanza_x_wing::wrap(dek, public, aad, rng),
            Recipient::Passphrase { passphrase, cost } => stanza_passphrase::wrap(dek, passphrase, *cost, aad, rng),
        })
        .collect()
}

/// Unwraps the DEK with the first stanza that is for `identity`.
///
/// # Errors
/// [`SealError::NotARecipient`] when no stanza is, [`SealError::WrongPassphrase`] when there are passphrase stanzas and none
/// opens, [`SealError::Damaged`] when the stanza for this identity does not open, [`SealError::Cost`] when it asks for
/// more work than is reasonable.
pub fn unwrap(stanzas: &[Stanza], identity: &Identity<'_>, aad: &[u8]) -> Result<Dek, SealError> {
    let nobody = SealError::NotARecipient { stanzas: stanzas.len() };
    match identity {
        Identity::Owner(owner) => {
            if let Some(stanza) = stanzas.iter().find(|stanza| stanza.is_for(kind::ACCOUNT, &owner.public_key())) {
                return stanza_account::unwrap(stanza, owner, aad);
            }
            if stanzas.iter().all(|stanza| stanza.kind != kind::X_WING) {
                return Err(nobody);
            }
            unwrap(stanzas, &Identity::XWing(&owner.x_wing()), aad)
        }
        Identity::XWing(secret) => {
            let public = secret.public_key();
            let stanza = stanzas.iter().find(|stanza| stanza.is_for(kind::X_WING, &public)).ok_or(nobody)?;
            stanza_x_wing::unwrap(stanza, secret, aad)
        }
        Identity::Passphrase(passphrase) => {
            let mut refused = nobody;
            for stanza in stanzas.iter().filter(|stanza| stanza.kind == kind::PASSPHRASE).take(PASSPHRASES_MAX) {
                match stanza_passphrase::unwrap(stanza, passphrase, aad) {
                    Err(SealError::WrongPassphrase) => refused = SealError::WrongPassphrase,
                    result => return result,
                }
            }
            Err(refused)
        }
    }
}

/// Most passphrase stanzas that are tried: each costs a fraction of a second and tens of MiB.
const PASSPHRASES_MAX: usize = 8;

#[cfg(test)]
#[path = "stanza_test.rs"]
mod tests;
