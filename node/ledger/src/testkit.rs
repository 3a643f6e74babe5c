//! A small world for the tests: keys, packs, commitments, a ledger in memory.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use merkle::{log, tree};
use parity_scale_codec::Encode;
use primitives::ledger::{
    Applied, Command, CommitmentProof, Refusal, SignedCommand, Signer, Totals, TrustedSet, VaultTerms, VolumeInfo,
};
use primitives::{
    Address, BlockHash, COMMITMENT_VERSION, Certificate, ChainId, CommitSignature, Commitment, CommitmentHash,
    EcdsaSignature, Ed25519Signature, HEADER_VERSION, Hash32, Header, Height, LogHash, MemberKey, NetworkId, NodeKey,
    PackHeader, PackId, Policy, Round, SessionId, ShardAck, ShardId, StateRoot, TimestampMs, TreeRoot, Validator,
    ValidatorKey, ValidatorSet, VaultId, VolumeId, precommit_sign_bytes,
};
use store::{StoreError, schema};

use crate::checked::Checker;
use crate::config::LedgerGenesis;
use crate::machine::{Limits, Rules};
use crate::tables::{LedgerReads, LedgerTable, Tables, Writes};

pub(crate) const NETWORK: NetworkId = NetworkId::new([1; 32]);
pub(crate) const CLUSTER: Hash32 = Hash32::new([2; 32]);
pub(crate) const OWNER: [u8; 32] = [3; 32];
pub(crate) const DELEGATE: [u8; 32] = [4; 32];
pub(crate) const STRANGER: [u8; 32] = [5; 32];
pub(crate) const OTHER: Policy = Policy::MIRROR;

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

pub(crate) fn node() -> NodeKey {
    NodeKey::new(key(10).verifying_key().to_bytes())
}

pub(crate) fn member() -> MemberKey {
    MemberKey::new(key(20).verifying_key().to_bytes())
}

pub(crate) fn validators(bytes: &[u8]) -> ValidatorSet {
    let validator = |byte: &u8| Validator { key: ValidatorKey::new(key(*byte).verifying_key().to_bytes()), power: 1 };
    ValidatorSet::from_unsorted(bytes.iter().map(validator).collect()).unwrap()
}

pub(crate) fn genesis() -> LedgerGenesis {
    LedgerGenesis { network: NETWORK, cluster: CLUSTER, members: vec![member()], validators: validators(&[30]) }
}

pub(crate) fn rules(limits: Limits) -> Rules {
    Rules {
        network: NETWORK,
        cluster: CLUSTER,
        members: BTreeSet::from([member()]),
        genesis: TrustedSet { since: Height::GENESIS, validators: validators(&[30]) },
        limits,
    }
}

/// Looks again and again until there is something to be seen.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until Raft's last tasks, which outlive its end by a moment, have let go of log and tables: they can be opened again
/// when these handles are dropped.
pub(crate) async fn let_go(ledger: crate::Ledger, store: store::Store) {
    let log = ledger.log.clone();
    drop(ledger);
    eventually("the log and the tables have no other user", async || {
        (log.clones() == 1 && store.clones() == 1).then_some(())
    })
    .await;
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Account([u8; 32]),
    Node(u8),
    Member(u8),
}

pub(crate) const BY_OWNER: Who = Who::Account(OWNER);
pub(crate) const BY_NODE: Who = Who::Node(10);
pub(crate) const BY_MEMBER: Who = Who::Member(20);

pub(crate) fn sign(who: Who, command: Command, session: u8, serial: u64) -> SignedCommand {
    let session = SessionId::new([session; 16]);
    let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
    let ed25519 = |byte| {
        let signature = Ed25519Signature::new(key(byte).sign(hash.as_ref()).to_bytes());
        (key(byte).verifying_key().to_bytes(), signature)
    };
    let signer = match who {
        Who::Account(secret) => Signer::Account(EcdsaSignature::sign(&secret, &hash).unwrap()),
        Who::Node(byte) => Signer::Node(NodeKey::new(ed25519(byte).0), ed25519(byte).1),
        Who::Member(byte) => Signer::Member(MemberKey::new(ed25519(byte).0), ed25519(byte).1),
    };
    SignedCommand { command, session, serial, signer }
}

pub(crate) fn terms(name: u8) -> VaultTerms {
    VaultTerms {
        owner: Address::from_secret(&OWNER).unwrap(),
        salt: Hash32::new([name; 32]),
        cluster: CLUSTER,
        policy: Policy::ERASURE,
        retention_ms: 1000,
        delegates: vec![Address::from_secret(&DELEGATE).unwrap()],
    }
}

pub(crate) fn register(terms: VaultTerms, secret: &[u8; 32]) -> Command {
    let consent = EcdsaSignature::sign(secret, &terms.consent_hash(&NETWORK)).unwrap();
    Command::VaultRegister { terms, sealed: vec![9; 40], consent }
}

/// Admits the node with this key byte.
pub(crate) fn admit(byte: u8) -> Command {
    Command::NodeAdmit { node: NodeKey::new(key(byte).verifying_key().to_bytes()) }
}

pub(crate) fn announce(volumes: u16) -> Command {
    let volumes = (0..volumes).map(|volume| VolumeInfo { volume: VolumeId(volume), weight: 10 });
    Command::NodeAnnounce { volumes: volumes.collect() }
}

pub(crate) fn header(policy: Policy, seed: u64) -> PackHeader {
    let shard = |index: u8| {
        let index = if policy.is_copies() { 0 } else { index };
        ShardId::of(&(seed, index).encode())
    };
    PackHeader { policy, shard_len: 64, shards: (0..policy.width()).map(shard).collect() }
}

pub(crate) fn ack(header: &PackHeader, index: u8, volume: u16) -> ShardAck {
    ack_of(&header.id(), index, header.shards.get(usize::from(index)).copied().unwrap_or_default(), volume)
}

pub(crate) fn ack_of(pack: &PackId, index: u8, shard: ShardId, volume: u16) -> ShardAck {
    let volume = VolumeId(volume);
    let hash = ShardAck::sign_hash(&NETWORK, pack, index, &shard, &node(), volume);
    let signature = Ed25519Signature::new(key(10).sign(hash.as_ref()).to_bytes());
    ShardAck { pack: *pack, index, shard, node: node(), volume, signature }
}

/// Acknowledgements of these (index, volume) places.
pub(crate) fn acks(header: &PackHeader, places: &[(u8, u16)]) -> Vec<ShardAck> {
    places.iter().map(|(index, volume)| ack(header, *index, *volume)).collect()
}

pub(crate) fn pack_commit(vault: VaultId, header: &PackHeader, places: &[(u8, u16)]) -> Command {
    Command::PackCommit { vault, header: header.clone(), acks: acks(header, places) }
}

/// All shards, each on a volume of its own.
pub(crate) fn everywhere(header: &PackHeader) -> Vec<(u8, u16)> {
    (0..header.policy.width()).map(|index| (index, u16::from(index))).collect()
}

pub(crate) fn commitment(
    vault: VaultId,
    seq: u64,
    prev: CommitmentHash,
    packs: &[PackId],
    manifest: &PackHeader,
) -> Commitment {
    Commitment {
        version: COMMITMENT_VERSION,
        vault,
        seq,
        prev,
        content_root: Hash32::new([6; 32]),
        manifest: manifest.shards[0],
        packs_root: tree::root(packs),
        packs: u32::try_from(packs.len()).unwrap(),
        files: 1,
        logical_bytes: 1,
        stored_bytes: 1,
        policy: Policy::ERASURE,
        retain_until: TimestampMs::new(2000),
        taken_at: TimestampMs::new(1000),
    }
}

/// A block whose snapshot log holds exactly these commitments, signed by validators with these key bytes.
pub(crate) fn block(
    height: u64,
    leaves: &[Commitment],
    signers: &[u8],
    next: &ValidatorSet,
) -> (Header, Certificate, Vec<CommitmentProof>) {
    let set = validators(signers);
    let mut frontier = log::Frontier::new();
    let mut nodes = std::collections::BTreeMap::new();
    for leaf in leaves {
        nodes.extend(frontier.push(log::leaf_hash(&leaf.encode())));
    }
    let header = Header {
        version: HEADER_VERSION,
        chain_id: ChainId::new(7),
        height: Height::new(height),
        parent: BlockHash::ZERO,
        timestamp: TimestampMs::new(5000),
        proposer: ValidatorKey::ZERO,
        transactions_root: TreeRoot::ZERO,
        receipts_root: TreeRoot::ZERO,
        state_root: StateRoot::ZERO,
        log_size: frontier.size(),
        log_root: frontier.root(),
        validators: set.hash(),
        next_validators: next.hash(),
        params: Hash32::ZERO,
    };
    let certificate = certify(&header, signers);
    let source = Nodes(nodes);
    let size = u64::try_from(leaves.len()).unwrap();
    let proofs = (0..).zip(leaves).map(|(leaf_index, leaf)| CommitmentProof {
        vault: leaf.vault,
        seq: leaf.seq,
        leaf_index,
        path: log::inclusion_path(&source, leaf_index, size).unwrap(),
    });
    (header, certificate, proofs.collect())
}

pub(crate) fn certify(header: &Header, signers: &[u8]) -> Certificate {
    let (height, round, block) = (header.height, Round::new(0), header.hash());
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|byte| {
            let validator = ValidatorKey::new(key(*byte).verifying_key().to_bytes());
            let bytes = precommit_sign_bytes(&NETWORK, height, round, &block, &validator);
            CommitSignature { validator, signature: Ed25519Signature::new(key(*byte).sign(&bytes).to_bytes()) }
        })
        .collect();
    signatures.sort_by_key(|signature| signature.validator);
    Certificate { height, round, block, signatures }
}

struct Nodes(std::collections::BTreeMap<u64, LogHash>);

impl log::NodeSource for Nodes {
    type Error = log::MissingNode;

    fn node(&self, stored_index: u64) -> Result<LogHash, Self::Error> {
        Ok(self.0[&stored_index])
    }
}

/// A ledger in memory.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) rules: Rules,
    pub(crate) tables: Writes,
    serial: u64,
}

impl Machine {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { rules: rules(limits), tables: Writes::default(), serial: 0 }
    }

    /// With [`node`] admitted.
    pub(crate) fn open(limits: Limits) -> Self {
        let mut machine = Self::new(limits);
        machine.done(BY_MEMBER, admit(10));
        machine
    }

    /// With six volumes announced and vault 1 open.
    pub(crate) fn ready() -> (Self, VaultId) {
        let mut machine = Self::open(Limits::default());
        machine.done(BY_NODE, announce(6));
        machine.done(BY_OWNER, register(terms(1), &OWNER));
        (machine, terms(1).vault())
    }

    /// Applies a command in a session of its own.
    pub(crate) fn apply(&mut self, who: Who, command: Command) -> Result<Applied, Refusal> {
        self.serial += 1;
        self.apply_signed(&[sign(who, command, 0, self.serial)]).remove(0)
    }

    pub(crate) fn done(&mut self, who: Who, command: Command) -> Applied {
        self.apply(who, command).unwrap()
    }

    pub(crate) fn refused(&mut self, who: Who, command: Command) -> Refusal {
        let before = self.tables.dump();
        let refusal = self.apply(who, command).unwrap_err();
        assert_eq!(self.tables.dump(), before, "a refused command changes nothing");
        refusal
    }

    /// Applies commands as one entry.
    pub(crate) fn apply_signed(&mut self, commands: &[SignedCommand]) -> Vec<Result<Applied, Refusal>> {
        let checked = Checker::new(NETWORK).check_all(&commands.iter().collect::<Vec<_>>(), 1);
        let mut writes = Writes::default();
        let mut tables = Tables::new(&self.tables, &mut writes);
        let outcomes = self.rules.apply(&mut tables, commands.iter().zip(&checked)).unwrap();
        self.tables.absorb(writes);
        outcomes
    }

    pub(crate) fn get<T: LedgerTable>(&self, key: &T::Key) -> Option<T::Value> {
        let found: Result<_, StoreError> = LedgerReads::get::<T>(&self.tables, key);
        found.unwrap()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.get::<schema::LedgerTotals>(&()).unwrap_or_default()
    }

    /// Commits a pack on all volumes; its id and header.
    pub(crate) fn pack(&mut self, vault: VaultId, policy: Policy, seed: u64) -> (PackId, PackHeader) {
        let header = header(policy, seed);
        self.done(BY_OWNER, pack_commit(vault, &header, &everywhere(&header)));
        (header.id(), header)
    }

    /// Commits the next snapshot of a vault, with one new pack and a new manifest.
    pub(crate) fn snapshot(&mut self, vault: VaultId) -> Commitment {
        let record = self.get::<schema::LedgerVaults>(&vault).unwrap();
        let seed = record.packs + 1000;
        let (pack, _) = self.pack(vault, Policy::ERASURE, seed);
        let (manifest_pack, manifest) = self.pack(vault, OTHER, seed + 1);
        let commitment = commitment(vault, record.head_seq + 1, record.head, &[pack], &manifest);
        self.done(
            BY_OWNER,
            Command::SnapshotCommit { commitment: commitment.clone(), packs: vec![pack], manifest_pack },
        );
        commitment
    }
}
