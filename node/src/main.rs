//! Runs Strongroom: chain node, storage node, client and auditor in one binary.
//!
//! ```text
//!   main ─► cli ─┬─► run ─► wiring ─► store, consensus, ledger, replica, rpc
//!                └─► client commands ─► client (SDK) ─► a node's RPC
//! ```

mod backend;
mod cli;
mod config;
mod cosigner;
mod directory;
mod keys;
mod member;
mod network;
mod relay;
mod telemetry;
mod wiring;

/// Measured with the RPC load of the design's research: a third more answers a second than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
