//! The JSON forms of the records in a receipt: the fields of `primitives`, but strict.
//!
//! The types of `primitives` read numbers and hex leniently, as an RPC should; a receipt must not.

use primitives::{
    BlockHash, ChainId, CommitSignature, CommitmentHash, Hash32, Height, LogHash, Policy, Round, ShardId, StateRoot,
    TimestampMs, TreeRoot, ValidatorKey, ValidatorsHash, VaultId,
};
use serde::{Deserialize, Serialize};

use crate::strict::{Hex, Signature, Text};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Genesis {
    version: u8,
    name: String,
    chain_id: Text<u64>,
    timestamp: Text<u64>,
    validators: Hex<ValidatorsHash>,
    params: Hex<Hash32>,
    state: Hex<Hash32>,
}

impl From<primitives::Genesis> for Genesis {
    fn from(own: primitives::Genesis) -> Self {
        Self {
            version: own.version,
            name: own.name,
            chain_id: Text(own.chain_id.get()),
            timestamp: Text(own.timestamp.get()),
            validators: Hex(own.validators),
            params: Hex(own.params),
            state: Hex(own.state),
        }
    }
}

impl From<Genesis> for primitives::Genesis {
    fn from(wire: Genesis) -> Self {
        Self {
            version: wire.version,
            name: wire.name,
            chain_id: ChainId::new(wire.chain_id.0),
            timestamp: TimestampMs::new(wire.timestamp.0),
            validators: wire.validators.0,
            params: wire.params.0,
            state: wire.state.0,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Validator {
    key: Hex<ValidatorKey>,
    power: Text<u64>,
}

impl From<primitives::Validator> for Validator {
    fn from(own: primitives::Validator) -> Self {
        Self { key: Hex(own.key), power: Text(own.power) }
    }
}

impl From<Validator> for primitives::Validator {
    fn from(wire: Validator) -> Self {
        Self { key: wire.key.0, power: wire.power.0 }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Commitment {
    version: u8,
    vault: Hex<VaultId>,
    seq: Text<u64>,
    prev: Hex<CommitmentHash>,
    content_root: Hex<Hash32>,
    manifest: Hex<ShardId>,
    packs_root: Hex<TreeRoot>,
    packs: u32,
    files: Text<u64>,
    logical_bytes: Text<u64>,
    stored_bytes: Text<u64>,
    policy: Text<Policy>,
    retain_until: Text<u64>,
    taken_at: Text<u64>,
}

impl From<primitives::Commitment> for Commitment {
    fn from(own: primitives::Commitment) -> Self {
        Self {
            version: own.version,
            vault: Hex(own.vault),
            seq: Text(own.seq),
            prev: Hex(own.prev),
            content_root: Hex(own.content_root),
            manifest: Hex(own.manifest),
            packs_root: Hex(own.packs_root),
            packs: own.packs,
            files: Text(own.files),
            logical_bytes: Text(own.logical_bytes),
            stored_bytes: Text(own.stored_bytes),
            policy: Text(own.policy),
            retain_until: Text(own.retain_until.get()),
            taken_at: Text(own.taken_at.get()),
        }
    }
}

impl From<Commitment> for primitives::Commitment {
    fn from(wire: Commitment) -> Self {
        Self {
            version: wire.version,
            vault: wire.vault.0,
            seq: wire.seq.0,
            prev: wire.prev.0,
            content_root: wire.content_root.0,
            manifest: wire.manifest.0,
            packs_root: wire.packs_root.0,
            packs: wire.packs,
            files: wire.files.0,
            logical_bytes: wire.logical_bytes.0,
            stored_bytes: wire.stored_bytes.0,
            policy: wire.policy.0,
            retain_until: TimestampMs::new(wire.retain_until.0),
            taken_at: TimestampMs::new(wire.taken_at.0),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Header {
    version: u8,
    chain_id: Text<u64>,
    height: Text<u64>,
    parent: Hex<BlockHash>,
    timestamp: Text<u64>,
    proposer: Hex<ValidatorKey>,
    transactions_root: Hex<TreeRoot>,
    receipts_root: Hex<TreeRoot>,
    state_root: Hex<StateRoot>,
    log_size: Text<u64>,
    log_root: Hex<LogHash>,
    validators: Hex<ValidatorsHash>,
    next_validators: Hex<ValidatorsHash>,
    params: Hex<Hash32>,
}

impl From<primitives::Header> for Header {
    fn from(own: primitives::Header) -> Self {
        Self {
            version: own.version,
            chain_id: Text(own.chain_id.get()),
            height: Text(own.height.get()),
            parent: Hex(own.parent),
            timestamp: Text(own.timestamp.get()),
            proposer: Hex(own.proposer),
            transactions_root: Hex(own.transactions_root),
            receipts_root: Hex(own.receipts_root),
            state_root: Hex(own.state_root),
            log_size: Text(own.log_size),
            log_root: Hex(own.log_root),
            validators: Hex(own.validators),
            next_validators: Hex(own.next_validators),
            params: Hex(own.params),
        }
    }
}

impl From<Header> for primitives::Header {
    fn from(wire: Header) -> Self {
        Self {
            version: wire.version,
            chain_id: ChainId::new(wire.chain_id.0),
            height: Height::new(wire.height.0),
            parent: wire.parent.0,
            timestamp: TimestampMs::new(wire.timestamp.0),
            proposer: wire.proposer.0,
            transactions_root: wire.transactions_root.0,
            receipts_root: wire.receipts_root.0,
            state_root: wire.state_root.0,
            log_size: wire.log_size.0,
            log_root: wire.log_root.0,
            validators: wire.validators.0,
            next_validators: wire.next_validators.0,
            params: wire.params.0,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Precommit {
    validator: Hex<ValidatorKey>,
    signature: Signature,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Certificate {
    height: Text<u64>,
    round: u32,
    block: Hex<BlockHash>,
    signatures: Vec<Precommit>,
}

impl From<primitives::Certificate> for Certificate {
    fn from(own: primitives::Certificate) -> Self {
        let precommit =
            |own: CommitSignature| Precommit { validator: Hex(own.validator), signature: Signature(own.signature) };
        Self {
            height: Text(own.height.get()),
            round: own.round.get(),
            block: Hex(own.block),
            signatures: own.signatures.into_iter().map(precommit).collect(),
        }
    }
}

impl From<Certificate> for primitives::Certificate {
    fn from(wire: Certificate) -> Self {
        let precommit = |wire: Precommit| CommitSignature { validator: wire.validator.0, signature: wire.signature.0 };
        Self {
            height: Height::new(wire.height.0),
            round: Round::new(wire.round),
            block: wire.block.0,
            signatures: wire.signatures.into_iter().map(precommit).collect(),
        }
    }
}
