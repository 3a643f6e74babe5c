//! hash, sign, verify, prove.
#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signer as _, SigningKey};
use merkle::log::{BatchVerifier, Frontier, Prover, inclusion_path, leaf_hash, verify_inclusion};
use primitives::{EcdsaSignature, Ed25519Signature, Hash32, LogHash};

/// Leaves of the log that proofs are made from.
const LEAVES: u64 = 10_000_000;
/// Proofs of one measurement.
const PROOFS: u64 = 10_000;

fn signatures(c: &mut Criterion) {
    let mut group = c.benchmark_group("signatures");
    group.throughput(Throughput::Elements(1));
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [9u8; 128];
    group.bench_function("ed25519 sign", |b| b.iter(|| key.sign(&message)));
    let signature = Ed25519Signature::new(key.sign(&message).to_bytes());
    let public = key.verifying_key().to_bytes();
    group.bench_function("ed25519 verify, strict", |b| {
        b.iter(|| signature.verify(&public, &message).expect("a valid signature"))
    });
    let digest = Hash32::new([1; 32]);
    group
        .bench_function("secp256k1 sign", |b| b.iter(|| EcdsaSignature::sign(&[7; 32], &digest).expect("a valid key")));
    let signature = EcdsaSignature::sign(&[7; 32], &digest).expect("a valid key");
    group.bench_function("secp256k1 recover", |b| b.iter(|| signature.recover(&digest).expect("a valid signature")));
    group.finish();
}

/// A log in memory, in the order in which the node stores it.
struct Log {
    nodes: Vec<LogHash>,
    root: LogHash,
    /// A stride that visits leaves far from each other, as strangers' questions do.
    leaves: Vec<u64>,
}

impl Log {
    fn new() -> Self {
        let mut frontier = Frontier::new();
        let mut nodes = Vec::new();
        for index in 0..LEAVES {
            nodes.extend(frontier.push(leaf_hash(&index.to_le_bytes())).into_iter().map(|(_, hash)| hash));
        }
        let leaves = (0..PROOFS).map(|number| number * 7_654_321 % LEAVES).collect();
        Self { nodes, root: frontier.root(), leaves }
    }
}

fn log(c: &mut Criterion) {
    let log = Log::new();
    let prover = Prover::new(log.nodes.as_slice(), LEAVES).expect("a size of the log");
    let mut group = c.benchmark_group("snapshot log of 10 M leaves");
    group.throughput(Throughput::Elements(PROOFS));
    group.sample_size(10);
    one_core(&mut group, &log, &prover);
    two_threads(&mut group, &log, &prover);
    group.finish();
}

fn one_core(group: &mut BenchmarkGroup<'_, WallTime>, log: &Log, prover: &Prover<'_, [LogHash]>) {
    let source = log.nodes.as_slice();
    group.bench_function("prove", |b| {
        b.iter(|| {
            let paths = log.leaves.iter().map(|leaf| inclusion_path(source, *leaf, LEAVES).expect("a leaf of the log"));
            paths.map(|path| path.len()).sum::<usize>()
        });
    });
    group.bench_function("prove, one size", |b| {
        let mut path = Vec::with_capacity(64);
        b.iter(|| {
            for leaf in &log.leaves {
                prover.inclusion_into(*leaf, &mut path).expect("a leaf of the log");
            }
            path.len()
        });
    });
    let prove =
        |leaf: &u64| (leaf_hash(&leaf.to_le_bytes()), *leaf, prover.inclusion(*leaf).expect("a leaf of the log"));
    let proofs: Vec<(LogHash, u64, Vec<LogHash>)> = log.leaves.iter().map(prove).collect();
    group.bench_function("verify", |b| {
        b.iter(|| {
            for (hash, index, path) in &proofs {
                verify_inclusion(hash, *index, LEAVES, path, &log.root).expect("a valid proof");
            }
        });
    });
    group.bench_function("verify, one root", |b| {
        b.iter(|| {
            let mut verifier = BatchVerifier::new(LEAVES, log.root);
            for (hash, index, path) in &proofs {
                verifier.verify(hash, *index, path).expect("a valid proof");
            }
        });
    });
}

fn two_threads(group: &mut BenchmarkGroup<'_, WallTime>, log: &Log, prover: &Prover<'_, [LogHash]>) {
    let half = |leaves: &[u64], check: &mut dyn FnMut(&LogHash, u64, &[LogHash])| {
        let mut path = Vec::with_capacity(64);
        for leaf in leaves {
            prover.inclusion_into(*leaf, &mut path).expect("a leaf of the log");
            check(&leaf_hash(&leaf.to_le_bytes()), *leaf, &path);
        }
    };
    group.bench_function("prove and verify on two threads", |b| {
        b.iter(|| {
            std::thread::scope(|scope| {
                for leaves in log.leaves.chunks(log.leaves.len().div_ceil(2)) {
                    scope.spawn(move || {
                        half(leaves, &mut |hash, index, path| {
                            verify_inclusion(hash, index, LEAVES, path, &log.root).expect("a valid proof");
                        });
                    });
                }
            });
        });
    });
    // An auditor who checks many leaves of one checkpoint: each thread keeps what its earlier proofs have proven.
    group.bench_function("prove and verify on two threads, one root", |b| {
        let mut verifiers = [BatchVerifier::new(LEAVES, log.root), BatchVerifier::new(LEAVES, log.root)];
        let mut next = 0;
        b.iter(|| {
            next += PROOFS;
            let leaves: Vec<u64> = (next..next + PROOFS).map(|number| number * 7_654_321 % LEAVES).collect();
            std::thread::scope(|scope| {
                for (verifier, leaves) in verifiers.iter_mut().zip(leaves.chunks(leaves.len().div_ceil(2))) {
                    scope.spawn(move || {
                        half(leaves, &mut |hash, index, path| {
                            verifier.verify(hash, index, path).expect("a valid proof")
                        });
                    });
                }
            });
        });
    });
}

criterion_group!(benches, signatures, log);
criterion_main!(benches);
