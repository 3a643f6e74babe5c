//! The engine's commit certificate ⇄ ours.

use malachite_core_types::{CommitCertificate, ExtendedCommitCertificate, ExtendedCommitSignature};
use primitives::{Certificate, CommitSignature, Round};

use super::{Bft, BftHeight, SetAddress};

/// Our round number; a nil round, which no signed message has, becomes `u32::MAX`.
pub(crate) fn round_of(round: malachite_core_types::Round) -> Round {
    Round::new(round.as_u32().unwrap_or(u32::MAX))
}

/// The certificate that `verify` checks: same signatures, ascending by validator.
pub(crate) fn certificate_of(engine: &CommitCertificate<Bft>) -> Certificate {
    let mut signatures: Vec<CommitSignature> = engine
        .commit_signatures
        .iter()
        .map(|commit| CommitSignature { validator: commit.address.0, signature: commit.signature })
        .collect();
    signatures.sort_unstable_by_key(|commit| commit.validator);
    signatures.dedup_by_key(|commit| commit.validator);
    Certificate { height: engine.height.0, round: round_of(engine.round), block: engine.value_id, signatures }
}

/// The form in which block sync sends a certificate; nothing here carries vote extensions.
pub(crate) fn extended_of(certificate: &Certificate) -> ExtendedCommitCertificate<Bft> {
    ExtendedCommitCertificate {
        height: BftHeight(certificate.height),
        round: malachite_core_types::Round::new(certificate.round.get()),
        value_id: certificate.block,
        commit_signatures: certificate
            .signatures
            .iter()
            .map(|commit| ExtendedCommitSignature {
                address: SetAddress(commit.validator),
                signature: commit.signature,
                extension: None,
            })
            .collect(),
    }
}
