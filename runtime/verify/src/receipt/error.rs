//! Why a receipt is refused, and where.

use std::fmt;

/// The steps of checking a receipt, in their order (`docs/spec/receipt.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Not the JSON that the format asks for.
    Format,
    /// A format version this program does not know.
    Version,
    /// The network id is not the hash of the genesis record, or the record is not one.
    NetworkId,
    /// The network is not the trusted one.
    NetworkTrusted,
    /// The first validator set is not the one of the genesis record.
    NetworkValidators,
    /// A header of an unknown version.
    HeaderVersion,
    /// A header of another chain.
    HeaderChainId,
    /// Heights do not ascend.
    HeaderHeight,
    /// A header is to be signed by another set than the one in charge.
    HeaderValidators,
    /// A certificate for another height.
    CertificateHeight,
    /// A certificate for another block.
    CertificateBlock,
    /// Signers not in ascending order, or twice.
    CertificateOrder,
    /// A signer outside the set.
    CertificateSigner,
    /// A precommit signature that does not verify.
    CertificateSignature,
    /// Not more than two thirds of the power.
    CertificateQuorum,
    /// The next set is not the one that the header of the hand-over names.
    HandoverValidators,
    /// A commitment of an unknown version.
    CommitmentVersion,
    /// The leaf is outside the log.
    InclusionIndex,
    /// The path has the wrong length.
    InclusionLength,
    /// The path does not lead to the header's log root.
    InclusionRoot,
    /// The checkpoint's text is not the header's.
    CheckpointText,
    /// The checkpoint has a line that is no signature line.
    CheckpointLine,
    /// The checkpoint is signed by somebody unknown, or twice.
    CheckpointSigner,
    /// A cosignature has another time than the header.
    CheckpointTime,
    /// A signature of the checkpoint does not verify.
    CheckpointSignature,
}

impl Step {
    /// The step's name, as the specification and test vectors write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Version => "version",
            Self::NetworkId => "network.id",
            Self::NetworkTrusted => "network.trusted",
            Self::NetworkValidators => "network.validators",
            Self::HeaderVersion => "header.version",
            Self::HeaderChainId => "header.chainId",
            Self::HeaderHeight => "header.height",
            Self::HeaderValidators => "header.validators",
            Self::CertificateHeight => "certificate.height",
            Self::CertificateBlock => "certificate.block",
            Self::CertificateOrder => "certificate.order",
            Self::CertificateSigner => "certificate.signer",
            Self::CertificateSignature => "certificate.signature",
            Self::CertificateQuorum => "certificate.quorum",
            Self::HandoverValidators => "nextValidators",
            Self::CommitmentVersion => "commitment.version",
            Self::InclusionIndex => "inclusion.index",
            Self::InclusionLength => "inclusion.length",
            Self::InclusionRoot => "inclusion.root",
            Self::CheckpointText => "checkpoint.text",
            Self::CheckpointLine => "checkpoint.line",
            Self::CheckpointSigner => "checkpoint.signer",
            Self::CheckpointTime => "checkpoint.time",
            Self::CheckpointSignature => "checkpoint.signature",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the receipt is refused at step {}: expected {expected}, found {found}", self.place())]
pub struct ReceiptError {
    /// In which hand-over the step failed, from 0; `None` outside hand-overs.
    pub handover: Option<usize>,
    /// The step that failed.
    pub step: Step,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl ReceiptError {
    pub(super) fn new(step: Step, expected: impl ToString, found: impl ToString) -> Self {
        Self { handover: None, step, expected: expected.to_string(), found: found.to_string() }
    }

    pub(super) fn in_handover(mut self, index: usize) -> Self {
        self.handover = Some(index);
        self
    }

    /// The step with its place, such as `certificate.signature` or `handovers[2].certificate.signature`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.handover {
            Some(index) => format!("handovers[{index}].{}", self.step),
            None => self.step.to_string(),
        }
    }
}
