//! The ledger's handle, and its start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{InitializeError, RaftError};
use primitives::ledger::{Applied, Refusal, SignedCommand, Totals, TrustedSet};
use primitives::{Height, MemberKey};
use serde::Serialize;
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::checked::Checker;
use crate::config::{LedgerConfig, LedgerGenesis};
use crate::error::LedgerError;
use crate::ingress::Ingress;
use crate::keeper::Keeper;
use crate::log::LogStore;
use crate::machine::{Limits, Rules};
use crate::network::Network;
use crate::parts::Parts;
use crate::raft_errors::stopped;
use crate::reader::{Consistency, Reader, View};
use crate::receiver::Receiver;
use crate::room::Room;
use crate::rounds::Rounds;
use crate::state::StateMachine;
use crate::transport::Transport;
use crate::types::{Member, Raft};

/// The running ledger; clones share it.
#[derive(Clone)]
pub struct Ledger {
    raft: Raft,
    genesis: Arc<TrustedSet>,
    store: Store,
    pub(crate) log: LogStore,
    ingress: Ingress,
    rounds: Rounds,
    receiver: Arc<Receiver>,
    applied: watch::Receiver<u64>,
    room: Room,
    keeper: Keeper,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("id", self.raft.node_id()).finish_non_exhaustive()
    }
}

/// How this member is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStatus {
    /// This member's Raft id.
    pub id: u64,
    /// Leader, follower, candidate, learner.
    pub role: String,
    /// Raft's term.
    pub term: u64,
    /// Who leads, as far as this member knows.
    pub leader: Option<MemberKey>,
    /// All members.
    pub members: Vec<MemberKey>,
    /// Last entry in the log.
    pub last_log: Option<u64>,
    /// Last entry applied.
    pub applied: u64,
    /// Last entry in the newest snapshot.
    pub snapshot: Option<u64>,
    /// Last entry purged from the log.
    pub purged: Option<u64>,
    /// Log on disk, bytes.
    pub log_bytes: u64,
    /// Counters over the whole ledger.
    pub totals: Totals,
}

/// Opens the ledger of this member and runs it until `cancel`. A cluster of one leads itself when this returns.
///
/// # Errors
/// [`LedgerError`] when log, tables or files cannot be opened, or the configuration is impossible.
pub fn start(
    config: LedgerConfig,
    genesis: LedgerGenesis,
    store: Store,
    transport: Arc<dyn Transport>,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<Ledger, LedgerError>> {
    // Boxed here, so that Raft is compiled with this crate and not again with the program that runs it.
    Box::pin(start_with(config, genesis, store, transport, Parts::new(), cancel))
}

/// As [`start`], with parts that the caller can add to.
pub(crate) async fn start_with(
    config: LedgerConfig,
    genesis: LedgerGenesis,
    store: Store,
    transport: Arc<dyn Transport>,
    (parts, ended): (Parts, mpsc::Receiver<String>),
    cancel: CancellationToken,
) -> Result<Ledger, LedgerError> {
    let members = raft_members(&genesis.members);
    let id = members.iter().find(|(_, member)| member.key == config.key).map(|(id, _)| *id);
    let id = id.ok_or_else(|| LedgerError::Config { reason: format!("{} is no member of the cluster", config.key) })?;
    let rules = Arc::new(Rules {
        network: genesis.network,
        cluster: genesis.cluster,
        members: genesis.members.iter().copied().collect::<BTreeSet<_>>(),
        genesis: TrustedSet { since: Height::GENESIS, validators: genesis.validators },
        limits: Limits::default(),
    });
    let log = LogStore::open(&config.log_dir, config.log)?;
    let checker = Arc::new(Checker::new(rules.network));
    let machine =
        StateMachine::open(store.clone(), Arc::clone(&rules), Arc::clone(&checker), config.snapshot_dir.clone())?;
    let room = Room::new([config.log_dir.as_path(), &config.snapshot_dir, store.path()], config.free_bytes_min)?;
    let machine = machine.keeping_free(room.clone());
    let applied = machine.applied();
    let receiver = Arc::new(Receiver::new(config.snapshot_dir.clone()));
    let raft_config = Arc::new(config.raft()?);
    let raft = Raft::new(id, raft_config, Network::new(transport), log.clone(), machine)
        .await
        .map_err(|fatal| stopped(&fatal))?;
    initialize(&raft, &members).await?;
    let deadline = config.submit_deadline;
    let ingress = Ingress::start(raft.clone(), checker, config.in_flight_commands, deadline, &parts, cancel.clone())?;
    let rounds = Rounds::start(raft.clone(), config.waiting_reads, deadline, &parts, cancel.clone());
    let keeper = Keeper::start(raft.clone(), log.clone(), config.snapshot_log_bytes, ended, cancel);
    let genesis = Arc::new(rules.genesis.clone());
    let ledger = Ledger { raft, genesis, store, log, ingress, rounds, receiver, applied, room, keeper };
    if members.len() == 1 {
        // Nothing that was acknowledged before may be missing from even a stale read after this.
        ledger.read(Consistency::Linearizable).await?;
    }
    Ok(ledger)
}

/// Members by their Raft ids, which begin at 1 in genesis order and are never used again.
fn raft_members(members: &[MemberKey]) -> BTreeMap<u64, Member> {
    (1..).zip(members.iter().map(|key| Member { key: *key })).collect()
}

/// On a pristine member only: with the genesis members.
async fn initialize(raft: &Raft, members: &BTreeMap<u64, Member>) -> Result<(), LedgerError> {
    match raft.initialize(members.clone()).await {
        // It has run before.
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(LedgerError::Config { reason: error.to_string() }),
    }
}

impl Ledger {
    /// Orders and applies commands. One outcome each, in order: applied and durable on a quorum, or refused.
    ///
    /// # Errors
    /// [`LedgerError`]: not ordered, as far as this member knows; sending the same commands again is harmless.
    /// [`LedgerError::DiskLow`] before a disk is full.
    pub async fn submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Result<Applied, Refusal>>, LedgerError> {
        self.room.check()?;
        self.submit_own(commands).await
    }

    /// The same, also while a disk is nearly full: for what this node itself has to say about packs and snapshots that are
    /// recorded already. Never for what comes from others.
    ///
    /// # Errors
    /// Those of [`Self::submit`], without [`LedgerError::DiskLow`].
    pub async fn submit_own(&self, commands: Vec<SignedCommand>) -> Result<Vec<Result<Applied, Refusal>>, LedgerError> {
        match self.ingress.submit(commands).await {
            Ok(outcomes) => Ok(outcomes),
            Err(error) => Err(self.keeper.explain(error).await),
        }
    }

    /// Whether there is room for something new on the disks that log and tables are on.
    ///
    /// # Errors
    /// [`LedgerError::DiskLow`], and [`LedgerError::File`] when a disk does not say.
    pub fn room(&self) -> Result<(), LedgerError> {
        self.room.check()
    }

    /// The tables, for reading. Why a linearizable read is one, and how many share the work: `rounds.rs`.
    ///
    /// # Errors
    /// [`LedgerError::NotLeader`], [`LedgerError::NoLeader`] or [`LedgerError::Busy`] for a linearizable read that cannot be
    /// had here now.
    pub async fn read(&self, consistency: Consistency) -> Result<Reader, LedgerError> {
        let view = match consistency {
            Consistency::Stale => View::Stale { applied: *self.applied.borrow() },
            Consistency::Linearizable => {
                let confirmed = match self.rounds.confirm().await {
                    Ok(confirmed) => confirmed,
                    Err(error) => return Err(self.keeper.explain(error).await),
                };
                // The tables may have moved on since; they do not go back.
                let applied = (*self.applied.borrow()).max(confirmed.index);
                View::Linearizable { applied, term: confirmed.term }
            }
        };
        Ok(Reader::new(self.store.clone(), Arc::clone(&self.genesis), view))
    }

    /// Index of the last entry applied, as it moves.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    /// How this member is doing.
    ///
    /// # Errors
    /// [`LedgerError::Store`] when the tables cannot be read; fatal.
    pub fn status(&self) -> Result<LedgerStatus, LedgerError> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        let key_of = |id: &u64| membership.get_node(id).map(|member| member.key);
        let role = match metrics.state {
            ServerState::Leader => "leader",
            ServerState::Follower => "follower",
            ServerState::Candidate => "candidate",
            ServerState::Learner => "learner",
            ServerState::Shutdown => "stopped",
        };
        let reader = Reader::new(self.store.clone(), Arc::clone(&self.genesis), View::Stale { applied: 0 });
        Ok(LedgerStatus {
            id: metrics.id,
            role: role.to_owned(),
            term: metrics.current_term,
            leader: metrics.current_leader.as_ref().and_then(key_of),
            members: membership.nodes().map(|(_, member)| member.key).collect(),
            last_log: metrics.last_log_index,
            applied: *self.applied.borrow(),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            log_bytes: self.log.disk_bytes(),
            totals: reader.totals()?,
        })
    }

    /// Answers a request that another member's [`Transport`] brought.
    ///
    /// # Errors
    /// [`LedgerError::Request`] for bytes that are no request.
    pub async fn serve(&self, request: &[u8]) -> Result<Vec<u8>, LedgerError> {
        self.receiver.serve(&self.raft, request).await
    }

    /// Builds a snapshot now, beside all else.
    ///
    /// # Errors
    /// [`LedgerError::Stopped`].
    pub async fn snapshot_now(&self) -> Result<(), LedgerError> {
        self.raft.trigger().snapshot().await.map_err(|fatal| stopped(&fatal))
    }

    /// Waits until the ledger has ended: `Ok` when it was cancelled, the reason when it failed.
    ///
    /// # Errors
    /// [`LedgerError::Stopped`].
    pub async fn stopped(&self) -> Result<(), LedgerError> {
        self.keeper.ended().await
    }
}
