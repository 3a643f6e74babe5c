//! Signs checkpoints of final blocks with the validator's key.

use ed25519_dalek::{Signer as _, SigningKey};
use primitives::{Ed25519Signature, Header, NetworkId, ValidatorKey};
use verify::checkpoint::{cosignature_bytes, cosignature_line, log_line, note, text};

/// Makes C2SP notes. The signed bytes follow from the header alone, so signing a final header twice gives the same note,
/// and no other root can ever be signed for its size.
pub(crate) struct Cosigner {
    network: NetworkId,
    key: SigningKey,
}

impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cosigner").field("validator", &self.validator()).finish_non_exhaustive()
    }
}

impl Cosigner {
    pub(crate) fn new(network: NetworkId, key: SigningKey) -> Self {
        Self { network, key }
    }

    fn validator(&self) -> ValidatorKey {
        ValidatorKey::new(self.key.verifying_key().to_bytes())
    }

    /// The note of a final header: with a log signature and a cosignature where this validator is one of its signers.
    pub(crate) fn note(&self, header: &Header, is_signer: impl FnOnce(&ValidatorKey) -> bool) -> String {
        let validator = self.validator();
        if !is_signer(&validator) {
            return note(&self.network, header, &[]);
        }
        let sign = |bytes: &[u8]| Ed25519Signature::new(self.key.sign(bytes).to_bytes());
        let log = log_line(&self.network, &validator, &sign(text(&self.network, header).as_bytes()));
        let cosignature = sign(&cosignature_bytes(&self.network, header));
        note(&self.network, header, &[log, cosignature_line(&self.network, header, &validator, &cosignature)])
    }
}
