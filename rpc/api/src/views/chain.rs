//! Readable fields of what the chain records.

use primitives::{
    BlockHash, Certificate, CodecError, CommitSignature, Commitment, CommitmentHash, Hash32, Header, LogHash, Policy,
    ShardId, StateRoot, TreeRoot, ValidatorKey, ValidatorSet, ValidatorsHash, VaultId,
};
use serde::Serialize;

use crate::{Quantity, Readable, RecordType};

/// Readable fields of a block header.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the fields of primitives::Header, described there
pub struct HeaderView {
    pub version: Quantity,
    pub chain_id: Quantity,
    pub height: Quantity,
    pub parent: BlockHash,
    pub timestamp_ms: Quantity,
    pub proposer: ValidatorKey,
    pub transactions_root: TreeRoot,
    pub receipts_root: TreeRoot,
    pub state_root: StateRoot,
    pub log_size: Quantity,
    pub log_root: LogHash,
    pub validators: ValidatorsHash,
    pub next_validators: ValidatorsHash,
    pub params: Hash32,
}

impl RecordType for Header {
    const NAME: &'static str = "header";
    const ENCODED_MAX: usize = Self::ENCODED_MAX;

    fn decode_record(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::decode_exact(bytes)
    }
}

impl Readable for Header {
    type View<'a> = HeaderView;

    fn view(&self) -> HeaderView {
        HeaderView {
            version: u64::from(self.version).into(),
            chain_id: self.chain_id.get().into(),
            height: self.height.get().into(),
            parent: self.parent,
            timestamp_ms: self.timestamp.get().into(),
            proposer: self.proposer,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            state_root: self.state_root,
            log_size: self.log_size.into(),
            log_root: self.log_root,
            validators: self.validators,
            next_validators: self.next_validators,
            params: self.params,
        }
    }
}

/// Readable fields of a certificate.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // the fields of primitives::Certificate, described there
pub struct CertificateView<'a> {
    pub height: Quantity,
    pub round: Quantity,
    pub block: BlockHash,
    pub signatures: &'a [CommitSignature],
}

impl RecordType for Certificate {
    const NAME: &'static str = "certificate";
    const ENCODED_MAX: usize = Self::ENCODED_MAX;
}

impl Readable for Certificate {
    type View<'a> = CertificateView<'a>;

    fn view(&self) -> CertificateView<'_> {
        CertificateView {
            height: self.height.get().into(),
            round: u64::from(self.round.get()).into(),
            block: self.block,
            signatures: &self.signatures,
        }
    }
}

/// Readable fields of a validator set.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidatorSetView {
    /// Hash of the set, as headers name it.
    pub hash: ValidatorsHash,
    /// Sum of all powers.
    pub total_power: Quantity,
    /// The members, ascending by key.
    pub validators: Vec<MemberView>,
}

/// One member of a validator set.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemberView {
    /// Ed25519 public key.
    pub key: ValidatorKey,
    /// Voting power.
    pub power: Quantity,
}

impl RecordType for ValidatorSet {
    const NAME: &'static str = "validator set";
    const ENCODED_MAX: usize = 16 * 1024;
}

impl Readable for ValidatorSet {
    type View<'a> = ValidatorSetView;

    fn view(&self) -> ValidatorSetView {
        ValidatorSetView {
            hash: self.hash(),
            total_power: self.total_power().into(),
            validators: self
                .members()
                .iter()
                .map(|member| MemberView { key: member.key, power: member.power.into() })
                .collect(),
        }
    }
}

/// Readable fields of a commitment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the fields of primitives::Commitment, described there
pub struct CommitmentView {
    pub hash: CommitmentHash,
    pub version: Quantity,
    pub vault: VaultId,
    pub seq: Quantity,
    pub prev: CommitmentHash,
    pub content_root: Hash32,
    pub manifest: ShardId,
    pub packs_root: TreeRoot,
    pub packs: Quantity,
    pub files: Quantity,
    pub logical_bytes: Quantity,
    pub stored_bytes: Quantity,
    pub policy: Policy,
    pub retain_until_ms: Quantity,
    pub taken_at_ms: Quantity,
}

impl RecordType for Commitment {
    const NAME: &'static str = "commitment";
    const ENCODED_MAX: usize = Self::ENCODED_MAX;

    fn decode_record(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::decode_exact(bytes)
    }
}

impl Readable for Commitment {
    type View<'a> = CommitmentView;

    fn view(&self) -> CommitmentView {
        CommitmentView {
            hash: self.hash(),
            version: u64::from(self.version).into(),
            vault: self.vault,
            seq: self.seq.into(),
            prev: self.prev,
            content_root: self.content_root,
            manifest: self.manifest,
            packs_root: self.packs_root,
            packs: u64::from(self.packs).into(),
            files: self.files.into(),
            logical_bytes: self.logical_bytes.into(),
            stored_bytes: self.stored_bytes.into(),
            policy: self.policy,
            retain_until_ms: self.retain_until.get().into(),
            taken_at_ms: self.taken_at.get().into(),
        }
    }
}
