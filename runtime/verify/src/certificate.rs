//! That a block is final.

use primitives::{
    BlockHash, Certificate, CommitSignature, HEADER_VERSION, Header, Height, NetworkId, ValidatorKey, ValidatorSet,
    ValidatorsHash, precommit_sign_bytes,
};

/// Why a certificate does not make a block final.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header version this program does not know.
    #[error("header version {found} is not supported (this program knows {known})")]
    HeaderVersion {
        /// Version known.
        known: u8,
        /// Version found.
        found: u8,
    },
    /// The set is not the one that the header names.
    #[error("the header is signed by the validator set {expected}, this one is {found}")]
    Validators {
        /// Hash in the header.
        expected: ValidatorsHash,
        /// Hash of the set given.
        found: ValidatorsHash,
    },
    /// The certificate is for another height.
    #[error("the certificate is for height {found}, the header's is {expected}")]
    Height {
        /// The header's height.
        expected: Height,
        /// The certificate's height.
        found: Height,
    },
    /// The certificate is for another block.
    #[error("the certificate is for block {found}, the header's hash is {expected}")]
    Block {
        /// The header's hash.
        expected: BlockHash,
        /// The certificate's block.
        found: BlockHash,
    },
    /// The signatures are not strictly ascending by validator.
    #[error("signatures must be strictly ascending by validator: {validator} is out of place")]
    Order {
        /// The first validator out of place.
        validator: ValidatorKey,
    },
    /// A signer is no member of the set.
    #[error("{validator} is not in the validator set")]
    Unknown {
        /// The signer.
        validator: ValidatorKey,
    },
    /// A signature does not verify (Ed25519, strict).
    #[error("the precommit signature of {validator} does not verify")]
    Signature {
        /// The signer.
        validator: ValidatorKey,
    },
    /// Not more than two thirds of the power signed.
    #[error("{found} of {total} voting power signed, more than two thirds are needed")]
    Quorum {
        /// Power of the signers.
        found: u64,
        /// Power of the set.
        total: u64,
    },
}

/// Checks that `certificate` makes the block of `header` final on `network`: that `set` is the one that the header
/// names, and that members with more than two thirds of its power signed this block in one round.
///
/// Whether `set` is to be trusted is the caller's business; a receipt leads to it from the network id.
///
/// # Errors
/// [`VerifyError`] naming what does not hold.
pub fn verify_certificate(
    network: &NetworkId,
    header: &Header,
    certificate: &Certificate,
    set: &ValidatorSet,
) -> Result<(), VerifyError> {
    if header.version != HEADER_VERSION {
        return Err(VerifyError::HeaderVersion { known: HEADER_VERSION, found: header.version });
    }
    let validators = set.hash();
    if validators != header.validators {
        return Err(VerifyError::Validators { expected: header.validators, found: validators });
    }
    if certificate.height != header.height {
        return Err(VerifyError::Height { expected: header.height, found: certificate.height });
    }
    let block = header.hash();
    if certificate.block != block {
        return Err(VerifyError::Block { expected: block, found: certificate.block });
    }
    let found = signed_power(network, certificate, set)?;
    if set.is_quorum(found) { Ok(()) } else { Err(VerifyError::Quorum { found, total: set.total_power() }) }
}

/// Power of the signers, all of whose signatures are checked.
fn signed_power(network: &NetworkId, certificate: &Certificate, set: &ValidatorSet) -> Result<u64, VerifyError> {
    let mut power = 0u64;
    let mut before: Option<ValidatorKey> = None;
    for CommitSignature { validator, signature } in &certificate.signatures {
        let validator = *validator;
        if before.is_some_and(|before| before >= validator) {
            return Err(VerifyError::Order { validator });
        }
        before = Some(validator);
        let member = set.find(&validator).ok_or(VerifyError::Unknown { validator })?;
        let message =
            precommit_sign_bytes(network, certificate.height, certificate.round, &certificate.block, &validator);
        signature.verify(validator.as_bytes(), &message).map_err(|_| VerifyError::Signature { validator })?;
        power = power.saturating_add(member.power);
    }
    Ok(power)
}

#[cfg(test)]
#[path = "certificate_test.rs"]
mod tests;
