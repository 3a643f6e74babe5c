//! apply: blocks of one kind of transaction, checked (decoded, signers recovered) and executed on a state in memory.
#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use std::collections::BTreeMap;

use chain_spec::{ChainSpec, ClusterJson, DEV_BALANCE, DevKeys, Spec};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signer as _, SigningKey};
use primitives::ledger::{VaultTerms, attestation_hash};
use primitives::{
    Address, Commitment, CommitmentHash, Ed25519Signature, Hash32, Height, MemberKey, Policy, ShardId, TimestampMs,
    TreeRoot, ValidatorKey,
};
use runtime::{BlockContext, CheckedTx, Outcome, SNAPSHOTS, UnsignedTx, VAULTS, calls, check, execute, genesis};

const OWNER: [u8; 32] = [2; 32];
/// Transactions of a block, and commitments of a batch: what the presets allow at once.
const BLOCK: u64 = 500;
/// Registrations of a block: more do not fit its gas.
const REGISTRATIONS: u64 = 300;

/// A network of one validator and one cluster of one member, and its state.
struct World {
    spec: ChainSpec,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    member: SigningKey,
}

impl World {
    fn new() -> Self {
        let member = SigningKey::from_bytes(&[10; 32]);
        let public = member.verifying_key().to_bytes();
        let owner = Address::from_secret(&OWNER).expect("a fixed good key");
        let keys = DevKeys {
            validator: ValidatorKey::new(public),
            member: MemberKey::new(public),
            operator: owner,
            extra_allocations: (0..BLOCK).map(|number| (account(number), DEV_BALANCE / 1_000_000)).collect(),
        };
        let mut spec = Spec::dev(keys, TimestampMs::new(1_790_000_000_000));
        spec.clusters = vec![ClusterJson {
            id: cluster().to_string(),
            epoch: 0,
            members: vec![MemberKey::new(public).to_string()],
            threshold: 1,
            operator: owner.to_string(),
        }];
        let spec = spec.check().expect("a network of known keys");
        let mut world = Self { state: BTreeMap::new(), member, spec };
        let first = genesis(&world.spec);
        world.keep(&first);
        world
    }

    fn keep(&mut self, outcome: &Outcome) {
        for (key, value) in &outcome.changes {
            match value {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(key),
            };
        }
    }

    fn raw(&self, nonce: u64, secret: &[u8; 32], to: Address, value: u128, input: Vec<u8>) -> Vec<u8> {
        UnsignedTx { nonce, to, value, input }.sign(&self.spec.params, secret).expect("a fixed good key")
    }

    fn check(&self, raw: &[Vec<u8>]) -> Vec<CheckedTx> {
        raw.iter().map(|raw| check(&self.spec.params, raw).expect("a good transaction")).collect()
    }

    fn execute(&self, txs: &[CheckedTx]) -> Outcome {
        let block = BlockContext {
            height: Height::new(1),
            timestamp: TimestampMs::new(1_790_000_001_000),
            proposer: ValidatorKey::new(self.member.verifying_key().to_bytes()),
        };
        let outcome = execute(&self.spec, &self.state, &block, txs).expect("a block that fits");
        assert!(outcome.receipts.iter().all(|receipt| receipt.success));
        outcome
    }
}

fn cluster() -> Hash32 {
    Hash32::new([0xc1; 32])
}

fn secret(number: u64) -> [u8; 32] {
    let mut secret = [3; 32];
    secret[..8].copy_from_slice(&(number + 1).to_be_bytes());
    secret
}

fn account(number: u64) -> Address {
    Address::from_secret(&secret(number)).expect("a good key")
}

fn terms(number: u64) -> VaultTerms {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    VaultTerms {
        owner: Address::from_secret(&OWNER).expect("a fixed good key"),
        salt: Hash32::new(salt),
        cluster: cluster(),
        policy: Policy::ERASURE,
        retention_ms: 0,
        delegates: Vec::new(),
    }
}

/// The first commitments of one vault's stream.
fn stream(vault: &VaultTerms, count: u64) -> Vec<Commitment> {
    let mut prev = CommitmentHash::ZERO;
    let mut next = |seq: u64| {
        let commitment = Commitment {
            version: 1,
            vault: vault.vault(),
            seq,
            prev,
            content_root: Hash32::new([0x11; 32]),
            manifest: ShardId::of(&seq.to_le_bytes()),
            packs_root: TreeRoot::new([0x22; 32]),
            packs: 3,
            files: 100,
            logical_bytes: 1 << 40,
            stored_bytes: 3 << 39,
            policy: vault.policy,
            retain_until: TimestampMs::new(0),
            taken_at: TimestampMs::new(0),
        };
        prev = commitment.hash();
        commitment
    };
    (1..=count).map(&mut next).collect()
}

/// Measures checking and executing one block; `items` is what the rate counts.
fn block(c: &mut Criterion, world: &World, name: &str, items: u64, raw: &[Vec<u8>]) {
    let mut group = c.benchmark_group(format!("apply {name}"));
    group.sample_size(10);
    group.throughput(Throughput::Elements(items));
    group.bench_function("check", |b| b.iter(|| world.check(raw)));
    let txs = world.check(raw);
    group.bench_function("execute", |b| b.iter(|| world.execute(&txs)));
    group.finish();
}

fn apply(c: &mut Criterion) {
    let mut world = World::new();
    let to = Address::new([0x77; 20]);
    let transfers: Vec<_> = (0..BLOCK).map(|number| world.raw(0, &secret(number), to, 1, Vec::new())).collect();
    block(c, &world, &format!("{BLOCK} transfers of as many accounts"), BLOCK, &transfers);
    let register = |nonce| world.raw(nonce, &OWNER, VAULTS, 0, calls::register(&terms(nonce)));
    let registrations: Vec<_> = (0..REGISTRATIONS).map(register).collect();
    block(c, &world, &format!("{REGISTRATIONS} vault registrations"), REGISTRATIONS, &registrations);

    let registered = world.execute(&world.check(&registrations));
    world.keep(&registered);
    let items = stream(&terms(0), BLOCK);
    let commit = |(nonce, item): (u64, &Commitment)| world.raw(nonce, &OWNER, SNAPSHOTS, 0, calls::commit(item));
    let commits: Vec<_> = (REGISTRATIONS..).zip(&items).map(commit).collect();
    block(c, &world, &format!("{BLOCK} commits"), BLOCK, &commits);
    let hashes: Vec<_> = items.iter().map(Commitment::hash).collect();
    let message = attestation_hash(&world.spec.network, &cluster(), 0, &hashes);
    let attestation = Ed25519Signature::new(world.member.sign(message.as_ref()).to_bytes());
    let member = MemberKey::new(world.member.verifying_key().to_bytes());
    let input = calls::commit_batch(&cluster(), 0, &items, &[(member, attestation)]);
    let batch = world.raw(REGISTRATIONS, &OWNER, SNAPSHOTS, 0, input);
    block(c, &world, &format!("commitBatch of {BLOCK}"), BLOCK, &[batch]);
}

criterion_group!(benches, apply);
criterion_main!(benches);
