//! Acknowledged writes a second: 300-byte commands, fsynced log, RocksDB tables, one member, closed loop.
//!
//! `cargo bench -p ledger --bench throughput [-- SECONDS]`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use ledger::{Consistency, Ledger, LedgerConfig, LedgerGenesis, NoPeers, start};
use parity_scale_codec::Encode;
use primitives::ledger::{Command, SignedCommand, Signer, VaultTerms, VolumeInfo};
use primitives::{
    Address, EcdsaSignature, Ed25519Signature, Hash32, MemberKey, NetworkId, NodeKey, ObjectKey, Policy, SessionId,
    Validator, ValidatorKey, ValidatorSet, VolumeId,
};
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

const NETWORK: NetworkId = NetworkId::new([1; 32]);
const OWNER: [u8; 32] = [3; 32];

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn terms() -> VaultTerms {
    VaultTerms {
        owner: Address::from_secret(&OWNER).expect("a fixed good key"),
        salt: Hash32::ZERO,
        cluster: Hash32::ZERO,
        policy: Policy::ERASURE,
        retention_ms: 0,
        delegates: Vec::new(),
    }
}

/// An object's next version, about 300 bytes as a signed command.
fn object(client: u64, version: u64) -> Command {
    let mut key = [0; 32];
    for (target, source) in key.iter_mut().zip(client.to_be_bytes()) {
        *target = source;
    }
    Command::ObjectCommit {
        vault: terms().vault(),
        key: ObjectKey::new(key),
        version,
        sealed: vec![7; 140],
        packs: vec![],
    }
}

fn session(client: u64) -> SessionId {
    let mut bytes = [0; 16];
    for (target, source) in bytes.iter_mut().zip(client.to_be_bytes()) {
        *target = source;
    }
    SessionId::new(bytes)
}

fn by_owner(command: Command, client: u64, serial: u64) -> SignedCommand {
    let session = session(client);
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let signature = EcdsaSignature::sign(&OWNER, &hash).expect("a fixed good key");
    SignedCommand { command, session, serial, signer: Signer::Account(signature) }
}

fn by_node(key: &SigningKey, command: Command, client: u64, serial: u64) -> SignedCommand {
    let session = session(client);
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let signature = Ed25519Signature::new(key.sign(hash.as_ref()).to_bytes());
    SignedCommand {
        command,
        session,
        serial,
        signer: Signer::Node(NodeKey::new(key.verifying_key().to_bytes()), signature),
    }
}

/// A weight that changes every time, so that each announcement writes.
fn announce(serial: u64) -> Command {
    let weight = u32::try_from(serial % 1000 + 1).expect("small");
    Command::NodeAnnounce { volumes: (0..28).map(|volume| VolumeInfo { volume: VolumeId(volume), weight }).collect() }
}

/// User and system time of this process so far (10 ms steps).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = text.split(' ').skip(13).take(2).filter_map(|word| word.parse().ok()).collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

/// Runs clients for a while; prints commands a second and times of a submission.
async fn run<F>(ledger: &Ledger, name: &str, clients: u64, per_submission: u64, seconds: u64, make: F)
where
    F: Fn(u64, u64) -> SignedCommand + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let done = Arc::new(AtomicU64::new(0));
    // Signing is the clients' work, not the ledger's: commands are made before the clock starts.
    let prepared = usize::try_from(40_000 * seconds.max(1) / 3 / (clients * per_submission)).unwrap_or(1).max(1);
    let mut signed = Vec::new();
    for client in 0..clients {
        let make = Arc::clone(&make);
        signed.push(tokio::task::spawn_blocking(move || {
            (1..=u64::try_from(prepared).unwrap_or(1)).map(|serial| make(client, serial)).collect::<Vec<_>>()
        }));
    }
    let mut queues = Vec::new();
    for queue in signed {
        queues.push(queue.await.expect("signing does not panic"));
    }
    let bytes = queues[0][0].encoded_size();
    let cpu = cpu_time();
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for queue in queues {
        let (ledger, done) = (ledger.clone(), Arc::clone(&done));
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for signed in queue {
                if Instant::now() >= until {
                    break;
                }
                let begun = Instant::now();
                let outcomes = ledger.submit(vec![signed]).await.expect("the ledger runs");
                assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
                times.push(begun.elapsed());
                done.fetch_add(per_submission, Ordering::Relaxed);
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client does not panic"));
    }
    let took = started.elapsed();
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let done = done.load(Ordering::Relaxed);
    let rate = u128::from(done) * 1000 / took.as_millis().max(1);
    println!(
        "{name:<44} {clients:>5} clients {rate:>8} commands/s   submission of {bytes} B: p50 {:.2?} p99 {:.2?}   CPU {:.1?} a command",
        at(50),
        at(99),
        (cpu_time() - cpu) / u32::try_from(done.max(1)).expect("fewer than 2^32 commands")
    );
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(4);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(&dir.path().join("db"), StoreConfig::default()).expect("an empty database opens");
    let member = MemberKey::new(key(20).verifying_key().to_bytes());
    let validator = Validator { key: ValidatorKey::new(key(30).verifying_key().to_bytes()), power: 1 };
    let genesis = LedgerGenesis {
        network: NETWORK,
        cluster: Hash32::ZERO,
        members: vec![member],
        validators: ValidatorSet::new(vec![validator]).expect("one validator is a set"),
    };
    let config = LedgerConfig::new(dir.path().join("log"), dir.path().join("snapshots"), member);
    let cancel = CancellationToken::new();
    let ledger = start(config, genesis, store, Arc::new(NoPeers), cancel.clone()).await.expect("the ledger starts");
    let consent = EcdsaSignature::sign(&OWNER, &terms().consent_hash(&NETWORK)).expect("a fixed good key");
    let register = Command::VaultRegister { terms: terms(), sealed: vec![0; 64], consent };
    ledger.submit(vec![by_owner(register, u64::MAX, 1)]).await.expect("the ledger runs")[0].as_ref().expect("it opens");

    for clients in [1, 64, 256, 1024] {
        run(&ledger, "one Ed25519 command a submission", clients, 1, seconds, move |client, serial| {
            by_node(
                &key(u8::try_from(client % 200).unwrap_or(0)),
                announce(serial),
                client + 1_000_000 * clients,
                serial,
            )
        })
        .await;
    }
    run(&ledger, "one secp256k1 command a submission", 256, 1, seconds, |client, serial| {
        by_owner(object(client, serial), client, serial)
    })
    .await;
    for (round, (clients, size)) in (1..).zip([(1, 64), (16, 64), (256, 16), (256, 64)]) {
        let object_base = round * 1_000_000;
        let name = format!("batches of {size} under one secp256k1 signature");
        run(&ledger, &name, clients, size, seconds, move |client, serial| {
            let object_of = |position| object(object_base + client * size + position, serial);
            by_owner(Command::Batch { commands: (0..size).map(object_of).collect() }, object_base + client, serial)
        })
        .await;
    }
    for clients in [1, 64] {
        let started = Instant::now();
        let reads = Arc::new(AtomicU64::new(0));
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let (ledger, reads) = (ledger.clone(), Arc::clone(&reads));
            tasks.push(tokio::spawn(async move {
                while started.elapsed() < Duration::from_secs(seconds) {
                    let reader = ledger.read(Consistency::Linearizable).await.expect("it leads");
                    assert!(reader.vault(&terms().vault()).expect("it reads").is_some());
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        for task in tasks {
            task.await.expect("a client does not panic");
        }
        let rate = u128::from(reads.load(Ordering::Relaxed)) * 1000 / started.elapsed().as_millis().max(1);
        println!("{:<44} {clients:>5} clients {rate:>8} reads/s", "linearizable reads of a vault");
    }
    cancel.cancel();
    ledger.stopped().await.expect("it ends");
}
