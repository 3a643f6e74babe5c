//! Every option of a node, with its default.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Every option of a node, with its default. `strongroom config show` prints the one in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where the node keeps its keys, chain, ledger and (unless `storage.volumes` says otherwise) volumes.
    pub(crate) data_dir: DataDirPath,
    /// JSON-RPC and shards.
    pub(crate) rpc: RpcConfig,
    /// Prometheus metrics.
    pub(crate) metrics: MetricsConfig,
    /// Blocks.
    pub(crate) chain: ChainConfig,
    /// Volumes, scrub, repair.
    pub(crate) storage: StorageConfig,
    /// The database: its memory, and the room that it leaves.
    pub(crate) store: StoreSection,
    /// Log output.
    pub(crate) log: LogConfig,
}

/// A path with the platform's data directory as default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DataDirPath(pub(crate) PathBuf);

impl Default for DataDirPath {
    fn default() -> Self {
        Self(dirs::data_dir().unwrap_or_else(|| PathBuf::from(".")).join("strongroom").join("node"))
    }
}

/// JSON-RPC and shards, on one port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RpcConfig {
    /// Address to listen on. Default `127.0.0.1:8545`; put a TLS proxy in front before opening it to others.
    pub(crate) addr: SocketAddr,
    /// Origins that browsers may call from; empty = none, `*` = all.
    pub(crate) cors: Vec<String>,
    /// Host names accepted in requests besides IP addresses and `localhost`.
    pub(crate) hosts: Vec<String>,
    /// Most connections at once. Default 1000; range 1 to 65,536.
    pub(crate) connections_max: u32,
    /// Most of them that are a WebSocket at once. Default 64; range 0 (none) to 65,536.
    pub(crate) sockets_max: u32,
    /// A connection without a whole request head for so many seconds is closed, a WebSocket that answers no ping after ten times
    /// as long. Default 30; range 1 to 3,600.
    pub(crate) header_seconds: u64,
    /// Within so many seconds `idle_kib_min` of a request must come, and of an answer be taken. Default 30; range 1 to 3,600.
    pub(crate) idle_seconds: u64,
    /// How much must move within `idle_seconds`, KiB. Default 64; range 1 to 1,048,576.
    pub(crate) idle_kib_min: u32,
    /// Longest JSON-RPC request, MiB. Default 24: the longest ledger command in hex, and change; range 1 to 1,024.
    pub(crate) request_mib_max: u32,
    /// Longest JSON-RPC answer, of a batch too, MiB. Default 32; range 1 to 1,024.
    pub(crate) response_mib_max: u32,
    /// Memory for JSON-RPC requests above 64 KiB, MiB, counted twice; one that takes more comes alone. Default 256; range 1 to
    /// 1,048,576.
    pub(crate) request_memory_mib: u32,
    /// Memory for JSON-RPC answers above 64 KiB, MiB; one that takes more goes alone. Default 256; range 1 to 1,048,576.
    pub(crate) response_memory_mib: u32,
    /// Most requests in a batch. Default 1000; range 1 to 100,000.
    pub(crate) batch_max: u32,
    /// Most blocks that one `eth_getLogs` looks at. Default 10,000; range 1 to 10,000,000.
    pub(crate) log_blocks_max: u64,
    /// Most logs that one `eth_getLogs` returns. Default 10,000; range 1 to 1,000,000.
    pub(crate) logs_max: u32,
    /// Most calls that walk many blocks or records at once: `eth_getLogs`, `eth_feeHistory`, `snapshot_list`,
    /// `audit_getChain`. Default 4; range 1 to 256, half of the threads that read disks.
    pub(crate) scans_max: u32,
    /// How long such a call waits for its turn before it is told to come back. Default 30; range 0 to 600.
    pub(crate) scan_wait_seconds: u64,
    /// Memory for assembled blocks, MiB. Default 64; range 1 to 65,536.
    pub(crate) block_cache_mib: u32,
    /// Memory for shards on their way in, MiB, which bounds how many come at once. Default 256; range 32 to 1,048,576.
    pub(crate) shard_put_mib: u32,
    /// Memory for shards on their way out, MiB, which bounds how many go at once. Default 256; range 32 to 1,048,576.
    pub(crate) shard_get_mib: u32,
    /// What a reader must take of its shard or long answer while others wait for that memory, KiB a second. Default 1024; range
    /// 1 to 1,048,576.
    pub(crate) shard_get_kib_per_second: u32,
    /// How long a shard, a long request or a long answer waits for its memory before its sender or reader is told to come
    /// back. Default 2; range 0 to 600.
    pub(crate) shard_wait_seconds: u64,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8545)),
            cors: Vec::new(),
            hosts: Vec::new(),
            connections_max: 1000,
            sockets_max: 64,
            header_seconds: 30,
            idle_seconds: 30,
            idle_kib_min: 64,
            request_mib_max: 24,
            response_mib_max: 32,
            request_memory_mib: 256,
            response_memory_mib: 256,
            batch_max: 1000,
            log_blocks_max: 10_000,
            logs_max: 10_000,
            scans_max: 4,
            scan_wait_seconds: 30,
            block_cache_mib: 64,
            shard_put_mib: 256,
            shard_get_mib: 256,
            shard_get_kib_per_second: 1024,
            shard_wait_seconds: 2,
        }
    }
}

/// Prometheus metrics, on their own port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsConfig {
    /// Whether to serve metrics. Default true.
    pub(crate) enabled: bool,
    /// Address to listen on. Default `127.0.0.1:9545`.
    pub(crate) addr: SocketAddr,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { enabled: true, addr: SocketAddr::from(([127, 0, 0, 1], 9545)) }
    }
}

/// Blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChainConfig {
    /// A block without transactions is made after this many seconds. Default 30; range 1 to 86,400.
    pub(crate) heartbeat_seconds: u64,
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self { heartbeat_seconds: 30 }
    }
}

/// Volumes, scrub, repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageConfig {
    /// One directory a disk. Empty = `volume_count` directories under the data directory.
    pub(crate) volumes: Vec<PathBuf>,
    /// How many volumes to make under the data directory when `volumes` is empty. Default 6; range 1 to 64.
    pub(crate) volume_count: u16,
    /// Every shard is re-hashed within this many days. Default 30; range 1 to 3,650.
    pub(crate) scrub_days: u32,
    /// How often volumes are looked at, seconds. Default 2; range 1 to 3,600.
    pub(crate) check_seconds: u64,
    /// Shards of packs that were never recorded are removed after this many hours; 0 = never. Default 24; range 0 to 8,760.
    pub(crate) orphan_hours: u32,
    /// High-water mark: a volume takes no new shards when this share of its disk is in use, percent. Default 95; range 10 to
    /// 100.
    pub(crate) full_percent: u16,
    /// From this share of its disk in use on, percent, a volume takes no repaired shards either. Default 97; range
    /// `full_percent` to 100.
    pub(crate) repair_full_percent: u16,
    /// Repair rebuilds at most this many MiB a second; 0 = no limit. Default 200.
    pub(crate) repair_mib_per_second: u32,
    /// Repair holds shards in at most this much memory, MiB; a pack that takes more is repaired alone. Default 96; range 1 to
    /// 65,536.
    pub(crate) repair_memory_mib: u32,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            volumes: Vec::new(),
            volume_count: 6,
            scrub_days: 30,
            check_seconds: 2,
            orphan_hours: 24,
            full_percent: 95,
            repair_full_percent: 97,
            repair_mib_per_second: 200,
            repair_memory_mib: 96,
        }
    }
}

/// The database: its memory, and the room that it leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSection {
    /// Block cache, MiB. Default 128.
    pub(crate) block_cache_mib: usize,
    /// Write buffers, MiB. Default 128.
    pub(crate) write_buffer_mib: usize,
    /// MiB that stay free on the disk of the data directory: with less, new commands and transactions are refused. Default
    /// 512, which holds what the database writes at once; 0 = never refused for this; range 0 to 1,073,741,824.
    pub(crate) free_mib_min: u32,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { block_cache_mib: 128, write_buffer_mib: 128, free_mib_min: 512 }
    }
}

/// Log output, to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// Filter in tracing's syntax, such as `info,replica=debug`. Default: `info` of ours, `warn` of the engines.
    pub(crate) filter: String,
    /// `text` or `json`. Default `text`.
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: DEFAULT_FILTER.to_owned(), format: LogFormat::Text }
    }
}

/// The engines tell every step at `info`; an operator wants to hear of them when something is wrong.
const DEFAULT_FILTER: &str = "warn,node=info,rpc=info,relay=info,replica=info,ledger=info,consensus=info,store=info";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}
