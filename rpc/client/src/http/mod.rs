//! A node over HTTP: shards as plain requests, everything else as JSON-RPC.

mod rpc;
mod shards;

use std::time::Duration;

use parity_scale_codec::Encode;
use primitives::ledger::{Applied, ObjectRecord, PackRecord, Refusal, SignedCommand, SnapshotRecord, VaultRecord};
use primitives::{Address, ChainId, CommitmentHash, Hash32, NetworkId, ObjectKey, PackId, ShardAck, VaultId};
use rpc_api::ledger::{
    LEDGER_ITEMS_MAX, LedgerAnswer, LedgerItems, LedgerList, LedgerPage, LedgerQuery, LedgerReply, LedgerTotals,
    Outcome, Page as PageQuery,
};
use rpc_api::snapshot::SnapshotId;
use rpc_api::{Data, Quantity, Record};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use ureq::Agent;

use crate::width::u64_of;
use crate::{NetworkInfo, Node, NodeError, Page, ShardPart, ShardPlace};

/// What a client reads of `chain_getGenesis`; a newer node may say more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Genesis {
    name: String,
    network: NetworkId,
    chain_id: Quantity,
}

/// What a client reads of `ledger_status`.
#[derive(Deserialize)]
struct Status {
    cluster: Hash32,
}

/// What `ledger_status` says of the ledger's contents.
#[derive(Deserialize)]
struct Counted {
    totals: LedgerTotals,
}

/// What `replica_status` says of the node's volumes.
#[derive(Deserialize)]
struct Disks {
    volumes: Vec<serde::de::IgnoredAny>,
}

/// A node at a URL. Connections are kept open and shared by all threads.
#[derive(Debug)]
pub struct HttpNode {
    url: String,
    agent: Agent,
}

impl HttpNode {
    /// Wait for a connection, at most.
    const CONNECT: Duration = Duration::from_secs(5);
    /// Wait for the answer to begin, at most: a shard must be durable first, behind others.
    const ANSWER: Duration = Duration::from_secs(120);
    /// Wait for the body of a request or an answer, at most.
    const BODY: Duration = Duration::from_secs(300);
    /// Connections that stay open.
    const IDLE_MAX: usize = 32;
    /// Bytes that are read or written at once.
    const BUFFER: usize = 256 * 1024;

    /// A node at `url` (`http://host:port`); nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::Unreachable`] when it is no such URL.
    pub fn new(url: &str) -> Result<Self, NodeError> {
        let url = url.trim_end_matches('/');
        let parsed = url.parse::<ureq::http::Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
        if parsed.and_then(|uri| uri.host().map(str::to_owned)).is_none() {
            let reason = "not an address of the form http://host:port".to_owned();
            return Err(NodeError::Unreachable { address: url.to_owned(), reason });
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Self::CONNECT))
            .timeout_recv_response(Some(Self::ANSWER))
            .timeout_send_body(Some(Self::BODY))
            .timeout_recv_body(Some(Self::BODY))
            .max_idle_connections(Self::IDLE_MAX)
            .max_idle_connections_per_host(Self::IDLE_MAX)
            .input_buffer_size(Self::BUFFER)
            .output_buffer_size(Self::BUFFER)
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { url: url.to_owned(), agent: config.new_agent() })
    }

    fn unreachable(&self, error: impl ToString) -> NodeError {
        NodeError::Unreachable { address: self.url.clone(), reason: error.to_string() }
    }

    fn get(&self, query: &LedgerQuery) -> Result<LedgerAnswer, NodeError> {
        Ok(self.call::<LedgerReply>("ledger_get", &json!([query]))?.answer)
    }

    fn list(&self, list: &LedgerList, cursor: Option<&[u8]>, limit: u32) -> Result<LedgerPage, NodeError> {
        let limit = u64::from(limit).min(u64_of(LEDGER_ITEMS_MAX));
        let page = PageQuery {
            cursor: cursor.map(|cursor| Data(cursor.to_vec())),
            limit: Some(Quantity::new(limit)),
            ..PageQuery::default()
        };
        self.call("ledger_list", &json!([list, page]))
    }
}

/// Takes the expected kind out of an answer.
macro_rules! expect {
    ($answer:expr, $kind:path, $what:literal) => {
        match $answer {
            $kind(value) => Ok(value),
            _ => Err(NodeError::Answer { what: $what.to_owned(), reason: "it is of another kind".to_owned() }),
        }
    };
}

fn inner<T>(records: Vec<Record<T>>) -> Vec<T> {
    records.into_iter().map(Record::into_inner).collect()
}

fn page<T>(items: Vec<Record<T>>, next: Option<Data>) -> Page<T> {
    Page { items: inner(items), next: next.map(|cursor| cursor.0) }
}

impl Node for HttpNode {
    fn network(&self) -> Result<NetworkInfo, NodeError> {
        let genesis: Genesis = self.call_once("chain_getGenesis", &json!([]))?;
        let status: Status = self.call_once("ledger_status", &json!([]))?;
        Ok(NetworkInfo {
            name: genesis.name,
            network: genesis.network,
            chain_id: ChainId::new(genesis.chain_id.get()),
            cluster: status.cluster,
        })
    }

    fn put_shard(&self, place: &ShardPlace, bytes: &[u8]) -> Result<ShardAck, NodeError> {
        self.put(place, bytes)
    }

    fn get_shard(&self, part: &ShardPart, target: &mut [u8]) -> Result<(), NodeError> {
        self.read(part, target)
    }

    fn submit(&self, commands: &[SignedCommand]) -> Result<Vec<Result<Applied, Refusal>>, NodeError> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for part in commands.chunks(LEDGER_ITEMS_MAX) {
            let part: Vec<Data> = part.iter().map(|command| Data(command.encode())).collect();
            let part: Vec<Outcome> = self.call("ledger_submit", &json!([part]))?;
            outcomes.extend(part.into_iter().map(Outcome::into_result));
        }
        Ok(outcomes)
    }

    fn vault(&self, vault: &VaultId) -> Result<Option<VaultRecord>, NodeError> {
        let answer = self.get(&LedgerQuery::Vault { vault: *vault })?;
        Ok(expect!(answer, LedgerAnswer::Vault, "a vault")?.map(Record::into_inner))
    }

    fn vaults_of(&self, owner: &Address) -> Result<Vec<VaultRecord>, NodeError> {
        let answer = self.get(&LedgerQuery::VaultsOf { owner: *owner })?;
        Ok(inner(expect!(answer, LedgerAnswer::VaultsOf, "vaults")?))
    }

    fn packs(&self, packs: &[PackId]) -> Result<Vec<Option<PackRecord>>, NodeError> {
        let answer = self.get(&LedgerQuery::Packs { packs: packs.to_vec() })?;
        let found = expect!(answer, LedgerAnswer::Packs, "packs")?;
        if found.len() != packs.len() {
            let reason = format!("{} places for {} packs", found.len(), packs.len());
            return Err(NodeError::Answer { what: "packs".to_owned(), reason });
        }
        Ok(found.into_iter().map(|pack| pack.map(Record::into_inner)).collect())
    }

    fn pack_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<PackRecord>, NodeError> {
        let answer = self.list(&LedgerList::Packs { vault: *vault }, cursor, limit)?;
        Ok(page(expect!(answer.items, LedgerItems::Packs, "packs")?, answer.next_cursor))
    }

    fn degraded_packs(&self) -> Result<u64, NodeError> {
        let status: Counted = self.call("ledger_status", &json!([]))?;
        Ok(status.totals.degraded_packs.get())
    }

    fn volumes(&self) -> Result<u64, NodeError> {
        let status: Disks = self.call("replica_status", &json!([]))?;
        Ok(u64::try_from(status.volumes.len()).unwrap_or(u64::MAX))
    }

    fn snapshot(&self, vault: &VaultId, seq: Option<u64>) -> Result<Option<SnapshotRecord>, NodeError> {
        let answer = self.get(&LedgerQuery::Snapshot { vault: *vault, seq: seq.map(Quantity::new) })?;
        Ok(expect!(answer, LedgerAnswer::Snapshot, "a snapshot")?.map(Record::into_inner))
    }

    fn snapshot_page(
        &self,
        vault: &VaultId,
        cursor: Option<&[u8]>,
        limit: u32,
    ) -> Result<Page<SnapshotRecord>, NodeError> {
        let answer = self.list(&LedgerList::Snapshots { vault: *vault }, cursor, limit)?;
        Ok(page(expect!(answer.items, LedgerItems::Snapshots, "snapshots")?, answer.next_cursor))
    }

    fn object(&self, vault: &VaultId, key: &ObjectKey) -> Result<Option<ObjectRecord>, NodeError> {
        let answer = self.get(&LedgerQuery::Object { vault: *vault, key: *key, version: None })?;
        Ok(expect!(answer, LedgerAnswer::Object, "an object")?.map(Record::into_inner))
    }

    fn object_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<ObjectRecord>, NodeError> {
        let answer = self.list(&LedgerList::Objects { vault: *vault }, cursor, limit)?;
        Ok(page(expect!(answer.items, LedgerItems::Objects, "objects")?, answer.next_cursor))
    }

    fn receipt(&self, commitment: &CommitmentHash) -> Result<Option<String>, NodeError> {
        let of = SnapshotId::Commitment { commitment: *commitment };
        match self.call::<Box<RawValue>>("proof_getReceipt", &json!([of])) {
            Ok(receipt) => Ok(Some(receipt.get().to_owned())),
            Err(NodeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
