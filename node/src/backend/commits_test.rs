use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ledger::{LedgerConfig, LedgerGenesis, NoPeers};
use primitives::ledger::{Signer, Totals, VaultTerms};
use primitives::{
    Address, EcdsaSignature, Hash32, MemberKey, NetworkId, NodeKey, Policy, SessionId, ShardId, Validator,
    ValidatorKey, ValidatorSet,
};
use replica::ReplicaConfig;
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::directory::LedgerDirectory;
use crate::member::{Role, Speaker};

const NETWORK: NetworkId = NetworkId::new([1; 32]);
const OWNER: [u8; 32] = [3; 32];
const NOW: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

struct World {
    ledger: Ledger,
    replica: Replica,
    serial: std::cell::Cell<u64>,
    root: PathBuf,
}

impl World {
    async fn start(root: &Path) -> Self {
        let key = |byte: u8| SigningKey::from_bytes(&[byte; 32]);
        let member = MemberKey::new(key(20).verifying_key().to_bytes());
        let validator = Validator { key: ValidatorKey::new(key(30).verifying_key().to_bytes()), power: 1 };
        let genesis = LedgerGenesis {
            network: NETWORK,
            cluster: Hash32::new([2; 32]),
            members: vec![member],
            validators: ValidatorSet::from_unsorted(vec![validator]).unwrap(),
        };
        let store = Store::open(&root.join("db"), StoreConfig::default()).unwrap();
        let config = LedgerConfig::new(root.join("raft"), root.join("snapshots"), member);
        let cancel = CancellationToken::new();
        let ledger = ledger::start(config, genesis, store.clone(), Arc::new(NoPeers), cancel.clone()).await.unwrap();
        let speaker = |role, byte| Speaker::new(ledger.clone(), NETWORK, role, key(byte)).unwrap();
        let config = ReplicaConfig {
            volumes: (0..6).map(|volume| root.join(format!("v{volume}"))).collect(),
            full_permille: 1000,
            repair_full_permille: 1000,
            ..ReplicaConfig::default()
        };
        let node = NodeKey::new(key(10).verifying_key().to_bytes());
        let directory = Arc::new(LedgerDirectory::new(speaker(Role::Storage, 10), speaker(Role::Member, 20), node));
        let replica = replica::start(config, NETWORK, key(10), store, directory, cancel).await.unwrap();
        let world = Self { ledger, replica, serial: std::cell::Cell::new(1), root: root.to_owned() };
        world.until(|totals| totals.volumes == 6).await;
        world
    }

    /// Waits until the ledger's counters are so.
    async fn until(&self, holds: impl Fn(&Totals) -> bool) {
        let mut changes = self.ledger.changes();
        let changed = changes.wait_for(|_| holds(&self.ledger.status().unwrap().totals));
        tokio::time::timeout(Duration::from_secs(20), changed).await.expect("in time").unwrap();
    }

    fn sign(&self, command: Command) -> SignedCommand {
        self.sign_as(&OWNER, command)
    }

    fn sign_as(&self, secret: &[u8; 32], command: Command) -> SignedCommand {
        let (session, serial) = (SessionId::new([7; 16]), self.serial.replace(self.serial.get() + 1));
        let hash = SignedCommand::sign_hash(&NETWORK, &command, session, serial);
        SignedCommand {
            command,
            session,
            serial,
            signer: Signer::Account(EcdsaSignature::sign(secret, &hash).unwrap()),
        }
    }

    async fn submit(&self, commands: Vec<Command>) -> Vec<Result<Applied, Refusal>> {
        let signed = commands.into_iter().map(|command| self.sign(command)).collect();
        submit(&self.ledger, &self.replica, signed).await.unwrap()
    }

    /// Puts all shards of a pack; the command that records it.
    async fn put(&self, seed: u8) -> Command {
        let block = |number: u16| *ShardId::of(&[[seed, 0], number.to_le_bytes()].concat()).as_bytes();
        let pack: Vec<u8> = (0..512).flat_map(block).collect();
        let parity = coding::encode(Policy::ERASURE, &pack).unwrap();
        let shards = coding::Shards::new(Policy::ERASURE, &pack, &parity).unwrap();
        let header = shards.header();
        let mut acks = Vec::new();
        for (index, bytes) in (0u8..).zip(shards.iter()) {
            let shard = header.shards[usize::from(index)];
            let bytes = Bytes::copy_from_slice(bytes);
            acks.push(self.replica.put(header.id(), index, 6, shard, bytes).await.unwrap());
        }
        Command::PackCommit { vault: terms(1).vault(), header, acks }
    }
}

/// Makes the files of the shards that the command acknowledges an hour and more old.
fn make_old(world: &World, command: &Command) {
    for (_, acks) in commits(command) {
        for ack in acks {
            let name = ack.shard.to_string();
            let path = world.root.join(format!("v{}/shards", ack.volume.0)).join(&name[..2]).join(name);
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
        }
    }
}

fn terms(name: u8) -> VaultTerms {
    VaultTerms {
        owner: Address::from_secret(&OWNER).unwrap(),
        salt: Hash32::new([name; 32]),
        cluster: Hash32::new([2; 32]),
        policy: Policy::ERASURE,
        retention_ms: 0,
        delegates: Vec::new(),
    }
}

fn register(name: u8) -> Command {
    let consent = EcdsaSignature::sign(&OWNER, &terms(name).consent_hash(&NETWORK)).unwrap();
    Command::VaultRegister { terms: terms(name), sealed: vec![9; 40], consent }
}

fn is_pack(outcome: &Result<Applied, Refusal>) -> bool {
    matches!(outcome, Ok(Applied::Pack { degraded: false, .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_whose_shards_were_removed_is_refused_and_recorded_ones_keep_theirs() {
    let root = tempfile::tempdir().unwrap();
    let world = World::start(root.path()).await;
    let first = world.put(1).await;
    assert!(is_pack(&world.submit(vec![register(1), first.clone()]).await[1]));
    // The owner sleeps between the last shard and the commit.
    let second = world.put(2).await;
    let report = world.replica.remove_orphans_now(NOW).await.unwrap();
    assert_eq!((report.recorded, report.removed), (6, 6));
    let outcomes = world.submit(vec![second.clone(), register(2), first.clone()]).await;
    assert_eq!(outcomes[0], Err(Refusal::TooFewHolders { found: 0, needed: 4 }));
    assert_eq!(outcomes[1], Ok(Applied::Done), "each outcome belongs to its command");
    assert!(is_pack(&outcomes[2]), "{outcomes:?}");
    let batch = Command::Batch { commands: vec![register(3), second] };
    let refused = world.submit(vec![batch]).await.remove(0).unwrap_err().to_string();
    for words in ["nothing of it was applied", "command 1 records pack", "0 acknowledged shards", "4 are needed"] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let applied = world.submit(vec![Command::Batch { commands: vec![register(3), first] }]).await.remove(0);
    assert!(matches!(&applied, Ok(Applied::Batch { outcomes }) if is_pack(&outcomes[1])), "without it: {applied:?}");
    assert_eq!(world.ledger.status().unwrap().totals.packs, 1);
    // Sent again, it is recorded like any other, and stays.
    let again = world.put(2).await;
    assert!(is_pack(&world.submit(vec![again]).await[0]));
    let report = world.replica.remove_orphans_now(NOW).await.unwrap();
    assert_eq!((report.recorded, report.orphans), (12, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_refused_keep_no_orphan() {
    let root = tempfile::tempdir().unwrap();
    let world = World::start(root.path()).await;
    let first = world.put(1).await;
    assert!(is_pack(&world.submit(vec![register(1), first]).await[1]));
    let orphan = world.put(2).await;
    make_old(&world, &orphan);
    // A stranger, and somebody whose signature is for other bytes.
    let stranger = world.sign_as(&[4; 32], orphan.clone());
    let mut forged = world.sign(orphan.clone());
    forged.serial += 1;
    let outcomes = submit(&world.ledger, &world.replica, vec![stranger, forged]).await.unwrap();
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    let report = world.replica.remove_orphans_now(HOUR).await.unwrap();
    assert_eq!((report.recorded, report.removed), (6, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_client_has_left_goes_on_to_its_answer() {
    let root = tempfile::tempdir().unwrap();
    let world = World::start(root.path()).await;
    world.submit(vec![register(1)]).await;
    let pack = world.put(1).await;
    let confirmed = world.replica.confirm(commits(&pack)).await.unwrap();
    let mut sent = Box::pin(order(world.ledger.clone(), confirmed, vec![world.sign(pack)]));
    let waits = poll_fn(|context| Poll::Ready(sent.as_mut().poll(context).is_pending())).await;
    assert!(waits, "the ledger does not answer at once");
    drop(sent);
    world.until(|totals| totals.packs == 1).await;
}
