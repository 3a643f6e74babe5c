//! Three members in one process: replication, a leader that dies, one that comes back by snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use primitives::MemberKey;
use primitives::ledger::SignedCommand;
use store::{Store, StoreConfig};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::config::{LedgerConfig, LedgerGenesis};
use crate::error::LedgerError;
use crate::ledger::{Ledger, start};
use crate::reader::Consistency;
use crate::testkit::*;
use crate::tests::durable::dump;
use crate::transport::{Transport, TransportError};
use crate::types::Member;

/// Members that reach each other.
#[derive(Clone, Default)]
struct Wires(Arc<Mutex<BTreeMap<MemberKey, Ledger>>>);

/// Carries one member's requests inside the process.
struct Wire {
    from: MemberKey,
    wires: Wires,
}

#[async_trait]
impl Transport for Wire {
    async fn call(&self, to: &Member, request: Vec<u8>, deadline: Duration) -> Result<Vec<u8>, TransportError> {
        let peer = {
            let connected = self.wires.0.lock().unwrap();
            connected.get(&to.key).filter(|_| connected.contains_key(&self.from)).cloned()
        };
        let peer = peer.ok_or_else(|| TransportError::Unreachable { reason: "no way there".to_owned() })?;
        let reply = tokio::time::timeout(deadline, peer.serve(&request)).await;
        let no_answer = |reason: String| TransportError::NoAnswer { reason };
        reply.map_err(|error| no_answer(error.to_string()))?.map_err(|error| no_answer(error.to_string()))
    }
}

struct Running {
    ledger: Ledger,
    store: Store,
    cancel: CancellationToken,
}

pub(crate) struct Cluster {
    dir: TempDir,
    wires: Wires,
    running: BTreeMap<MemberKey, Running>,
    cut_off: BTreeMap<MemberKey, Running>,
}

fn keys() -> Vec<MemberKey> {
    (20..23).map(|byte| MemberKey::new(key(byte).verifying_key().to_bytes())).collect()
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let mut cluster = Self {
            dir: tempfile::tempdir().unwrap(),
            wires: Wires::default(),
            running: BTreeMap::new(),
            cut_off: BTreeMap::new(),
        };
        for key in keys() {
            cluster.start_member(key).await;
        }
        cluster
    }

    async fn start_member(&mut self, key: MemberKey) {
        let home = self.dir.path().join(key.to_string());
        let store = Store::open(&home.join("db"), StoreConfig::default()).unwrap();
        let mut config = LedgerConfig::new(home.join("log"), home.join("snapshots"), key);
        config.snapshot_entries = 20;
        config.keep_entries = 1;
        config.submit_deadline = Duration::from_secs(5);
        let genesis = LedgerGenesis { members: keys(), ..genesis() };
        let cancel = CancellationToken::new();
        // Raft begins to call while it starts; it is reached when it has started.
        let transport = Arc::new(Wire { from: key, wires: self.wires.clone() });
        let ledger = start(config, genesis, store.clone(), transport, cancel.clone()).await.unwrap();
        self.wires.0.lock().unwrap().insert(key, ledger.clone());
        self.running.insert(key, Running { ledger, store, cancel });
    }

    async fn stop_member(&mut self, key: MemberKey) {
        let running = self.running.remove(&key).unwrap();
        self.wires.0.lock().unwrap().remove(&key);
        running.cancel.cancel();
        running.ledger.stopped().await.unwrap();
        let_go(running.ledger, running.store).await;
    }

    pub(crate) async fn stop(mut self) {
        for key in keys() {
            self.stop_member(key).await;
        }
    }

    pub(crate) fn ledger(&self, key: MemberKey) -> &Ledger {
        &self.running[&key].ledger
    }

    /// Nothing goes to this member or comes from it.
    pub(crate) fn cut_off(&mut self, key: MemberKey) -> Ledger {
        self.wires.0.lock().unwrap().remove(&key);
        let running = self.running.remove(&key).unwrap();
        let ledger = running.ledger.clone();
        self.cut_off.insert(key, running);
        ledger
    }

    pub(crate) fn rejoin(&mut self, key: MemberKey) {
        let running = self.cut_off.remove(&key).unwrap();
        self.wires.0.lock().unwrap().insert(key, running.ledger.clone());
        self.running.insert(key, running);
    }

    /// Submits wherever the leader is, as a client does: again until somebody takes it.
    pub(crate) async fn submit(&self, signed: SignedCommand) -> MemberKey {
        eventually("a leader takes a command", async || {
            for (key, running) in &self.running {
                match running.ledger.submit(vec![signed.clone()]).await {
                    Ok(outcomes) => {
                        outcomes.into_iter().next().unwrap().unwrap();
                        return Some(*key);
                    }
                    Err(LedgerError::NotLeader { .. } | LedgerError::NoLeader) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            None
        })
        .await
    }

    pub(crate) async fn agree(&self) {
        let expected = self.running.values().map(|running| running.ledger.status().unwrap().applied).max().unwrap();
        for running in self.running.values() {
            let mut changes = running.ledger.changes();
            let applied = changes.wait_for(|applied| *applied >= expected);
            drop(tokio::time::timeout(Duration::from_secs(20), applied).await.unwrap().unwrap());
        }
        let mut dumps = self.running.values().map(|running| dump(&running.store));
        let first = dumps.next().unwrap();
        assert!(dumps.all(|other| other == first), "members' tables differ");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_agree_through_a_dead_leader_and_a_snapshot() {
    let mut cluster = Cluster::start().await;
    cluster.submit(sign(BY_OWNER, register(terms(1), &OWNER), 1, 1)).await;
    cluster.submit(sign(BY_MEMBER, admit(10), 1, 1)).await;
    let mut leader = cluster.submit(sign(BY_NODE, announce(6), 1, 1)).await;
    cluster.agree().await;
    let follower = keys().into_iter().find(|key| *key != leader).unwrap();
    let refused = cluster.running[&follower].ledger.read(Consistency::Linearizable).await;
    assert!(matches!(refused, Err(LedgerError::NotLeader { leader: found }) if found == leader));

    let dead = leader;
    cluster.stop_member(dead).await;
    for serial in 2..80u16 {
        leader = cluster.submit(sign(BY_NODE, announce(serial % 6 + 1), 1, serial.into())).await;
    }
    assert_ne!(leader, dead);
    // What the dead member lacks is purged: it comes back by snapshot.
    eventually("the leader purges its log", async || {
        (cluster.ledger(leader).status().unwrap().purged > Some(20)).then_some(())
    })
    .await;
    cluster.start_member(dead).await;
    cluster.submit(sign(BY_NODE, announce(6), 2, 1)).await;
    cluster.agree().await;
    assert!(cluster.running[&dead].ledger.status().unwrap().snapshot.is_some());
    cluster.stop().await;
}
