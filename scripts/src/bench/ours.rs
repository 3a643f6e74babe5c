//! Strongroom: one round with a fresh node and a fresh owner.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail};

use super::process::{Cost, measure};

/// What one round cost.
pub(super) struct Round {
    /// Backup, re-backup, restore, with the key unlocked before.
    pub(super) operations: [Cost; 3],
    /// Another re-backup with the key unlocked …
    pub(super) again: Cost,
    /// … and one that is given the passphrase instead.
    pub(super) with_passphrase: Cost,
    /// Peak memory of the node.
    pub(super) node_rss_bytes: u64,
}

/// One round with a fresh node and a fresh owner, whose key is unlocked once before.
pub(super) fn round(binary: &Path, place: &Path, source: &Path) -> Result<Round> {
    std::fs::create_dir_all(place)?;
    let node = RunningNode::start(binary, place)?;
    let (run, no_agent) = (place.join("run"), place.join("no-agent"));
    std::fs::create_dir_all(&run)?;
    std::fs::create_dir_all(&no_agent)?;
    let owner_at = |agent: &Path, args: &[&str]| {
        let mut command = Command::new(binary);
        command
            .args(args)
            .arg("--quiet")
            .env("STRONGROOM_NODE", &node.url)
            .env("STRONGROOM_PASSPHRASE", "the passphrase of the bench")
            .env("STRONGROOM_KEYSTORE", place.join("keystore"))
            .env("STRONGROOM_CACHE", place.join("cache"))
            .env("XDG_RUNTIME_DIR", agent);
        command
    };
    let owner = |args: &[&str]| owner_at(&run, args);
    let phrase = place.join("phrase");
    measure(&mut owner(&["key", "new", "--phrase-file", &phrase.to_string_lossy()]))?;
    measure(&mut owner(&["vault", "create", "bench"]))?;
    measure(&mut owner(&["key", "unlock", "--for", "24h"]))?;
    let source = source.to_string_lossy();
    let target = place.join("restored");
    let operations = [
        measure(&mut owner(&["backup", "bench", &source]))?,
        measure(&mut owner(&["backup", "bench", &source]))?,
        measure(&mut owner(&["restore", "bench", "--target", &target.to_string_lossy()]))?,
    ];
    let again = measure(&mut owner(&["backup", "bench", &source]))?;
    let with_passphrase = measure(&mut owner_at(&no_agent, &["backup", "bench", &source]))?;
    measure(&mut owner(&["key", "lock"]))?;
    Ok(Round { operations, again, with_passphrase, node_rss_bytes: node.peak_rss() })
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
