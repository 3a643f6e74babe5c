//! The node process and the owner's shell of the story.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A running node and where everything is; the node is ended when this is dropped.
pub(super) struct Stage {
    binary: PathBuf,
    place: PathBuf,
    node: RefCell<Child>,
    url: String,
}

impl Stage {
    /// Starts a node under `place` and waits until it is ready.
    pub(super) fn start(binary: PathBuf, place: &Path) -> Result<Self> {
        let ready = place.join("ready");
        let log = place.join("node.log");
        let mut node = Command::new(&binary)
            .args(["run", "--dev", "--rpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0", "--data-dir"])
            .arg(place.join("node"))
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .wrap_err_with(|| format!("cannot start {}", binary.display()))?;
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(url) =
                std::fs::read_to_string(&ready).ok().and_then(|text| text.strip_suffix('\n').map(str::to_owned))
            {
                return Ok(Self { binary, place: place.to_owned(), node: RefCell::new(node), url });
            }
            let ended = node.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                node.kill().ok();
                bail!("the node did not get ready: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.place.join("node")
    }

    /// Runs a command of the owner and reads its answer; progress goes to the terminal.
    pub(super) fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Value> {
        self.ask_at(&self.url, args)
    }

    /// The same with no node to talk to.
    pub(super) fn ask_offline<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Value> {
        self.ask_at("http://127.0.0.1:1", args)
    }

    fn ask_at<S: AsRef<OsStr>>(&self, url: &str, args: &[S]) -> Result<Value> {
        let output = Command::new(&self.binary)
            .args(args)
            .arg("--json")
            .env("STRONGROOM_NODE", url)
            .env("STRONGROOM_PASSPHRASE", "the passphrase of the demo")
            .env("STRONGROOM_KEYSTORE", self.place.join("owner/keystore"))
            .env("STRONGROOM_CACHE", self.place.join("owner/cache"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let line: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
            bail!("`strongroom {}` ended with {}: {}", line.join(" "), output.status, stdout.trim());
        }
        serde_json::from_str(stdout.trim()).wrap_err_with(|| format!("not a JSON answer: {stdout}"))
    }

    /// Ends the node as an operator would.
    pub(super) fn stop(&self) -> Result<()> {
        let mut node = self.node.borrow_mut();
        kill_process(Pid::from_child(&node), Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(status) = node.try_wait()? {
                if !status.success() {
                    bail!("the node ended with {status}");
                }
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the node did not stop within {} s", STOP_TIMEOUT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let node = self.node.get_mut();
        node.kill().ok();
        node.wait().ok();
    }
}
