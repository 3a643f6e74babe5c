//! A small network for tests: validators with known keys, a log of commitments, blocks that are signed.

use ed25519_dalek::{Signer, SigningKey};
use merkle::log::{Frontier, inclusion_path, leaf_hash};
use parity_scale_codec::Encode;
use primitives::{
    BlockHash, COMMITMENT_VERSION, Certificate, ChainId, CommitSignature, Commitment, CommitmentHash, Ed25519Signature,
    GENESIS_VERSION, Genesis, HEADER_VERSION, Hash32, Header, Height, LogHash, NetworkId, Policy, Round, ShardId,
    StateRoot, TimestampMs, TreeRoot, Validator, ValidatorKey, ValidatorSet, VaultId, precommit_sign_bytes,
};

use crate::{Handover, NetworkProof, Receipt, checkpoint};

/// Validator keys by number; validators are sorted by key in sets, so numbers are only names.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn public(key: &SigningKey) -> ValidatorKey {
    ValidatorKey::new(key.verifying_key().to_bytes())
}

/// A set of these validators with equal power.
pub(crate) fn set(numbers: &[u8]) -> ValidatorSet {
    weighted(&numbers.iter().map(|number| (*number, 1)).collect::<Vec<_>>())
}

pub(crate) fn weighted(members: &[(u8, u64)]) -> ValidatorSet {
    let members = members.iter().map(|(number, power)| Validator { key: public(&key(*number)), power: *power });
    ValidatorSet::from_unsorted(members.collect()).unwrap()
}

pub(crate) fn genesis(first: &ValidatorSet) -> Genesis {
    Genesis {
        version: GENESIS_VERSION,
        name: "testnet-1".to_owned(),
        chain_id: ChainId::new(20_261),
        timestamp: TimestampMs::new(1_790_000_000_000),
        validators: first.hash(),
        params: Hash32::new([0x11; 32]),
        state: Genesis::state_hash(b"no allocations"),
    }
}

pub(crate) fn commitment(seq: u64) -> Commitment {
    let byte = u8::try_from(seq % 200).unwrap();
    Commitment {
        version: COMMITMENT_VERSION,
        vault: VaultId::new([0x22; 32]),
        seq,
        prev: CommitmentHash::new([byte; 32]),
        content_root: Hash32::new([byte.wrapping_add(1); 32]),
        manifest: ShardId::of(&[byte]),
        packs_root: TreeRoot::new([0x33; 32]),
        packs: 3,
        files: 1_234,
        logical_bytes: 987_654_321,
        stored_bytes: 12_345_678,
        policy: Policy::ERASURE,
        retain_until: TimestampMs::new(1_890_000_000_000),
        taken_at: TimestampMs::new(1_790_000_100_000 + seq),
    }
}

/// A header over the log of the first `leaves` commitments.
pub(crate) fn header(height: u64, leaves: u64, set: &ValidatorSet, next: &ValidatorSet) -> Header {
    let mut frontier = Frontier::new();
    for seq in 1..=leaves {
        frontier.push(leaf_hash(&commitment(seq).encode()));
    }
    Header {
        version: HEADER_VERSION,
        chain_id: ChainId::new(20_261),
        height: Height::new(height),
        parent: BlockHash::new([0x44; 32]),
        timestamp: TimestampMs::new(1_790_000_200_000 + height * 1_500),
        proposer: set.members()[0].key,
        transactions_root: TreeRoot::new([0x55; 32]),
        receipts_root: TreeRoot::new([0x66; 32]),
        state_root: StateRoot::new([0x77; 32]),
        log_size: frontier.size(),
        log_root: frontier.root(),
        validators: set.hash(),
        next_validators: next.hash(),
        params: Hash32::new([0x11; 32]),
    }
}

/// Precommits of these validators for a header.
pub(crate) fn certify(network: &NetworkId, header: &Header, numbers: &[u8]) -> Certificate {
    let (height, round, block) = (header.height, Round::new(1), header.hash());
    let mut signatures: Vec<_> = numbers
        .iter()
        .map(|number| {
            let key = key(*number);
            let message = precommit_sign_bytes(network, height, round, &block, &public(&key));
            CommitSignature { validator: public(&key), signature: sign(&key, &message) }
        })
        .collect();
    signatures.sort_by_key(|signature| signature.validator);
    Certificate { height, round, block, signatures }
}

pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Ed25519Signature {
    Ed25519Signature::new(key.sign(message).to_bytes())
}

/// A note cosigned by these validators, and signed as the log by the first of them.
pub(crate) fn cosigned(network: &NetworkId, header: &Header, numbers: &[u8]) -> String {
    let mut lines: Vec<_> = numbers
        .first()
        .map(|number| {
            let key = key(*number);
            checkpoint::log_line(network, &public(&key), &sign(&key, checkpoint::text(network, header).as_bytes()))
        })
        .into_iter()
        .collect();
    for number in numbers {
        let key = key(*number);
        let signature = sign(&key, &checkpoint::cosignature_bytes(network, header));
        lines.push(checkpoint::cosignature_line(network, header, &public(&key), &signature));
    }
    checkpoint::note(network, header, &lines)
}

/// The path of leaf `index` in the log of the first `leaves` commitments.
pub(crate) fn path(index: u64, leaves: u64) -> Vec<LogHash> {
    let mut frontier = Frontier::new();
    let mut nodes = Vec::new();
    for seq in 1..=leaves {
        nodes.extend(frontier.push(leaf_hash(&commitment(seq).encode())).into_iter().map(|(_, hash)| hash));
    }
    inclusion_path(nodes.as_slice(), index, leaves).unwrap()
}

/// A receipt of four validators, of which three signed: leaf 4 of 11 at height 7.
pub(crate) fn plain() -> Receipt {
    let validators = set(&[1, 2, 3, 4]);
    let genesis = genesis(&validators);
    let id = genesis.network();
    let header = header(7, 11, &validators, &validators);
    Receipt {
        network: NetworkProof { id, genesis, validators },
        commitment: commitment(5),
        leaf_index: 4,
        path: path(4, 11),
        checkpoint: None,
        certificate: certify(&id, &header, &[1, 2, 4]),
        header,
        handovers: Vec::new(),
    }
}

/// The same with everything that a receipt can have: two hand-overs and a cosigned checkpoint.
pub(crate) fn full() -> Receipt {
    let sets = [set(&[1, 2, 3, 4]), set(&[2, 3, 4, 5, 6]), weighted(&[(5, 10), (6, 7), (7, 1)])];
    let genesis = genesis(&sets[0]);
    let id = genesis.network();
    let first = header(3, 2, &sets[0], &sets[1]);
    let second = header(5, 9, &sets[1], &sets[2]);
    let header = header(7, 11, &sets[2], &sets[2]);
    Receipt {
        network: NetworkProof { id, genesis, validators: sets[0].clone() },
        commitment: commitment(5),
        leaf_index: 4,
        path: path(4, 11),
        checkpoint: Some(cosigned(&id, &header, &[5, 6])),
        certificate: certify(&id, &header, &[5, 6]),
        header,
        handovers: vec![
            Handover { certificate: certify(&id, &first, &[1, 2, 3]), header: first, validators: sets[1].clone() },
            Handover { certificate: certify(&id, &second, &[2, 3, 4, 6]), header: second, validators: sets[2].clone() },
        ],
    }
}
