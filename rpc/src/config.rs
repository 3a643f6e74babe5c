//! What an operator can set.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Settings of the server; every limit has a default and a reason.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Where to listen. Default `127.0.0.1:8545`: nobody else reaches a node unless told.
    pub addr: SocketAddr,
    /// Origins whose pages may call the node from a browser (`https://…`, or `*` for any). Default none.
    pub cors: Vec<String>,
    /// Host names under which the node may be reached, beside `localhost` and IP addresses. A page of a stranger whose
    /// name was rebound to this machine is refused by this. Default none.
    pub hosts: Vec<String>,
    /// Limits on JSON-RPC.
    pub limits: RpcLimits,
    /// Limits on shard transfers.
    pub shards: ShardLimits,
    /// Limits on connections and on how slow whoever is at the other end may be.
    pub peers: PeerLimits,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            cors: Vec::new(),
            hosts: Vec::new(),
            limits: RpcLimits::default(),
            shards: ShardLimits::default(),
            peers: PeerLimits::default(),
        }
    }
}

/// Limits on JSON-RPC requests.
#[derive(Clone, Copy, Debug)]
pub struct RpcLimits {
    /// Longest request, bytes. Default 24 MiB: the longest ledger command in hex, and change.
    pub request_bytes_max: u32,
    /// Longest answer, of a batch too, bytes. Default 32 MiB.
    pub response_bytes_max: u32,
    /// Memory for requests above 64 KiB, counted twice as their bytes come, until they are answered. Default 256 MiB; a
    /// request that takes more comes alone. [`ShardLimits::wait`] holds for it too. Bytes.
    pub request_memory_bytes: usize,
    /// Memory for answers above 64 KiB, until their readers have taken them; a quarter of it is for those that wait.
    /// Default 256 MiB. [`ShardLimits::wait`] and [`ShardLimits::get_pace`] hold for it too. Bytes.
    pub response_memory_bytes: usize,
    /// Most requests in a batch. Default 1000, what viem sends at most.
    pub batch_max: u32,
    /// Most blocks that one `eth_getLogs` looks at. Default 10,000.
    pub log_blocks_max: u64,
    /// Most logs that one `eth_getLogs` returns. Default 10,000.
    pub logs_max: usize,
    /// Most calls that walk many blocks or records at once (`eth_getLogs`, `eth_feeHistory`, `snapshot_list`,
    /// `audit_getChain`). Default 4: more only wait for each other's processor and disk, on threads that others need.
    pub scans_max: usize,
    /// How long such a call waits for its turn before it is told to come back. Default 30 s, which clients wait for an answer.
    pub scan_wait: Duration,
    /// Memory for assembled blocks, bytes. Default 64 MiB.
    pub block_cache_bytes: usize,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            request_bytes_max: 24 * 1024 * 1024,
            response_bytes_max: 32 * 1024 * 1024,
            request_memory_bytes: 256 * 1024 * 1024,
            response_memory_bytes: 256 * 1024 * 1024,
            batch_max: 1000,
            log_blocks_max: 10_000,
            logs_max: 10_000,
            scans_max: 4,
            scan_wait: Duration::from_secs(30),
            block_cache_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Limits on shard transfers.
#[derive(Clone, Copy, Debug)]
pub struct ShardLimits {
    /// Memory for shards on their way in, bytes. Default 256 MiB.
    pub put_bytes_max: usize,
    /// Memory for shards on their way out, bytes. Default 256 MiB.
    pub get_bytes_max: usize,
    /// What a reader must take of its shard, or of a long answer, while others wait for that memory, bytes a second. Default 1 MiB: so that a
    /// few who take next to nothing do not keep everybody from reading, and ordinary lines suffice.
    pub get_pace: usize,
    /// How long a shard, a long request or a long answer waits for its memory before it is told to come back. Default 2 s.
    pub wait: Duration,
}

impl Default for ShardLimits {
    fn default() -> Self {
        Self {
            put_bytes_max: 256 * 1024 * 1024,
            get_bytes_max: 256 * 1024 * 1024,
            get_pace: 1024 * 1024,
            wait: Duration::from_secs(2),
        }
    }
}

/// Limits on connections. Whoever opens many and is slow on each holds memory that others need: a body that is being
/// sent and an answer that is being read must move `bytes_min` in every `idle`, or end.
#[derive(Clone, Copy, Debug)]
pub struct PeerLimits {
    /// Most connections at once; more are told to come back. Default 1000.
    pub connections_max: u32,
    /// Most connections that go on as a WebSocket at once; more are told to come back. Default 64; 0 = none: they take no part in
    /// the memory budgets of JSON-RPC.
    pub sockets_max: u32,
    /// How long a connection may be without a whole request head, at its beginning and between requests. Default 30 s. Every
    /// so often a WebSocket is asked for a sign of life; ten times as long without one, and it is closed.
    pub header: Duration,
    /// In how long something must move. Default 30 s.
    pub idle: Duration,
    /// How much must move in that time, bytes. Default 64 KiB, which makes 2 KiB a second.
    pub bytes_min: u64,
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self {
            connections_max: 1000,
            sockets_max: 64,
            header: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            bytes_min: 64 * 1024,
        }
    }
}
