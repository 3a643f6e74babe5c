//! What the loads are made of: keys, commands, a ledger of one member in a temporary directory.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use ledger::{Ledger, LedgerConfig, LedgerGenesis, NoPeers, start};
use parity_scale_codec::Encode as _;
use primitives::ledger::{Command, SignedCommand, Signer, VaultTerms, VolumeInfo};
use primitives::{
    Address, EcdsaSignature, Ed25519Signature, Hash32, MemberKey, NetworkId, NodeKey, ObjectKey, PackHeader, Policy,
    SessionId, ShardAck, ShardId, Validator, ValidatorKey, ValidatorSet, VaultId, VolumeId,
};
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

pub(crate) const NETWORK: NetworkId = NetworkId::new([1; 32]);
const OWNER: [u8; 32] = [3; 32];
/// Storage nodes that hold the packs' shards.
pub(crate) const HOLDERS: u8 = 6;
/// Storage nodes that only announce: keys from 0 on.
pub(crate) const CLIENT_NODES: u8 = 64;
const MEMBER: u8 = 99;
/// Volumes that an announcement names: makes the signed command about 300 bytes long.
const VOLUMES: u16 = 28;

/// A ledger that runs until it is ended.
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    cancel: CancellationToken,
    dir: tempfile::TempDir,
}

impl World {
    /// Starts it in an empty directory, with the vault and the holders.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("db"), StoreConfig::default()).expect("an empty database opens");
        let world = Self::start_on(store, dir).await;
        let outcomes = world.ledger.submit(opening()).await.expect("the ledger runs");
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        world
    }

    /// Starts it on these tables.
    pub(crate) async fn start_on(store: Store, dir: tempfile::TempDir) -> Self {
        let genesis = genesis();
        let config = LedgerConfig::new(dir.path().join("log"), dir.path().join("snapshots"), genesis.members[0]);
        let cancel = CancellationToken::new();
        let ledger = start(config, genesis, store, Arc::new(NoPeers), cancel.clone()).await.expect("the ledger starts");
        Self { ledger, cancel, dir }
    }

    /// Ends it; the directory with all that was written is what is left.
    pub(crate) async fn end(self) -> tempfile::TempDir {
        self.cancel.cancel();
        self.ledger.stopped().await.expect("it ends");
        self.dir
    }
}

pub(crate) fn genesis() -> LedgerGenesis {
    let validator = Validator { key: ValidatorKey::new(key(30).verifying_key().to_bytes()), power: 1 };
    LedgerGenesis {
        network: NETWORK,
        cluster: Hash32::ZERO,
        members: vec![MemberKey::new(key(MEMBER).verifying_key().to_bytes())],
        validators: ValidatorSet::new(vec![validator]).expect("one validator is a set"),
    }
}

/// Opens the vault and announces the holders.
pub(crate) fn opening() -> Vec<SignedCommand> {
    let consent = EcdsaSignature::sign(&OWNER, &terms().consent_hash(&NETWORK)).expect("a fixed good key");
    let register = Command::VaultRegister { terms: terms(), sealed: vec![0; 64], consent };
    let nodes = (0..CLIENT_NODES).chain((0..HOLDERS).map(|holder| 100 + holder));
    let admit = |byte| Command::NodeAdmit { node: NodeKey::new(key(byte).verifying_key().to_bytes()) };
    let admitted = by_member(Command::Batch { commands: nodes.map(admit).collect() });
    let announced = (0..HOLDERS).map(|holder| by_node(&key(100 + holder), announce(1), u64::MAX, 1));
    [by_owner(register, u64::MAX, 1), admitted].into_iter().chain(announced).collect()
}

pub(crate) fn key(byte: u8) -> SigningKey {
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

/// The vault that everything is put into.
pub(crate) fn vault() -> VaultId {
    static VAULT: LazyLock<VaultId> = LazyLock::new(|| terms().vault());
    *VAULT
}

/// An object's next version, about 300 bytes as a signed command.
pub(crate) fn object(object: u64, version: u64) -> Command {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&object.to_be_bytes());
    Command::ObjectCommit { vault: vault(), key: ObjectKey::new(key), version, sealed: vec![7; 140], packs: vec![] }
}

/// A weight that changes every time, so that each announcement writes.
pub(crate) fn announce(serial: u64) -> Command {
    let weight = u32::try_from(serial % 1000 + 1).expect("small");
    let volume = |volume| VolumeInfo { volume: VolumeId(volume), weight };
    Command::NodeAnnounce { volumes: (0..VOLUMES).map(volume).collect() }
}

/// A pack of random bytes; another one for each number.
pub(crate) fn header(number: u64) -> PackHeader {
    let shard = |index: u8| ShardId::of(&(number, index).encode());
    let policy = Policy::ERASURE;
    PackHeader { policy, shard_len: 8 << 20, shards: (0..policy.width()).map(shard).collect() }
}

/// A new pack whose six shards are each held and acknowledged by a node of its own.
pub(crate) fn pack(number: u64) -> Command {
    let header = header(number);
    let pack = header.id();
    let ack = |(index, shard): (u8, &ShardId)| {
        let key = key(100 + index % HOLDERS);
        let (node, volume) = (NodeKey::new(key.verifying_key().to_bytes()), VolumeId(0));
        let hash = ShardAck::sign_hash(&NETWORK, &pack, index, shard, &node, volume);
        let signature = Ed25519Signature::new(key.sign(hash.as_ref()).to_bytes());
        ShardAck { pack, index, shard: *shard, node, volume, signature }
    };
    let acks = (0..).zip(&header.shards).map(ack).collect();
    Command::PackCommit { vault: vault(), header, acks }
}

fn session(client: u64) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&client.to_be_bytes());
    SessionId::new(bytes)
}

pub(crate) fn by_owner(command: Command, client: u64, serial: u64) -> SignedCommand {
    let session = session(client);
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let signature = EcdsaSignature::sign(&OWNER, &hash).expect("a fixed good key");
    SignedCommand { command, session, serial, signer: Signer::Account(signature) }
}

pub(crate) fn by_node(key: &SigningKey, command: Command, client: u64, serial: u64) -> SignedCommand {
    let session = session(client);
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let signature = Ed25519Signature::new(key.sign(hash.as_ref()).to_bytes());
    let signer = Signer::Node(NodeKey::new(key.verifying_key().to_bytes()), signature);
    SignedCommand { command, session, serial, signer }
}

fn by_member(command: Command) -> SignedCommand {
    let (session, serial, key) = (session(u64::MAX), 1, key(MEMBER));
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let signature = Ed25519Signature::new(key.sign(hash.as_ref()).to_bytes());
    let signer = Signer::Member(MemberKey::new(key.verifying_key().to_bytes()), signature);
    SignedCommand { command, session, serial, signer }
}

/// User and system time of this process so far (10 ms steps). It grows with the work and not with what else the
/// machine does.
pub(crate) fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = text.split(' ').skip(13).take(2).filter_map(|word| word.parse().ok()).collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}
