//! `ledger_`: the operational ledger. Typed reads on the client side: [`crate::LedgerReads`].

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use parity_scale_codec::Encode as _;
use primitives::ledger::{
    Applied, COMMAND_MAX, NodeRecord, ObjectRecord, PackRecord, Refusal, SnapshotRecord, Totals, VaultRecord,
};
use primitives::{Address, Hash32, MemberKey, ObjectKey, PackId, VaultId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Data, Quantity, Record};

/// Most commands in one submission, most ids in one query, most records in one page.
pub const LEDGER_ITEMS_MAX: usize = 1000;
/// Records in a page when the caller names no limit.
pub const LEDGER_PAGE_DEFAULT: usize = 100;

/// The operational ledger.
#[rpc(server, client, namespace = "ledger")]
pub trait LedgerApi {
    /// Submits signed commands (SCALE bytes of `SignedCommand`, at most [`LEDGER_ITEMS_MAX`]), in order; the answer is
    /// there when all are durable. One outcome each; a command that cannot be decoded fails the request.
    #[method(name = "submit")]
    async fn submit(&self, commands: Vec<Data>) -> RpcResult<Vec<Outcome>>;

    /// Reads what the query names.
    #[method(name = "get")]
    async fn get(&self, query: LedgerQuery, consistency: Option<Consistency>) -> RpcResult<LedgerReply>;

    /// Reads a page of what the query names.
    #[method(name = "list")]
    async fn list(&self, query: LedgerList, page: Option<Page>) -> RpcResult<LedgerPage>;

    /// The cluster and this member's state.
    #[method(name = "status")]
    async fn status(&self) -> RpcResult<LedgerStatus>;
}

/// What became of one command: `{"applied": {…}, "record": DATA}` or `{"refused": {…}, "message": …, "record": DATA}`.
///
/// `record` is the SCALE encoding of `Result<Applied, Refusal>`; a reader decodes it and ignores the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(pub Result<Applied, Refusal>);

impl Outcome {
    /// The outcome as a result.
    ///
    /// # Errors
    /// The refusal.
    pub fn into_result(self) -> Result<Applied, Refusal> {
        self.0
    }
}

impl From<Result<Applied, Refusal>> for Outcome {
    fn from(result: Result<Applied, Refusal>) -> Self {
        Self(result)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            applied: Option<&'a Applied>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refused: Option<&'a Refusal>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<String>,
            record: Data,
        }
        Fields {
            applied: self.0.as_ref().ok(),
            refused: self.0.as_ref().err(),
            message: self.0.as_ref().err().map(ToString::to_string),
            record: Data(self.0.encode()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            record: Data,
        }
        let fields = Fields::deserialize(deserializer)?;
        primitives::decode_exact("outcome", &fields.record.0, COMMAND_MAX).map(Self).map_err(de::Error::custom)
    }
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consistency {
    /// Sees every write acknowledged before the read began.
    #[default]
    Linearizable,
    /// What this member has applied; may lag.
    Stale,
}

/// What `ledger_get` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum LedgerQuery {
    /// One vault.
    Vault {
        /// Its id.
        vault: VaultId,
    },
    /// All vaults of an owner.
    VaultsOf {
        /// The account.
        owner: Address,
    },
    /// One pack.
    Pack {
        /// Its id.
        pack: PackId,
    },
    /// Several packs, at most [`LEDGER_ITEMS_MAX`].
    Packs {
        /// Their ids.
        packs: Vec<PackId>,
    },
    /// One snapshot.
    Snapshot {
        /// The vault.
        vault: VaultId,
        /// Sequence number; absent = the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Quantity>,
    },
    /// One object.
    Object {
        /// The vault.
        vault: VaultId,
        /// Keyed hash of the name.
        key: ObjectKey,
        /// Version; absent = the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Quantity>,
    },
}

/// What `ledger_get` found, and what it may have missed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LedgerReply {
    /// What was found.
    #[serde(flatten)]
    pub answer: LedgerAnswer,
    /// How fresh it is.
    pub consistency: Consistency,
    /// Index of the last ledger entry applied when it was read.
    pub applied: Quantity,
}

/// What `ledger_get` found; of the same kind as the query.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind", content = "result")]
pub enum LedgerAnswer {
    /// The vault, or `null`.
    Vault(Option<Record<VaultRecord>>),
    /// The owner's vaults.
    VaultsOf(Vec<Record<VaultRecord>>),
    /// The pack, or `null`.
    Pack(Option<Record<PackRecord>>),
    /// One place per id asked for: the pack, or `null`.
    Packs(Vec<Option<Record<PackRecord>>>),
    /// The snapshot, or `null`.
    Snapshot(Option<Record<SnapshotRecord>>),
    /// The object, or `null`.
    Object(Option<Record<ObjectRecord>>),
}

/// What `ledger_list` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum LedgerList {
    /// A vault's packs, in the order they were recorded.
    Packs {
        /// The vault.
        vault: VaultId,
    },
    /// A vault's snapshots, oldest first.
    Snapshots {
        /// The vault.
        vault: VaultId,
    },
    /// A vault's objects (newest version of each), ascending by key.
    Objects {
        /// The vault.
        vault: VaultId,
    },
    /// Storage nodes.
    Nodes,
    /// Commitments that wait for the chain, oldest first.
    Outbox,
}

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Page {
    /// Where the page before ended: its `nextCursor`, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Data>,
    /// At most so many, 1 to [`LEDGER_ITEMS_MAX`]; default [`LEDGER_PAGE_DEFAULT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Quantity>,
    /// How fresh.
    #[serde(default)]
    pub consistency: Consistency,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerPage {
    /// The records; of the same kind as the list.
    #[serde(flatten)]
    pub items: LedgerItems,
    /// Give it as `cursor` for the next page; `null` = this was the last.
    pub next_cursor: Option<Data>,
    /// How fresh it is.
    pub consistency: Consistency,
    /// Index of the last ledger entry applied when it was read.
    pub applied: Quantity,
}

/// The records of a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "items")]
pub enum LedgerItems {
    /// Packs.
    Packs(Vec<Record<PackRecord>>),
    /// Snapshots.
    Snapshots(Vec<Record<SnapshotRecord>>),
    /// Objects.
    Objects(Vec<Record<ObjectRecord>>),
    /// Storage nodes.
    Nodes(Vec<Record<NodeRecord>>),
    /// Commitments that wait.
    Outbox(Vec<OutboxItem>),
}

/// A commitment that waits for the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxItem {
    /// Its place in the outbox.
    pub position: Quantity,
    /// The vault.
    pub vault: VaultId,
    /// The snapshot's sequence number.
    pub seq: Quantity,
}

/// How the ledger is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStatus {
    /// The cluster.
    pub cluster: Hash32,
    /// This member's key.
    pub member: MemberKey,
    /// `leader`, `follower`, `candidate`, `learner` or `stopped`.
    pub role: String,
    /// The leader's key, when known.
    pub leader: Option<MemberKey>,
    /// Raft term.
    pub term: Quantity,
    /// Index of the last entry in this member's log; `null` = the log is empty.
    pub last_log: Option<Quantity>,
    /// Index of the last entry applied here.
    pub applied: Quantity,
    /// Bytes of the log on disk.
    pub log_bytes: Quantity,
    /// The voters.
    pub members: Vec<MemberKey>,
    /// Why this node takes no new commands and shards, such as a disk that is almost full; `null` = it takes them.
    #[serde(default)]
    pub refusing: Option<String>,
    /// What it holds.
    pub totals: LedgerTotals,
}

/// What the ledger holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerTotals {
    /// Vaults.
    pub vaults: Quantity,
    /// Packs.
    pub packs: Quantity,
    /// Bytes of their shards, parity included.
    pub stored_bytes: Quantity,
    /// Packs with fewer holders than their policy places.
    pub degraded_packs: Quantity,
    /// Snapshots.
    pub snapshots: Quantity,
    /// Versions of objects, tombstones included.
    pub objects: Quantity,
    /// Storage nodes.
    pub nodes: Quantity,
    /// Volumes that storage nodes announce.
    pub volumes: Quantity,
    /// Commitments that wait for the chain.
    pub outbox: Quantity,
}

impl From<Totals> for LedgerTotals {
    fn from(totals: Totals) -> Self {
        Self {
            vaults: totals.vaults.into(),
            packs: totals.packs.into(),
            stored_bytes: totals.stored_bytes.into(),
            degraded_packs: totals.degraded_packs.into(),
            snapshots: totals.snapshots.into(),
            objects: totals.objects.into(),
            nodes: totals.nodes.into(),
            volumes: totals.volumes.into(),
            outbox: u64::from(totals.outbox).into(),
        }
    }
}
