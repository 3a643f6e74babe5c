//! What an operation costs in a ledger of 10⁴, 10⁵, 10⁶ … packs (4+2, each shard on a node of its own): applying a pack,
//! reading one at random, building a snapshot; memory and disk.
//!
//! `cargo bench -p ledger -p unify --bench growth [-- PACKS] [--json FILE]`; a million packs take about 1.5 GB and ten minutes.

#[path = "../shared/arguments.rs"]
mod arguments;
mod fill;
#[path = "../shared/world.rs"]
mod world;

use std::path::Path;
use std::time::{Duration, Instant};

use arguments::Arguments;
use fill::{BATCH, Machine};
use ledger::Consistency;
use serde_json::json;
use store::{Store, StoreConfig};
use world::{World, header};

/// Packs over which the cost of applying is averaged, behind each size.
const SAMPLE: u64 = 64 * BATCH;
/// Random reads at each size.
const READS: u64 = 20_000;

/// Resident memory of this process now, MiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) >> 10
}

/// Bytes below a directory, MiB.
fn size(dir: &Path) -> u64 {
    fn bytes(dir: &Path) -> u64 {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let of = |entry: std::fs::DirEntry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        };
        entries.map(of).sum()
    }
    bytes(dir) >> 20
}

fn each(total: Duration, count: u64) -> Duration {
    total / u32::try_from(count.max(1)).expect("fewer than 2^32 operations")
}

/// Reads packs at random, linearizably, one after another; then builds a snapshot.
async fn reads_and_snapshot(world: &World, packs: u64) -> (Duration, Duration) {
    let started = Instant::now();
    for read in 0..READS {
        let pack = header(read.wrapping_mul(0x9E37_79B9_7F4A_7C15) % packs).id();
        let reader = world.ledger.read(Consistency::Linearizable).await.expect("it leads");
        assert!(reader.pack(&pack).expect("it reads").is_some());
    }
    let read = each(started.elapsed(), READS);
    let before = world.ledger.status().expect("it reads").snapshot;
    let started = Instant::now();
    world.ledger.snapshot_now().await.expect("it runs");
    while world.ledger.status().expect("it reads").snapshot == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (read, started.elapsed())
}

fn main() {
    let arguments = Arguments::parse();
    let packs = arguments.words.first().map_or(1_000_000, |word| word.parse().expect("packs, as a number"));
    let mut results = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    println!(
        "|    packs | apply, thread | apply, wall | read, wall | snapshot | snapshot MiB | tables MiB | RSS MiB |"
    );
    println!(
        "|---------:|--------------:|------------:|-----------:|---------:|-------------:|-----------:|--------:|"
    );
    for size_wanted in (4..).map(|power| 10u64.pow(power)).take_while(|size| *size <= packs) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("db"), StoreConfig::default()).expect("an empty database opens");
        let machine = Machine::new(store);
        machine.fill(0, size_wanted);
        let cost = machine.fill(size_wanted, size_wanted + SAMPLE);
        let rss = resident();
        let tables = size(&dir.path().join("db"));
        let (read, snapshot, snapshot_mib) = runtime.block_on(async {
            let world = World::start_on(machine.store.clone(), dir).await;
            let (read, snapshot) = reads_and_snapshot(&world, size_wanted).await;
            drop(machine);
            let dir = world.end().await;
            (read, snapshot, size(&dir.path().join("snapshots")))
        });
        println!(
            "| {size_wanted:>8} | {:>13.2?} | {:>11.2?} | {read:>10.2?} | {snapshot:>8.2?} | {snapshot_mib:>12} | {tables:>10} | {rss:>7} |",
            each(cost.cpu, cost.packs),
            each(cost.wall, cost.packs),
        );
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        results.push(json!({ "packs": size_wanted, "applyThreadMicros": micros(each(cost.cpu, cost.packs)),
            "applyWallMicros": micros(each(cost.wall, cost.packs)), "readMicros": micros(read),
            "snapshotMicros": micros(snapshot), "snapshotMib": snapshot_mib, "tablesMib": tables, "rssMib": rss }));
    }
    arguments.keep(&results.into());
}
