//! The process under test.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// A running program, killed when dropped, with all that it has started.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let line = format!("{command:?}");
        // A group of its own: a program from npm is a script that starts the real one.
        let child = command.stdout(Stdio::null()).process_group(0).spawn();
        Ok(Self { child: child.wrap_err_with(|| format!("cannot start {line}"))? })
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// User and system time so far (10 ms steps).
    pub(crate) fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.child.wait().ok();
    }
}

/// A development node in a temporary directory.
pub(crate) struct Node {
    process: Process,
    dir: tempfile::TempDir,
    /// `http://host:port`
    pub(crate) url: String,
}

impl Node {
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("strongroom-bench-").tempdir()?;
        let ready = dir.path().join("ready");
        let log = dir.path().join("log");
        let mut command = Command::new(binary);
        command
            .args(["run", "--dev", "--rpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .stderr(std::fs::File::create(&log)?);
        let mut process = Process::start(&mut command)?;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = std::fs::read_to_string(&ready).unwrap_or_default();
            if let Some(url) = text.strip_suffix('\n') {
                return Ok(Self { process, dir, url: url.to_owned() });
            }
            if process.has_ended()? || Instant::now() > deadline {
                bail!("the node did not start: {}", std::fs::read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `host:port`
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Secret key of the account that owns all units at genesis.
    pub(crate) fn operator(&self) -> Result<[u8; 32]> {
        let path = self.dir.path().join("data").join("keys").join("operator.key");
        let text = std::fs::read_to_string(&path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret)?;
        Ok(secret)
    }

    pub(crate) fn cpu(&self) -> Duration {
        self.process.cpu()
    }
}
