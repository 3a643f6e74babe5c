//! Strongroom and restic on the same tree, in the same run, turn by turn.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail};
use serde_json::{Value, json};

use super::process::{Cost, measure};
use super::report;
use super::trees::Tree;
use crate::cargo;

/// Runs of each operation; the table shows the median.
const ROUNDS: usize = 3;

/// Operations, in the order of a round.
const OPERATIONS: [&str; 3] = ["backup", "re-backup", "restore"];

/// Measures both programs on one tree.
pub(super) fn beside_restic(tree: &Tree) -> Result<Value> {
    let binary = cargo::strongroom()?;
    let restic = ensure_restic();
    let place = tempfile::Builder::new().prefix("strongroom-bench-").tempdir()?;
    let source = place.path().join("source");
    println!("making {} …", tree.name);
    tree.make(&source)?;
    let mut ours: [Vec<Cost>; 3] = Default::default();
    let mut theirs: [Vec<Cost>; 3] = Default::default();
    let mut node_rss = 0;
    for round in 0..ROUNDS {
        // New directories each round: ext4 avoids inodes freed a moment ago, which would slow the second program.
        let ours_place = place.path().join(format!("ours-{round}"));
        let theirs_place = place.path().join(format!("restic-{round}"));
        let (costs, rss) = strongroom_round(&binary, &ours_place, &source)?;
        node_rss = node_rss.max(rss);
        push(&mut ours, costs);
        if restic {
            push(&mut theirs, restic_round(&theirs_place, &source)?);
        }
    }
    let mut rows = Vec::new();
    let mut document = serde_json::Map::new();
    for (index, operation) in OPERATIONS.iter().enumerate() {
        let (mine, other) = (median(&ours[index]), median(&theirs[index]));
        rows.push(vec![
            (*operation).to_owned(),
            show_wall(mine),
            show_wall(other),
            match (mine, other) {
                (Some(mine), Some(other)) => format!("{:.1}×", other.wall.as_secs_f64() / mine.wall.as_secs_f64()),
                _ => "–".to_owned(),
            },
            show_rss(mine),
            show_rss(other),
        ]);
        document.insert(
            (*operation).to_owned(),
            json!({ "strongroomSeconds": seconds(&ours[index]), "resticSeconds": seconds(&theirs[index]),
                    "strongroomRssBytes": mine.map(|cost| cost.rss_bytes), "resticRssBytes": other.map(|cost| cost.rss_bytes) }),
        );
    }
    document.insert("nodeRssBytes".to_owned(), json!(node_rss));
    report::table(&[tree.name, "strongroom", "restic", "ratio", "RSS strongroom", "RSS restic"], &rows);
    println!("peak RSS of the node process: {} MiB", node_rss >> 20);
    Ok(Value::Object(document))
}

fn push(all: &mut [Vec<Cost>; 3], costs: [Cost; 3]) {
    for (list, cost) in all.iter_mut().zip(costs) {
        list.push(cost);
    }
}

fn median(costs: &[Cost]) -> Option<Cost> {
    let mut sorted = costs.to_vec();
    sorted.sort_by_key(|cost| cost.wall);
    sorted.get(sorted.len() / 2).copied()
}

fn show_wall(cost: Option<Cost>) -> String {
    cost.map_or_else(|| "–".to_owned(), |cost| format!("{:.2} s", cost.wall.as_secs_f64()))
}

fn show_rss(cost: Option<Cost>) -> String {
    cost.map_or_else(|| "–".to_owned(), |cost| format!("{} MiB", cost.rss_bytes >> 20))
}

fn seconds(costs: &[Cost]) -> Vec<f64> {
    costs.iter().map(|cost| cost.wall.as_secs_f64()).collect()
}

fn ensure_restic() -> bool {
    let present =
        || Command::new("restic").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !present() && cargo::has("apt-get") && rustix::process::geteuid().is_root() {
        cargo::run(
            Command::new("apt-get").args(["install", "-y", "-qq", "restic"]).env("DEBIAN_FRONTEND", "noninteractive"),
        )
        .ok();
    }
    let found = present();
    if !found {
        println!("restic is not installed (Debian: apt-get install restic): only strongroom is measured");
    }
    found
}

fn restic_round(place: &Path, source: &Path) -> Result<[Cost; 3]> {
    std::fs::create_dir_all(place)?;
    let restic = |args: &[&str]| {
        let mut command = Command::new("restic");
        command
            .args(args)
            .env("RESTIC_REPOSITORY", place.join("repo"))
            .env("RESTIC_PASSWORD", "bench")
            .env("RESTIC_CACHE_DIR", place.join("cache"));
        command
    };
    measure(&mut restic(&["init", "--repository-version", "2"]))?;
    let source = source.to_string_lossy();
    let target = place.join("restored");
    Ok([
        measure(&mut restic(&["backup", &source]))?,
        measure(&mut restic(&["backup", &source]))?,
        measure(&mut restic(&["restore", "latest", "--target", &target.to_string_lossy()]))?,
    ])
}

/// One round with a fresh node and a fresh owner; also the node's peak memory.
fn strongroom_round(binary: &Path, place: &Path, source: &Path) -> Result<([Cost; 3], u64)> {
    std::fs::create_dir_all(place)?;
    let node = RunningNode::start(binary, place)?;
    let owner = |args: &[&str]| {
        let mut command = Command::new(binary);
        command
            .args(args)
            .arg("--quiet")
            .env("STRONGROOM_NODE", &node.url)
            .env("STRONGROOM_PASSPHRASE", "the passphrase of the bench")
            .env("STRONGROOM_KEYSTORE", place.join("keystore"))
            .env("STRONGROOM_CACHE", place.join("cache"));
        command
    };
    let phrase = place.join("phrase");
    measure(&mut owner(&["key", "new", "--phrase-file", &phrase.to_string_lossy()]))?;
    measure(&mut owner(&["vault", "create", "bench"]))?;
    let source = source.to_string_lossy();
    let target = place.join("restored");
    let costs = [
        measure(&mut owner(&["backup", "bench", &source]))?,
        measure(&mut owner(&["backup", "bench", &source]))?,
        measure(&mut owner(&["restore", "bench", "--target", &target.to_string_lossy()]))?,
    ];
    let rss = node.peak_rss();
    Ok((costs, rss))
}

struct RunningNode {
    child: Child,
    url: String,
}

impl RunningNode {
    fn start(binary: &Path, place: &Path) -> Result<Self> {
        let ready: PathBuf = place.join("ready");
        let mut child = Command::new(binary)
            .args(["run", "--dev", "--rpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--data-dir"])
            .arg(place.join("node"))
            .arg("--ready-file")
            .arg(&ready)
            .stderr(std::fs::File::create(place.join("node.log"))?)
            .stdout(Stdio::null())
            .spawn()
            .wrap_err("cannot start the node")?;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(url) =
                std::fs::read_to_string(&ready).ok().and_then(|text| text.strip_suffix('\n').map(str::to_owned))
            {
                return Ok(Self { child, url });
            }
            if child.try_wait()?.is_some() || Instant::now() > deadline {
                child.kill().ok();
                bail!("the node did not start, see {}", place.join("node.log").display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn peak_rss(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
