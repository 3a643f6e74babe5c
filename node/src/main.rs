//! Runs Strongroom: chain node, storage node, client and auditor in one binary.
//!
//! ```text
//!   main ─► cli ─┬─► run ─► wiring ─► store, consensus, ledger, replica, rpc
//!                └─► client commands ─► client (SDK) ─► a node's RPC
//!                        └─► agent: a process that keeps keys unlocked between commands
//! ```

mod agent;
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
    use_small_pages();
    end_quietly_with_the_reader();
    cli::main()
}

/// Asks for no huge pages. The allocator would get them, and the kernel clears 2 MiB for each that is touched, also when
/// little of it is used: with them a backup spends a third of its processor time in clearing memory.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    // It is only faster; a system that does not know the request goes on without.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// `strongroom … | head` is no failure: when the reader of standard output has gone, so does this process, with the exit
/// code that a shell gives to SIGPIPE.
fn end_quietly_with_the_reader() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.contains("Broken pipe") {
            std::process::exit(141);
        }
        told(info);
    }));
}
