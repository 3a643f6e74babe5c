//! The whole server over real sockets, with a node in memory behind it: blocks are executed by the real runtime, proofs
//! and receipts are real; only disks, consensus and other nodes are not there.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod docs;
mod eth;
mod eth_logs;
mod http;
mod ledger;
mod memory;
mod native;
mod node;
mod node_ledger;
mod node_replica;
mod protocol;
mod shards;
mod slow;
mod sockets;
mod wire;
