//! Closed loops of clients: writes and reads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger::{Consistency, Ledger};
use parity_scale_codec::Encode as _;
use primitives::ledger::{Applied, SignedCommand};
use serde_json::{Value, json};

use crate::world::{cpu_time, vault};

/// What is submitted, by how many clients, how much at once.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) clients: u64,
    /// Commands that one signature covers.
    pub(crate) batch: u64,
    /// Commands a second for which submissions are prepared; when there are none left, the run ends early.
    pub(crate) rate_max: u64,
    /// Makes the submission of a client (numbered from 0) with a serial (from 1).
    pub(crate) make: fn(Self, u64, u64) -> SignedCommand,
}

/// Runs the clients of a load for a while; prints and returns commands a second, times of a submission, processor time a
/// command.
pub(crate) async fn write(ledger: &Ledger, load: Load, seconds: u64) -> Value {
    // Signing is the clients' work, not the ledger's: commands are made before the clock starts.
    let queues = sign(load, seconds).await;
    let bytes = queues[0][0].encoded_size();
    let done = Arc::new(AtomicU64::new(0));
    let (cpu, started) = (cpu_time(), Instant::now());
    let until = started + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for queue in queues {
        let (ledger, done) = (ledger.clone(), Arc::clone(&done));
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for signed in queue {
                if Instant::now() >= until {
                    break;
                }
                let begun = Instant::now();
                let outcomes = ledger.submit(vec![signed]).await.expect("the ledger runs");
                times.push(begun.elapsed());
                for outcome in outcomes {
                    match outcome.expect("a good command") {
                        Applied::Batch { outcomes } => assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}"),
                        Applied::Done | Applied::Pack { .. } | Applied::Snapshot { .. } => {}
                    }
                }
                done.fetch_add(load.batch, Ordering::Relaxed);
            }
            times
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("a client does not panic"));
    }
    let (took, cpu) = (started.elapsed(), cpu_time() - cpu);
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let rate = Rate { done: done.load(Ordering::Relaxed), took, cpu };
    println!(
        "| {:<38} | {:>7} | {rate} | {bytes:>6} B | {:>8.2?} | {:>8.2?} |",
        load.name,
        load.clients,
        at(50),
        at(99)
    );
    json!({ "load": load.name, "clients": load.clients, "batch": load.batch, "bytes": bytes, "perSecond": rate.per_second(),
        "cpuMicrosEach": rate.cpu_each().as_secs_f64() * 1e6, "p50Micros": at(50).as_secs_f64() * 1e6,
        "p99Micros": at(99).as_secs_f64() * 1e6 })
}

async fn sign(load: Load, seconds: u64) -> Vec<Vec<SignedCommand>> {
    let prepared = (load.rate_max * seconds).div_ceil(load.clients * load.batch);
    let sign = |client| move || (1..=prepared).map(|serial| (load.make)(load, client, serial)).collect::<Vec<_>>();
    let signed: Vec<_> = (0..load.clients).map(|client| tokio::task::spawn_blocking(sign(client))).collect();
    let mut queues = Vec::new();
    for queue in signed {
        queues.push(queue.await.expect("signing does not panic"));
    }
    queues
}

/// Linearizable reads of one record.
pub(crate) async fn read(ledger: &Ledger, clients: u64, seconds: u64) -> Value {
    let (cpu, started) = (cpu_time(), Instant::now());
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            let mut reads = 0u64;
            while started.elapsed() < Duration::from_secs(seconds) {
                let reader = ledger.read(Consistency::Linearizable).await.expect("it leads");
                assert!(reader.vault(&vault()).expect("it reads").is_some());
                reads += 1;
            }
            reads
        }));
    }
    let mut reads = 0;
    for task in tasks {
        reads += task.await.expect("a client does not panic");
    }
    let rate = Rate { done: reads, took: started.elapsed(), cpu: cpu_time() - cpu };
    let name = "linearizable reads of a vault";
    println!("| {name:<38} | {clients:>7} | {rate} | {:>8} | {:>8} | {:>8} |", "", "", "");
    json!({ "load": name, "clients": clients, "perSecond": rate.per_second(),
        "cpuMicrosEach": rate.cpu_each().as_secs_f64() * 1e6 })
}

/// Operations over a time.
struct Rate {
    done: u64,
    took: Duration,
    cpu: Duration,
}

impl Rate {
    fn per_second(&self) -> u64 {
        let rate = u128::from(self.done) * 1000 / self.took.as_millis().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// Processor time of clients and ledger together.
    fn cpu_each(&self) -> Duration {
        self.cpu / u32::try_from(self.done.max(1)).expect("fewer than 2^32 operations")
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} | {:>8.1?}", self.per_second(), self.cpu_each())
    }
}
