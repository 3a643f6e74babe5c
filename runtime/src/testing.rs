//! A small world for tests: a network with known keys, its state in memory, blocks one after another.

use std::collections::BTreeMap;

use alloy_sol_types::SolError;
use chain_spec::{ChainSpec, ClusterJson, DEV_BALANCE, DevKeys, Spec};
use ed25519_dalek::{Signer as _, SigningKey};
use primitives::ledger::{VaultTerms, attestation_hash};
use primitives::{
    Address, Commitment, CommitmentHash, EcdsaSignature, Ed25519Signature, Hash32, Height, MemberKey, Policy, ShardId,
    TimestampMs, TreeRoot, ValidatorKey,
};

use crate::{
    Account, BlockContext, CallOutcome, CallRequest, CheckedTx, ExecuteError, Outcome, SNAPSHOTS, StateKey, TxReceipt,
    UnsignedTx, VAULTS, account, call, calls, check, execute, genesis,
};

pub(crate) const OPERATOR: [u8; 32] = [1; 32];
pub(crate) const OWNER: [u8; 32] = [2; 32];
pub(crate) const STRANGER: [u8; 32] = [3; 32];
pub(crate) const POOR: [u8; 32] = [4; 32];

pub(crate) fn address(secret: &[u8; 32]) -> Address {
    Address::from_secret(secret).unwrap()
}

/// Three members, ascending by public key.
pub(crate) fn members() -> Vec<SigningKey> {
    let mut keys: Vec<_> = [11u8, 12, 13].map(|byte| SigningKey::from_bytes(&[byte; 32])).into();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    keys
}

pub(crate) fn member_key(key: &SigningKey) -> MemberKey {
    MemberKey::new(key.verifying_key().to_bytes())
}

pub(crate) fn cluster_id() -> Hash32 {
    Hash32::new([0xc1; 32])
}

pub(crate) fn spec() -> ChainSpec {
    let validator = SigningKey::from_bytes(&[10; 32]).verifying_key().to_bytes();
    let mut spec = Spec::dev(
        DevKeys {
            validator: ValidatorKey::new(validator),
            member: MemberKey::new(validator),
            operator: address(&OPERATOR),
            extra_allocations: vec![(address(&OWNER), DEV_BALANCE), (address(&STRANGER), DEV_BALANCE)],
        },
        TimestampMs::new(1_790_000_000_000),
    );
    spec.clusters = vec![ClusterJson {
        id: cluster_id().to_string(),
        epoch: 7,
        members: members().iter().map(|key| member_key(key).to_string()).collect(),
        threshold: 2,
        operator: address(&OPERATOR).to_string(),
    }];
    spec.check().unwrap()
}

pub(crate) struct World {
    pub(crate) spec: ChainSpec,
    pub(crate) state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) height: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let spec = spec();
        let mut world = Self { state: BTreeMap::new(), height: 0, spec };
        world.apply(&genesis(&world.spec));
        world
    }

    pub(crate) fn apply(&mut self, outcome: &Outcome) {
        for (key, value) in &outcome.changes {
            match value {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(key),
            };
        }
    }

    pub(crate) fn block(&self) -> BlockContext {
        BlockContext {
            height: Height::new(self.height + 1),
            timestamp: TimestampMs::new(self.spec.timestamp.get() + 1000 * (self.height + 1)),
            proposer: self.spec.validators.members()[0].key,
        }
    }

    pub(crate) fn nonce(&self, secret: &[u8; 32]) -> u64 {
        account(&self.state, &address(secret)).unwrap().nonce
    }

    pub(crate) fn balance(&self, address: &Address) -> u128 {
        account(&self.state, address).unwrap().balance
    }

    /// A transaction with the account's next nonce in the state.
    pub(crate) fn tx(&self, secret: &[u8; 32], to: Address, value: u128, input: Vec<u8>) -> CheckedTx {
        self.tx_at(self.nonce(secret), secret, to, value, input)
    }

    pub(crate) fn tx_at(&self, nonce: u64, secret: &[u8; 32], to: Address, value: u128, input: Vec<u8>) -> CheckedTx {
        let raw = UnsignedTx { nonce, to, value, input }.sign(&self.spec.params, secret).unwrap();
        check(&self.spec.params, &raw).unwrap()
    }

    /// Executes without applying.
    pub(crate) fn execute(&self, txs: &[CheckedTx]) -> Result<Outcome, ExecuteError> {
        execute(&self.spec, &self.state, &self.block(), txs)
    }

    /// Executes and applies one block.
    pub(crate) fn run(&mut self, txs: &[CheckedTx]) -> Outcome {
        let outcome = self.execute(txs).unwrap();
        self.apply(&outcome);
        self.height += 1;
        outcome
    }

    /// One block with one call; its receipt.
    pub(crate) fn send(&mut self, secret: &[u8; 32], to: Address, input: Vec<u8>) -> TxReceipt {
        let tx = self.tx(secret, to, 0, input);
        self.run(&[tx]).receipts.remove(0)
    }

    /// One block with one call that fails with exactly this error and changes nothing but nonce and balances.
    pub(crate) fn send_reverts<E: SolError>(&mut self, secret: &[u8; 32], to: Address, input: Vec<u8>, error: E) {
        let before = self.without_accounts();
        let receipt = self.send(secret, to, input);
        assert!(!receipt.success);
        let expected = error.abi_encode();
        assert_eq!(
            receipt.output,
            expected,
            "found {}, expected {}",
            calls::describe_revert(&receipt.output),
            calls::describe_revert(&expected)
        );
        assert!(receipt.logs.is_empty());
        assert_eq!(self.without_accounts(), before);
    }

    fn without_accounts(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let is_account = |key: &[u8]| matches!(StateKey::parse(key).unwrap(), StateKey::Account(_));
        self.state.iter().filter(|(key, _)| !is_account(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub(crate) fn call(&self, to: Address, input: Vec<u8>) -> CallOutcome {
        let request = CallRequest { to: Some(to), input, ..CallRequest::default() };
        call(&self.spec, &self.state, &self.block(), &request).unwrap()
    }

    /// Sum of all balances.
    pub(crate) fn supply(&self) -> u128 {
        use parity_scale_codec::DecodeAll as _;
        let accounts = self.state.iter().filter(|(key, _)| matches!(StateKey::parse(key), Ok(StateKey::Account(_))));
        accounts.map(|(_, value)| Account::decode_all(&mut value.as_slice()).unwrap().balance).sum()
    }

    pub(crate) fn terms(&self) -> VaultTerms {
        VaultTerms {
            owner: address(&OWNER),
            salt: Hash32::new([0x5a; 32]),
            cluster: cluster_id(),
            policy: Policy::ERASURE,
            retention_ms: 1000,
            delegates: vec![],
        }
    }

    pub(crate) fn consent(&self, terms: &VaultTerms, secret: &[u8; 32]) -> EcdsaSignature {
        EcdsaSignature::sign(secret, &terms.consent_hash(&self.spec.network)).unwrap()
    }

    /// Registers the vault of [`Self::terms`].
    pub(crate) fn with_vault() -> (Self, VaultTerms) {
        let mut world = Self::new();
        let terms = world.terms();
        let consent = world.consent(&terms, &OWNER);
        assert!(world.send(&OPERATOR, VAULTS, calls::register_for(&terms, &consent)).success);
        (world, terms)
    }

    pub(crate) fn attest(&self, items: &[Commitment], who: &[usize]) -> Vec<(MemberKey, Ed25519Signature)> {
        self.attest_epoch(7, items, who)
    }

    pub(crate) fn attest_epoch(
        &self,
        epoch: u64,
        items: &[Commitment],
        who: &[usize],
    ) -> Vec<(MemberKey, Ed25519Signature)> {
        let hashes: Vec<_> = items.iter().map(Commitment::hash).collect();
        let message = attestation_hash(&self.spec.network, &cluster_id(), epoch, &hashes);
        let members = members();
        who.iter().map(|index| (member_key(&members[*index]), ed25519(&members[*index], &message))).collect()
    }

    pub(crate) fn batch(&self, items: &[Commitment]) -> Vec<u8> {
        calls::commit_batch(&cluster_id(), 7, items, &self.attest(items, &[0, 2]))
    }

    pub(crate) fn commit(&mut self, commitment: &Commitment) -> TxReceipt {
        self.send(&OWNER, SNAPSHOTS, calls::commit(commitment))
    }
}

pub(crate) fn ed25519(key: &SigningKey, message: &Hash32) -> Ed25519Signature {
    Ed25519Signature::new(key.sign(message.as_ref()).to_bytes())
}

pub(crate) fn commitment(terms: &VaultTerms, seq: u64, prev: CommitmentHash) -> Commitment {
    Commitment {
        version: 1,
        vault: terms.vault(),
        seq,
        prev,
        content_root: Hash32::new([0x11; 32]),
        manifest: ShardId::of(&seq.to_le_bytes()),
        packs_root: TreeRoot::new([0x22; 32]),
        packs: 3,
        files: seq % 1000,
        logical_bytes: 1 << 40,
        stored_bytes: 3 << 39,
        policy: terms.policy,
        retain_until: TimestampMs::new(5_000 + terms.retention_ms),
        taken_at: TimestampMs::new(5_000),
    }
}

/// `count` commitments of one vault, linked, from `seq` on.
pub(crate) fn chain(terms: &VaultTerms, seq: u64, mut prev: CommitmentHash, count: u64) -> Vec<Commitment> {
    (seq..seq + count)
        .map(|seq| {
            let next = commitment(terms, seq, prev);
            prev = next.hash();
            next
        })
        .collect()
}
