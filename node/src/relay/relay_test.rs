//! The relay between a real ledger and a real chain.

use chain_spec::{DevKeys, Spec};
use consensus::ConsensusConfig;
use ledger::{Consistency, Ledger, LedgerConfig, LedgerGenesis, NoPeers};
use primitives::ledger::{Command, SignedCommand, Signer, VaultTerms, VolumeInfo};
use primitives::{
    Address, COMMITMENT_VERSION, CommitmentHash, EcdsaSignature, Ed25519Signature, Hash32, MemberKey, NodeKey,
    PackHeader, PackId, Policy, SessionId, ShardAck, ShardId, TimestampMs, ValidatorKey, VolumeId,
};
use runtime::UnsignedTx;
use store::{Store, StoreConfig};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::member::Role;

const OWNER: [u8; 32] = [3; 32];
const OPERATOR: [u8; 32] = [4; 32];
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of validator, member and storage node, which are one process here.
fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

struct World {
    spec: Arc<ChainSpec>,
    consensus: Consensus,
    ledger: Ledger,
    /// Of the owner's commands.
    serial: u64,
    /// Of the owner's account on the chain.
    nonce: u64,
    cancel: CancellationToken,
    _dir: TempDir,
}

/// A vault's stream, as the ledger has it.
struct Stream {
    terms: VaultTerms,
    manifest: ShardId,
    pack: PackId,
    seq: u64,
    head: CommitmentHash,
}

impl Stream {
    fn commitment(&self, files: u64) -> Commitment {
        Commitment {
            version: COMMITMENT_VERSION,
            vault: self.terms.vault(),
            seq: self.seq + 1,
            prev: self.head,
            content_root: Hash32::ZERO,
            manifest: self.manifest,
            packs_root: merkle::tree::root::<PackId>(&[]),
            packs: 0,
            files,
            logical_bytes: 1,
            stored_bytes: 1,
            policy: self.terms.policy,
            retain_until: TimestampMs::new(0),
            taken_at: TimestampMs::new(0),
        }
    }
}

impl World {
    async fn start() -> Self {
        let public = key().verifying_key().to_bytes();
        let owner = Address::from_secret(&OWNER).unwrap();
        let keys = DevKeys {
            validator: ValidatorKey::new(public),
            member: MemberKey::new(public),
            operator: Address::from_secret(&OPERATOR).unwrap(),
            extra_allocations: vec![(owner, 1_000_000_000_000_000_000_000)],
        };
        let spec = Arc::new(Spec::dev(keys, TimestampMs::new(1_790_000_000_000)).check().unwrap());
        let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let store = Store::open(&dir.path().join("db"), StoreConfig::default()).unwrap();
        let config = ConsensusConfig::new(dir.path().join("consensus"));
        let consensus =
            consensus::start(config, Arc::clone(&spec), store.clone(), key(), cancel.clone()).await.unwrap();
        let config = LedgerConfig::new(dir.path().join("raft"), dir.path().join("snapshots"), MemberKey::new(public));
        let cluster = &spec.clusters[0];
        let genesis = LedgerGenesis {
            network: spec.network,
            cluster: cluster.id,
            members: cluster.members.clone(),
            validators: spec.validators.clone(),
        };
        let ledger = ledger::start(config, genesis, store, Arc::new(NoPeers), cancel.clone()).await.unwrap();
        let world = Self { spec, consensus, ledger, serial: 0, nonce: 0, cancel, _dir: dir };
        let node = NodeKey::new(public);
        let _ = world.speaker(Role::Member).submit(Command::NodeAdmit { node }).await.unwrap();
        let volumes = (0..4).map(|volume| VolumeInfo { volume: VolumeId(volume), weight: 1 }).collect();
        let _ = world.speaker(Role::Storage).submit(Command::NodeAnnounce { volumes }).await.unwrap();
        world
    }

    fn speaker(&self, role: Role) -> Speaker {
        Speaker::new(self.ledger.clone(), self.spec.network, role, key()).unwrap()
    }

    fn relay(&self) -> tokio::task::JoinHandle<()> {
        let (spec, speaker) = (Arc::clone(&self.spec), self.speaker(Role::Member));
        let relay = Relay::new(spec, self.consensus.clone(), speaker, key(), Zeroizing::new(OPERATOR));
        tokio::spawn(relay.run(self.cancel.child_token()))
    }

    async fn command(&mut self, command: Command) {
        self.serial += 1;
        let (session, serial) = (SessionId::new([1; 16]), self.serial);
        let hash = SignedCommand::sign_hash(&self.spec.network, &command, session, serial);
        let signer = Signer::Account(EcdsaSignature::sign(&OWNER, &hash).unwrap());
        let signed = SignedCommand { command, session, serial, signer };
        let _ = self.ledger.submit(vec![signed]).await.unwrap().remove(0).unwrap();
    }

    /// Opens a vault in the ledger, with the manifest that all of its snapshots share.
    async fn open(&mut self, name: u8) -> Stream {
        let terms = VaultTerms {
            owner: Address::from_secret(&OWNER).unwrap(),
            salt: Hash32::new([name; 32]),
            cluster: self.spec.clusters[0].id,
            policy: Policy::ERASURE,
            retention_ms: 0,
            delegates: Vec::new(),
        };
        let consent = EcdsaSignature::sign(&OWNER, &terms.consent_hash(&self.spec.network)).unwrap();
        self.command(Command::VaultRegister { terms: terms.clone(), sealed: Vec::new(), consent }).await;
        let (policy, manifest, node) =
            (Policy::MIRROR, ShardId::of(&[name]), NodeKey::new(key().verifying_key().to_bytes()));
        let header = PackHeader { policy, shard_len: 64, shards: vec![manifest; usize::from(policy.width())] };
        let pack = header.id();
        let ack = |index: u8| {
            let volume = VolumeId(u16::from(index));
            let hash = ShardAck::sign_hash(&self.spec.network, &pack, index, &manifest, &node, volume);
            let signature = Ed25519Signature::new(ed25519_dalek::Signer::sign(&key(), hash.as_ref()).to_bytes());
            ShardAck { pack, index, shard: manifest, node, volume, signature }
        };
        let acks = (0..policy.width()).map(ack).collect();
        self.command(Command::PackCommit { vault: terms.vault(), header, acks }).await;
        Stream { terms, manifest, pack, seq: 0, head: CommitmentHash::ZERO }
    }

    /// Commits the next snapshots of a vault to the ledger.
    async fn snapshots(&mut self, stream: &mut Stream, count: u64) {
        for _ in 0..count {
            let commitment = stream.commitment(1);
            (stream.seq, stream.head) = (commitment.seq, commitment.hash());
            self.command(Command::SnapshotCommit { commitment, packs: Vec::new(), manifest_pack: stream.pack }).await;
        }
    }

    /// Has the owner call the chain without the cluster, and waits for the block.
    async fn call(&mut self, to: Address, input: Vec<u8>) {
        let raw = UnsignedTx { nonce: self.nonce, to, value: 0, input }.sign(&self.spec.params, &OWNER).unwrap();
        self.nonce += 1;
        let hash = self.consensus.submit(raw).await.unwrap();
        let (height, position) = self.consensus.finality(&hash).await.unwrap().unwrap();
        let receipts = self.consensus.chain().receipts(height).unwrap().unwrap();
        assert!(receipts[usize::try_from(position).unwrap()].success);
    }

    /// Waits until the outbox is empty.
    async fn settled(&self) {
        let mut changes = self.ledger.changes();
        let empty = async {
            while self.ledger.status().unwrap().totals.outbox > 0 {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, empty).await.expect("the outbox is empty in time");
    }

    /// Which of a vault's snapshots are final.
    async fn finals(&self, stream: &Stream) -> Vec<bool> {
        let reader = self.ledger.read(Consistency::Linearizable).await.unwrap();
        let snapshots = reader.snapshots(&stream.terms.vault(), 1, 10).unwrap().rows;
        snapshots.iter().map(|record| record.finality.is_some()).collect()
    }

    async fn stop(self, relay: tokio::task::JoinHandle<()>) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, relay).await.expect("the relay ends").unwrap();
        self.ledger.stopped().await.unwrap();
        self.consensus.stopped().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_chain_will_never_record_leaves_the_outbox_and_holds_nobody_up() {
    let mut world = World::start().await;
    let (mut diverged, mut bound, mut left, mut good) =
        (world.open(1).await, world.open(2).await, world.open(3).await, world.open(4).await);
    // The owner commits another first snapshot on the chain.
    world.call(runtime::VAULTS, runtime::calls::register(&diverged.terms)).await;
    world.call(runtime::SNAPSHOTS, runtime::calls::commit(&diverged.commitment(2))).await;
    // He registers a vault there with a longer retention than the ledger's.
    let terms = VaultTerms { retention_ms: 1_000, ..bound.terms.clone() };
    world.call(runtime::VAULTS, runtime::calls::register(&terms)).await;
    // And takes one from the cluster, to give it back later.
    world.call(runtime::VAULTS, runtime::calls::register(&left.terms)).await;
    let (vault, cluster) = (left.terms.vault(), left.terms.cluster);
    world.call(runtime::VAULTS, runtime::calls::set_cluster(&vault, &Hash32::ZERO)).await;
    for stream in [&mut diverged, &mut bound, &mut left, &mut good] {
        world.snapshots(stream, 1).await;
    }
    let relay = world.relay();
    world.settled().await;

    world.call(runtime::VAULTS, runtime::calls::set_cluster(&vault, &cluster)).await;
    for stream in [&mut diverged, &mut bound, &mut left, &mut good] {
        world.snapshots(stream, 2).await;
    }
    world.settled().await;
    for stream in [&diverged, &bound, &left] {
        assert_eq!(world.finals(stream).await, [false; 3]);
    }
    assert_eq!(world.finals(&good).await, [true; 3]);
    world.stop(relay).await;
}
