//! What a client needs of a node.

use std::ops::Range;
use std::time::Duration;

use primitives::ledger::{Applied, ObjectRecord, PackRecord, Refusal, SignedCommand, SnapshotRecord, VaultRecord};
use primitives::{Address, ChainId, CommitmentHash, Hash32, NetworkId, ObjectKey, PackId, ShardAck, ShardId, VaultId};

/// Which network a node belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInfo {
    /// The network's name.
    pub name: String,
    /// Its id.
    pub network: NetworkId,
    /// Chain id, as wallets see it.
    pub chain_id: ChainId,
    /// The root cluster that takes commands and commits for owners.
    pub cluster: Hash32,
}

/// A shard and its place in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardPlace {
    /// The pack.
    pub pack: PackId,
    /// Place among the pack's shards, from 0.
    pub index: u8,
    /// How many shards the pack has.
    pub width: u8,
    /// The shard.
    pub shard: ShardId,
}

/// Bytes of a shard that are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPart {
    /// The shard.
    pub shard: ShardId,
    /// Which of its bytes.
    pub range: Range<u64>,
    /// Give up when the answer has not begun by then; `None` = only when the node seems gone.
    pub patience: Option<Duration>,
}

/// Why a node did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// No answer; the same request may succeed later.
    #[error("the node at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The node answers that it cannot now; the same request may succeed later.
    #[error("the node cannot {what} now: {reason}")]
    NotNow {
        /// What was asked.
        what: String,
        /// What it says.
        reason: String,
    },
    /// The answer did not begin within the time that the caller was willing to wait.
    #[error("the node did not {what} within {waited_ms} ms")]
    Slow {
        /// What was asked.
        what: String,
        /// How long the caller waited, milliseconds.
        waited_ms: u64,
    },
    /// The node refuses for good.
    #[error("the node refuses to {what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it says.
        reason: String,
    },
    /// It was there, and its bytes are not right any more: never served.
    #[error("the node's {what} is damaged")]
    Damaged {
        /// What was asked for.
        what: String,
    },
    /// There is no such thing.
    #[error("the node has no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The answer makes no sense: another program, or another version.
    #[error("the node's answer to {what} makes no sense: {reason}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong.
        reason: String,
    },
}

impl NodeError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotNow { .. } | Self::Slow { .. })
    }
}

/// One page of a list and, unless it is the last, where the next one starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page.
    pub next: Option<Vec<u8>>,
}

/// A node of the network, as a client uses it. Every method blocks; calls from several threads run at the same time.
///
/// Nothing that a node says is believed: bytes are hashed, sealed records opened, acknowledgements verified.
pub trait Node: Send + Sync {
    /// Which network this is.
    ///
    /// # Errors
    /// [`NodeError`], as for all methods.
    fn network(&self) -> Result<NetworkInfo, NodeError>;

    /// Stores a shard; the acknowledgement means that it is durable.
    ///
    /// # Errors
    /// [`NodeError`].
    fn put_shard(&self, place: &ShardPlace, bytes: &[u8]) -> Result<ShardAck, NodeError>;

    /// Reads a part of a shard into `target`, which is exactly as long.
    ///
    /// # Errors
    /// [`NodeError`]; `NotFound` when nobody has the shard, `Damaged` when its bytes are not right any more, `Slow` when patience ran out.
    fn get_shard(&self, part: &ShardPart, target: &mut [u8]) -> Result<(), NodeError>;

    /// Submits commands, in order; one outcome each.
    ///
    /// # Errors
    /// [`NodeError`]; the outcome of every command is then unknown.
    fn submit(&self, commands: &[SignedCommand]) -> Result<Vec<Result<Applied, Refusal>>, NodeError>;

    /// A vault.
    ///
    /// # Errors
    /// [`NodeError`].
    fn vault(&self, vault: &VaultId) -> Result<Option<VaultRecord>, NodeError>;

    /// All vaults of an owner.
    ///
    /// # Errors
    /// [`NodeError`].
    fn vaults_of(&self, owner: &Address) -> Result<Vec<VaultRecord>, NodeError>;

    /// Packs by id, one place for each.
    ///
    /// # Errors
    /// [`NodeError`].
    fn packs(&self, packs: &[PackId]) -> Result<Vec<Option<PackRecord>>, NodeError>;

    /// A page of a vault's packs, in the order they were recorded.
    ///
    /// # Errors
    /// [`NodeError`].
    fn pack_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<PackRecord>, NodeError>;

    /// Packs of the whole network with fewer holders than their policy places. While there are none, no pack is lost.
    ///
    /// # Errors
    /// [`NodeError`].
    fn degraded_packs(&self) -> Result<u64, NodeError>;

    /// Volumes that packs are placed on, also those that are missing at the moment.
    ///
    /// # Errors
    /// [`NodeError`].
    fn volumes(&self) -> Result<u64, NodeError>;

    /// A snapshot; the last one when `seq` is `None`.
    ///
    /// # Errors
    /// [`NodeError`].
    fn snapshot(&self, vault: &VaultId, seq: Option<u64>) -> Result<Option<SnapshotRecord>, NodeError>;

    /// A page of a vault's snapshots, oldest first.
    ///
    /// # Errors
    /// [`NodeError`].
    fn snapshot_page(
        &self,
        vault: &VaultId,
        cursor: Option<&[u8]>,
        limit: u32,
    ) -> Result<Page<SnapshotRecord>, NodeError>;

    /// The newest version of an object.
    ///
    /// # Errors
    /// [`NodeError`].
    fn object(&self, vault: &VaultId, key: &ObjectKey) -> Result<Option<ObjectRecord>, NodeError>;

    /// A page of a vault's objects.
    ///
    /// # Errors
    /// [`NodeError`].
    fn object_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<ObjectRecord>, NodeError>;

    /// The receipt of a commitment, as JSON text; `None` while it is not final.
    ///
    /// # Errors
    /// [`NodeError`].
    fn receipt(&self, commitment: &CommitmentHash) -> Result<Option<String>, NodeError>;
}
