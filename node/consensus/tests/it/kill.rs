//! The process dies without warning, at random moments and at chosen ones; what was final stays, and it goes on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chain_spec::ChainSpec;
use consensus::{ConsensusConfig, CrashPoint};
use primitives::{Address, Height, TimestampMs, TxHash};
use rand::Rng;

use super::support::{ACCOUNTS, Node, address, check_chain, config, spec_at};

const DIR: &str = "STRONGROOM_TEST_DIR";
const POINT: &str = "STRONGROOM_TEST_POINT";
const GENESIS: TimestampMs = TimestampMs::new(1_790_000_000_000);
/// SIGABRT, which a crash point ends in.
const ABORTED: i32 = 6;
const SINK: Address = Address::new([9; 20]);

fn spec() -> Arc<ChainSpec> {
    Arc::new(spec_at(GENESIS))
}

/// The child's part of a test: sends transfers until it dies, printing each that is final.
async fn run_child(dir: &Path, point: Option<CrashPoint>) {
    let settings = ConsensusConfig { crash_point: point, ..config(dir) };
    let node = Arc::new(Node::start_with(settings, dir, &spec()).await.unwrap());
    let senders = (1..=ACCOUNTS).map(|who| tokio::spawn(send_for_ever(Arc::clone(&node), who)));
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}

async fn send_for_ever(node: Arc<Node>, who: u8) {
    while node.tip() < u64::MAX {
        let nonce = node.consensus.pending_nonce(&address(who)).unwrap();
        let hash = node.send(who, nonce, SINK, 1).await;
        let (height, _) = node.settled(&hash).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "final {height} {hash}").unwrap();
        out.flush().unwrap();
    }
}

/// This test binary again, in the same test, as a node of its own.
fn spawn(test: &str, dir: &Path, point: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(DIR, dir)
        .env(POINT, point)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether this process is the child; then it has run its part.
async fn was_child() -> bool {
    let Ok(dir) = std::env::var(DIR) else { return false };
    let point = match std::env::var(POINT).unwrap().as_str() {
        "block-stored" => Some(CrashPoint::BlockStored),
        "decided" => Some(CrashPoint::Decided),
        "committed" => Some(CrashPoint::Committed),
        _ => None,
    };
    run_child(Path::new(&dir), point).await;
    true
}

/// Lets a child live until it reported `count` transactions as final and some time more, which nothing waits for: it only
/// makes the moment a random one. Kills it. Returns all that it reported.
fn live_and_die(child: &mut Child, count: usize, more: Duration) -> BTreeMap<TxHash, Height> {
    let mut lines =
        BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).filter_map(|line| report(&line));
    let mut known: BTreeMap<_, _> = lines.by_ref().take(count).collect();
    std::thread::sleep(more);
    // It may have died by itself, at a crash point.
    let _ = child.kill();
    child.wait().unwrap();
    known.extend(lines);
    known
}

/// A line of the child, if it reports a transaction; libtest prints its own words in front of the first one.
fn report(line: &str) -> Option<(TxHash, Height)> {
    let (height, hash) = line.split_once("final ")?.1.split_once(' ')?;
    Some((hash.parse().ok()?, Height::new(height.parse().ok()?)))
}

/// Opens what the dead left: everything reported is there, the chain is whole, and it goes on.
async fn check_after(dir: &Path, known: &BTreeMap<TxHash, Height>) -> u64 {
    let node = Node::start(dir, &spec()).await;
    for (hash, height) in known {
        assert_eq!(node.chain().transaction(hash).unwrap().map(|(height, _)| height), Some(*height));
    }
    let nonce = node.consensus.pending_nonce(&address(1)).unwrap();
    let hash = node.send(1, nonce, SINK, 1).await;
    node.settled(&hash).await;
    let count = check_chain(node.chain());
    assert_eq!(node.account(&SINK).balance, u128::from(count), "each transfer happened once");
    let tip = node.tip();
    node.stop().await;
    tip
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments() {
    if was_child().await {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut known = BTreeMap::new();
    for life in 0..8 {
        let mut child = spawn("kill::killed_at_random_moments", dir.path(), "none");
        // Every other one dies young, perhaps before it has started.
        let (count, more) = if life % 2 == 0 { (0, 600) } else { (rand::rng().random_range(1..60), 12) };
        let more = Duration::from_micros(rand::rng().random_range(0..more * 1000));
        known.extend(live_and_die(&mut child, count, more));
    }
    assert!(known.len() >= 4);
    check_after(dir.path(), &known).await;
}

/// The process dies between its precommit and the commit of the block, and the engine's log is gone. What the validator signed
/// for the height stands in the guard, the block in the store: started again, it signs the same once more and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_height_and_the_log_is_lost() {
    if was_child().await {
        return;
    }
    let test = "kill::killed_in_the_middle_of_a_height_and_the_log_is_lost";
    for point in ["block-stored", "decided"] {
        let dir = tempfile::tempdir().unwrap();
        let known = live_and_die(&mut spawn(test, dir.path(), "none"), 10, Duration::ZERO);
        for _ in 0..2 {
            let status = spawn(test, dir.path(), point).wait().unwrap();
            assert_eq!(status.signal(), Some(ABORTED), "{point}: the child aborts");
            std::fs::remove_file(dir.path().join("consensus/consensus.wal")).unwrap();
        }
        check_after(dir.path(), &known).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_of_a_block() {
    if was_child().await {
        return;
    }
    for point in ["block-stored", "decided", "committed"] {
        let dir = tempfile::tempdir().unwrap();
        let mut known = BTreeMap::new();
        // A first life, so that the crash meets a chain; the point then hits the first block of each further life.
        let mut child = spawn("kill::killed_at_each_step_of_a_block", dir.path(), "none");
        known.extend(live_and_die(&mut child, 10, Duration::ZERO));
        for _ in 0..3 {
            let mut child = spawn("kill::killed_at_each_step_of_a_block", dir.path(), point);
            let status = child.wait().unwrap();
            assert_eq!(status.signal(), Some(ABORTED), "{point}: the child aborts");
            known.extend(live_and_die(&mut child, usize::MAX, Duration::ZERO));
        }
        let tip = check_after(dir.path(), &known).await;
        assert!(tip >= 4, "{point}");
    }
}
