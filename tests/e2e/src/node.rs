//! One node process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// A running `strongroom run --dev`; killed when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    data_dir: PathBuf,
    url: String,
}

impl Node {
    /// Starts a node on free ports and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready within a minute; the log is in the panic.
    #[must_use]
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[])
    }

    /// Starts a node with more flags.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_with(data_dir: &Path, flags: &[&str]) -> Self {
        std::fs::create_dir_all(data_dir).expect("a place for the node");
        let ready = data_dir.with_extension("ready");
        let log = data_dir.with_extension("log");
        std::fs::remove_file(&ready).ok();
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(crate::binary())
            .args(["run", "--dev", "--rpc-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(data_dir)
            .arg("--ready-file")
            .arg(&ready)
            .args(flags)
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("the binary starts");
        // From here on it is killed whatever happens.
        let mut node = Self { child, data_dir: data_dir.to_owned(), url: String::new() };
        let url = || {
            let status = node.child.try_wait().expect("a child process");
            assert!(status.is_none(), "the node ended: {status:?}: {}", logged(&log));
            std::fs::read_to_string(&ready).ok().and_then(|text| text.strip_suffix('\n').map(str::to_owned))
        };
        node.url = eventually(url, || format!("the node is not ready: {}", logged(&log)));
        node
    }

    /// Where its RPC listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The directory of one of its six volumes.
    #[must_use]
    pub fn volume(&self, id: u16) -> PathBuf {
        self.data_dir.join("volumes").join(id.to_string())
    }

    /// Deletes the directory of one of its volumes while it runs.
    ///
    /// # Panics
    /// When it cannot be deleted, for another reason than that the node has just put something into it.
    pub fn lose_volume(&self, id: u16) {
        const ATTEMPTS: usize = 100;
        let lost = (0..ATTEMPTS).find_map(|_| match std::fs::remove_dir_all(self.volume(id)) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => None,
            result => Some(result),
        });
        lost.expect("the node does not write that fast").expect("a volume");
    }

    /// kill -9.
    ///
    /// # Panics
    /// When the process cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("a running node");
        self.child.wait().expect("a killed node");
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Panics
    /// When it has not ended after a minute.
    #[must_use]
    pub fn stop(mut self) -> i32 {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("a running node");
        let log = self.data_dir.with_extension("log");
        let ended = || self.child.try_wait().expect("a child process");
        eventually(ended, || format!("the node does not stop: {}", logged(&log))).code().unwrap_or(-1)
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        logged(&self.data_dir.with_extension("log"))
    }
}

fn logged(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
