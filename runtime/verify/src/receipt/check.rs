//! The steps from the network id to the commitment.

use merkle::ProofError;
use merkle::log::{leaf_hash, verify_inclusion};
use parity_scale_codec::Encode;
use primitives::{
    BlockHash, COMMITMENT_VERSION, Certificate, Commitment, GENESIS_VERSION, Genesis, HEADER_VERSION, Header, Height,
    NetworkId, TimestampMs, ValidatorSet,
};

use super::{Receipt, ReceiptError, Step};
use crate::checkpoint::{CheckpointError, Cosigners, verify_checkpoint};
use crate::{VerifyError, verify_certificate};

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// The network for which it holds.
    pub network: NetworkId,
    /// That network's name.
    pub name: String,
    /// The commitment.
    pub commitment: Commitment,
    /// Index of its leaf in the snapshot log.
    pub leaf_index: u64,
    /// Leaves of the log at the header.
    pub log_size: u64,
    /// Height of the header.
    pub height: Height,
    /// Hash of the header.
    pub block: BlockHash,
    /// Time of the header.
    pub timestamp: TimestampMs,
    /// Precommits of the certificate.
    pub signatures: usize,
    /// Validators of the set that signed.
    pub validators: usize,
    /// Changes of the validator set since genesis.
    pub handovers: usize,
    /// Who cosigned the checkpoint, when there is one.
    pub cosigners: Option<Cosigners>,
}

/// All steps in order (`docs/spec/receipt.md`).
pub(super) fn verify(receipt: &Receipt, trusted: Option<NetworkId>) -> Result<VerifiedReceipt, ReceiptError> {
    let network = &receipt.network.id;
    check_network(receipt, trusted)?;
    let (set, after) = follow_handovers(receipt)?;
    check_header(network, &receipt.network.genesis, &receipt.header, &receipt.certificate, set, after)?;
    check_inclusion(receipt)?;
    let cosigners = match &receipt.checkpoint {
        Some(note) => Some(verify_checkpoint(network, &receipt.header, set, note).map_err(checkpoint_error)?),
        None => None,
    };
    Ok(VerifiedReceipt {
        network: *network,
        name: receipt.network.genesis.name.clone(),
        commitment: receipt.commitment.clone(),
        leaf_index: receipt.leaf_index,
        log_size: receipt.header.log_size,
        height: receipt.header.height,
        block: receipt.header.hash(),
        timestamp: receipt.header.timestamp,
        signatures: receipt.certificate.signatures.len(),
        validators: set.members().len(),
        handovers: receipt.handovers.len(),
        cosigners,
    })
}

/// From the network id to the first validator set.
fn check_network(receipt: &Receipt, trusted: Option<NetworkId>) -> Result<(), ReceiptError> {
    let network = &receipt.network;
    let genesis = &network.genesis;
    if genesis.version != GENESIS_VERSION {
        let (expected, found) = (format!("genesis version {GENESIS_VERSION}"), genesis.version);
        return Err(ReceiptError::new(Step::NetworkId, expected, found));
    }
    if genesis.name.is_empty() || genesis.name.len() > Genesis::NAME_MAX || genesis.name.contains(char::is_control) {
        let expected = format!("a name of 1 to {} bytes without control characters", Genesis::NAME_MAX);
        return Err(ReceiptError::new(Step::NetworkId, expected, format!("{:?}", genesis.name)));
    }
    let id = genesis.network();
    if id != network.id {
        return Err(ReceiptError::new(Step::NetworkId, id, network.id));
    }
    if let Some(trusted) = trusted
        && trusted != id
    {
        return Err(ReceiptError::new(Step::NetworkTrusted, trusted, id));
    }
    let validators = network.validators.hash();
    if validators != genesis.validators {
        return Err(ReceiptError::new(Step::NetworkValidators, genesis.validators, validators));
    }
    Ok(())
}

/// The set in charge of the receipt's header, and the height of the last hand-over.
fn follow_handovers(receipt: &Receipt) -> Result<(&ValidatorSet, Height), ReceiptError> {
    let genesis = &receipt.network.genesis;
    let (mut set, mut after) = (&receipt.network.validators, Height::GENESIS);
    for (index, handover) in receipt.handovers.iter().enumerate() {
        let header = &handover.header;
        check_header(&receipt.network.id, genesis, header, &handover.certificate, set, after)
            .map_err(|error| error.in_handover(index))?;
        let next = handover.validators.hash();
        if next != header.next_validators {
            return Err(ReceiptError::new(Step::HandoverValidators, header.next_validators, next).in_handover(index));
        }
        (set, after) = (&handover.validators, header.height);
    }
    Ok((set, after))
}

/// One header and its certificate, under the set in charge.
fn check_header(
    network: &NetworkId,
    genesis: &Genesis,
    header: &Header,
    certificate: &Certificate,
    set: &ValidatorSet,
    after: Height,
) -> Result<(), ReceiptError> {
    if header.version != HEADER_VERSION {
        return Err(ReceiptError::new(Step::HeaderVersion, HEADER_VERSION, header.version));
    }
    if header.chain_id != genesis.chain_id {
        return Err(ReceiptError::new(Step::HeaderChainId, genesis.chain_id, header.chain_id));
    }
    if header.height <= after {
        return Err(ReceiptError::new(Step::HeaderHeight, format!("a height above {after}"), header.height));
    }
    verify_certificate(network, header, certificate, set).map_err(certificate_error)
}

/// From the commitment to the header's log root.
fn check_inclusion(receipt: &Receipt) -> Result<(), ReceiptError> {
    let commitment = &receipt.commitment;
    if commitment.version != COMMITMENT_VERSION {
        return Err(ReceiptError::new(Step::CommitmentVersion, COMMITMENT_VERSION, commitment.version));
    }
    let leaf = leaf_hash(&commitment.encode());
    let (size, root) = (receipt.header.log_size, &receipt.header.log_root);
    verify_inclusion(&leaf, receipt.leaf_index, size, &receipt.path, root).map_err(inclusion_error)
}

fn inclusion_error(error: ProofError) -> ReceiptError {
    match error {
        ProofError::Index { index, count } => {
            ReceiptError::new(Step::InclusionIndex, format!("a leaf index below {count}"), index)
        }
        ProofError::PathLength { expected, found } => {
            ReceiptError::new(Step::InclusionLength, format!("{expected} hashes"), found)
        }
        ProofError::Root { expected, found } => ReceiptError::new(Step::InclusionRoot, expected, found),
        other => ReceiptError::new(Step::InclusionRoot, "an inclusion proof", other),
    }
}

fn certificate_error(error: VerifyError) -> ReceiptError {
    match error {
        VerifyError::HeaderVersion { known, found } => ReceiptError::new(Step::HeaderVersion, known, found),
        VerifyError::Validators { expected, found } => {
            ReceiptError::new(Step::HeaderValidators, format!("the set in charge, {found}"), expected)
        }
        VerifyError::Height { expected, found } => ReceiptError::new(Step::CertificateHeight, expected, found),
        VerifyError::Block { expected, found } => ReceiptError::new(Step::CertificateBlock, expected, found),
        VerifyError::Order { validator } => {
            ReceiptError::new(Step::CertificateOrder, "validators strictly ascending", validator)
        }
        VerifyError::Unknown { validator } => {
            ReceiptError::new(Step::CertificateSigner, "a member of the validator set", validator)
        }
        VerifyError::Signature { validator } => {
            ReceiptError::new(Step::CertificateSignature, "a valid precommit", format!("another, of {validator}"))
        }
        VerifyError::Quorum { found, total } => {
            ReceiptError::new(Step::CertificateQuorum, format!("more than two thirds of {total}"), found)
        }
    }
}

fn checkpoint_error(error: CheckpointError) -> ReceiptError {
    match error {
        CheckpointError::Text { expected, found } => {
            ReceiptError::new(Step::CheckpointText, format!("{expected:?}"), format!("{found:?}"))
        }
        CheckpointError::Line { line, reason } => {
            ReceiptError::new(Step::CheckpointLine, "a signature line", format!("{line:?}: {reason}"))
        }
        CheckpointError::Signer { name, key_id } => ReceiptError::new(
            Step::CheckpointSigner,
            "a validator of the block, once",
            format!("{name} with key id {key_id}"),
        ),
        CheckpointError::Time { name, expected, found } => {
            ReceiptError::new(Step::CheckpointTime, expected, format!("{found}, of {name}"))
        }
        CheckpointError::Signature { name } => {
            ReceiptError::new(Step::CheckpointSignature, "a valid signature", format!("another, of {name}"))
        }
    }
}
