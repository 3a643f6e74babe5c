//! The schema on one page: every table with its key and its value.
//!
//! Values are SCALE unless they say [`Raw`]. A change of a stored format gets a new table and a migration.

use primitives::ledger::{
    NodeRecord, ObjectRecord, PackRecord, SessionOutcome, SnapshotRecord, Totals, TrustedSet, VaultRecord,
};
use primitives::{
    Address, BlockHash, Certificate, Commitment, CommitmentHash, EthHash, Hash32, Header, Height, LogHash, NodeKey,
    ObjectKey, PackId, ShardId, TxHash, VaultId, VolumeId,
};

use crate::{Raw, Table};

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident = $name:literal: $key:ty => $value:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $table {}

            impl Table for $table {
                const NAME: &'static str = $name;
                type Key = $key;
                type Value = $value;
            }
        )*

        /// Names of all tables.
        pub const TABLES: &[&str] = &[$($name),*];
    };
}

tables! {
    // ── node ────────────────────────────────────────────────────────────────────────────────────
    /// Facts about this database, by name: format version, network id.
    NodeMeta = "node-meta": String => Vec<u8>;

    // ── chain (written by consensus, one batch a block) ─────────────────────────────────────────
    /// Header of each final block.
    ChainHeaders = "chain-headers": Height => Header;
    /// Transactions of each final block: EIP-2718 bytes, in order.
    ChainBodies = "chain-bodies": Height => Vec<Vec<u8>>;
    /// Certificate of each final block.
    ChainCertificates = "chain-certificates": Height => Certificate;
    /// Receipts of each final block, SCALE of `Vec<runtime::TxReceipt>`.
    ChainReceipts = "chain-receipts": Height => Raw;
    /// Derived Ethereum header hash of each final block.
    ChainEthHashes = "chain-eth-hashes": Height => EthHash;
    /// Block hash → height.
    ChainByHash = "chain-by-hash": BlockHash => Height;
    /// Ethereum hash → height.
    ChainByEthHash = "chain-by-eth-hash": EthHash => Height;
    /// Transaction hash → height and position.
    ChainByTx = "chain-by-tx": TxHash => (Height, u32);
    /// Validator set that signs a height, written where it changes.
    ChainValidators = "chain-validators": Height => primitives::ValidatorSet;
    /// Bodies proposed and not yet decided: value id → SCALE block.
    ChainUndecided = "chain-undecided": (Height, BlockHash) => Raw;
    /// Transactions accepted and not yet in a block, in order of arrival.
    ChainPool = "chain-pool": u64 => Vec<u8>;
    /// Latest state, flat: state key → value.
    StateLatest = "state-latest": Vec<u8> => Raw;
    /// State tree nodes: borsh node key → borsh node.
    StateNodes = "state-nodes": Vec<u8> => Raw;
    /// State tree values: key hash, version → value (`None` = deleted).
    StateValues = "state-values": (Hash32, u64) => Option<Vec<u8>>;
    /// State tree nodes that went stale: version since, node key.
    StateStale = "state-stale": (u64, Vec<u8>) => ();
    /// Snapshot log nodes in post-order.
    LogNodes = "log-nodes": u64 => LogHash;
    /// Commitment of each leaf.
    LogLeaves = "log-leaves": u64 => Commitment;
    /// Commitment hash → leaf index and height of its block.
    LogByHash = "log-by-hash": CommitmentHash => (u64, Height);

    // ── ledger (written by the Raft state machine, one batch an apply) ──────────────────────────
    /// Raft's own: last applied, membership, a snapshot whose installation has begun, by name.
    LedgerMeta = "ledger-meta": String => Raw;
    /// Counters over all of it.
    LedgerTotals = "ledger-totals": () => Totals;
    /// Validators whose certificates the ledger believes.
    LedgerTrust = "ledger-trust": () => TrustedSet;
    /// Vaults.
    LedgerVaults = "ledger-vaults": VaultId => VaultRecord;
    /// Vaults of an owner.
    LedgerOwners = "ledger-owners": (Address, VaultId) => ();
    /// Packs.
    LedgerPacks = "ledger-packs": PackId => PackRecord;
    /// Packs of a vault, in order of arrival.
    LedgerVaultPacks = "ledger-vault-packs": (VaultId, u64) => PackId;
    /// Shard id → packs that contain it, with its first index there.
    LedgerShards = "ledger-shards": (ShardId, PackId) => u8;
    /// Snapshots of a vault by sequence number.
    LedgerSnapshots = "ledger-snapshots": (VaultId, u64) => SnapshotRecord;
    /// Objects of a vault by key and version.
    LedgerObjects = "ledger-objects": (VaultId, ObjectKey, u64) => ObjectRecord;
    /// Latest version of each object.
    LedgerObjectHeads = "ledger-object-heads": (VaultId, ObjectKey) => u64;
    /// Storage nodes.
    LedgerNodes = "ledger-nodes": NodeKey => NodeRecord;
    /// Commitments that wait for the chain, by arrival: vault and sequence number.
    LedgerOutbox = "ledger-outbox": u64 => (VaultId, u64);
    /// Vault and sequence number → outbox row.
    LedgerOutboxRows = "ledger-outbox-rows": (VaultId, u64) => u64;
    /// Outcomes of the last commands of each session.
    LedgerSessions = "ledger-sessions": (Hash32, u64) => SessionOutcome;
    /// Highest serial of each session.
    LedgerSessionHeads = "ledger-session-heads": Hash32 => u64;
    /// Outcomes in order of arrival, one row a Raft entry, so that the oldest can be forgotten.
    LedgerSessionOrder = "ledger-session-order": u64 => Vec<(Hash32, u64)>;

    // ── replica ─────────────────────────────────────────────────────────────────────────────────
    /// Shards on this node's volumes: SCALE of the replica's own index record.
    ReplicaShards = "replica-shards": (VolumeId, ShardId) => Raw;
    /// bao outboards (16 KiB groups) of shards on this node.
    ReplicaOutboards = "replica-outboards": ShardId => Raw;
    /// Scrub position and volume facts, by name.
    ReplicaMeta = "replica-meta": String => Vec<u8>;
}
