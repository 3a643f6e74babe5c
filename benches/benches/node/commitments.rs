//! Commitments through the whole node: from the ledger's command to finality in the ledger, many at once.
//!
//! ```text
//!   ledger_submit (batches under one signature) ─► outbox ─► relay ─► commitBatch ─► block ─► FinalityRecord ─► outbox empty
//! ```

use std::time::{Duration, Instant};

use client::{HttpNode, NetworkInfo, Node as _, ShardPlace};
use eyre::{Result, bail};
use merkle::tree;
use primitives::ledger::{Applied, Command, SignedCommand, Signer, VaultTerms};
use primitives::{
    Address, COMMITMENT_VERSION, Commitment, CommitmentHash, EcdsaSignature, Hash32, PackHeader, PackId, Policy,
    SessionId, ShardId, TimestampMs, VaultId,
};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::node::Node;
use crate::wallet::quantity;
use crate::{Options, report};

const OWNER: [u8; 32] = [7; 32];
/// Streams that grow side by side.
const VAULTS: u8 = 16;
/// Commitments a second for which the load is made; the run lasts until all of them are final.
const RATE: u64 = 2_000;
/// Most in one run: the outbox holds 10,000.
const COMMITMENTS_MAX: u64 = 9_000;
/// Commands under one signature.
const BATCH: usize = 250;

/// The owner's side of the ledger.
struct Owner {
    http: HttpNode,
    network: NetworkInfo,
    serial: u64,
}

/// A vault with a manifest that all of its snapshots share.
struct Stream {
    vault: VaultId,
    manifest: ShardId,
    pack: PackId,
    seq: u64,
    head: CommitmentHash,
}

pub(crate) fn run(options: &Options) -> Result<Value> {
    let node = Node::start(&options.binary)?;
    let http = HttpNode::new(&node.url)?;
    let network = http.network()?;
    let mut owner = Owner { http, network, serial: 0 };
    let mut connection = Connection::open(node.address())?;
    let mut streams = (0..VAULTS).map(|number| owner.open(number)).collect::<Result<Vec<_>>>()?;
    // The first snapshot of each also brings its vault onto the chain.
    let first: Vec<Command> = streams.iter_mut().map(Stream::next).collect();
    owner.submit(first)?;
    wait_until_final(&mut connection)?;

    let total = (RATE * options.time.as_secs()).clamp(1, COMMITMENTS_MAX);
    let commands: Vec<Command> =
        (0..total).zip((0..streams.len()).cycle()).map(|(_, stream)| streams[stream].next()).collect();
    let batches: Vec<SignedCommand> =
        commands.chunks(BATCH).map(|commands| owner.sign(Command::Batch { commands: commands.to_vec() })).collect();
    let (cpu, started) = (node.cpu(), Instant::now());
    for batch in batches {
        owner.send(&[batch])?;
    }
    let submitted = started.elapsed();
    wait_until_final(&mut connection)?;
    let (took, cpu) = (started.elapsed(), node.cpu() - cpu);
    let (rate, micros) = (report::rate(total, took), report::micros_each(cpu, total));
    report::table(
        &[
            "commitments, until final in the ledger",
            "commitments",
            "per second",
            "all submitted after",
            "node CPU each",
        ],
        &[vec![
            format!("{VAULTS} vaults, batches of {BATCH}"),
            total.to_string(),
            rate.to_string(),
            format!("{submitted:.2?}"),
            format!("{micros:.0} µs"),
        ]],
    );
    Ok(json!({ "commitments": total, "perSecond": rate, "nodeCpuMicrosEach": micros }))
}

/// Until the outbox is empty.
fn wait_until_final(connection: &mut Connection) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let status = connection.call("ledger_status", &json!([]))?;
        if quantity(&status["totals"]["outbox"])? == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("commitments wait for the chain for two minutes: {status}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Owner {
    /// Opens a vault and stores the manifest of its snapshots.
    fn open(&mut self, number: u8) -> Result<Stream> {
        let terms = VaultTerms {
            owner: Address::from_secret(&OWNER)?,
            salt: Hash32::new([number; 32]),
            cluster: self.network.cluster,
            policy: Policy::ERASURE,
            retention_ms: 0,
            delegates: Vec::new(),
        };
        let vault = terms.vault();
        let consent = EcdsaSignature::sign(&OWNER, &terms.consent_hash(&self.network.network))?;
        self.submit(vec![Command::VaultRegister { terms, sealed: Vec::new(), consent }])?;
        let (policy, bytes) = (Policy::MIRROR, [number; 64]);
        let manifest = ShardId::of(&bytes);
        let header = PackHeader { policy, shard_len: 64, shards: vec![manifest; usize::from(policy.width())] };
        let pack = header.id();
        let place = |index| ShardPlace { pack, index, width: policy.width(), shard: manifest };
        let put = |index| self.http.put_shard(&place(index), &bytes);
        let acks = (0..policy.width()).map(put).collect::<Result<_, _>>()?;
        self.submit(vec![Command::PackCommit { vault, header, acks }])?;
        Ok(Stream { vault, manifest, pack, seq: 0, head: CommitmentHash::ZERO })
    }

    fn sign(&mut self, command: Command) -> SignedCommand {
        self.serial += 1;
        let (session, serial) = (SessionId::new([1; 16]), self.serial);
        let hash = SignedCommand::sign_hash(&self.network.network, &command, session, serial);
        let signature = EcdsaSignature::sign(&OWNER, &hash).expect("a fixed good key");
        SignedCommand { command, session, serial, signer: Signer::Account(signature) }
    }

    fn submit(&mut self, commands: Vec<Command>) -> Result<()> {
        let signed: Vec<SignedCommand> = commands.into_iter().map(|command| self.sign(command)).collect();
        self.send(&signed)
    }

    fn send(&self, signed: &[SignedCommand]) -> Result<()> {
        for outcome in self.http.submit(signed)? {
            if let Applied::Batch { outcomes } = outcome?
                && let Some(refusal) = outcomes.into_iter().find_map(Result::err)
            {
                return Err(refusal.into());
            }
        }
        Ok(())
    }
}

impl Stream {
    fn next(&mut self) -> Command {
        self.seq += 1;
        let commitment = Commitment {
            version: COMMITMENT_VERSION,
            vault: self.vault,
            seq: self.seq,
            prev: self.head,
            content_root: Hash32::new([6; 32]),
            manifest: self.manifest,
            packs_root: tree::root::<PackId>(&[]),
            packs: 0,
            files: 1,
            logical_bytes: 1,
            stored_bytes: 1,
            policy: Policy::ERASURE,
            retain_until: TimestampMs::new(0),
            taken_at: TimestampMs::new(0),
        };
        self.head = commitment.hash();
        Command::SnapshotCommit { commitment, packs: Vec::new(), manifest_pack: self.pack }
    }
}
