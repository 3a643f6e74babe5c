//! A person with a keystore, a cache and a shell.

use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a command answered.
#[derive(Debug)]
pub struct Reply {
    /// Exit code; -1 when killed.
    pub code: i32,
    /// The JSON document on standard output; null when there is none.
    pub json: Value,
    /// Standard error.
    pub stderr: String,
}

impl Reply {
    /// The JSON document, of a command that must succeed.
    ///
    /// # Panics
    /// When the exit code is not 0.
    #[must_use]
    pub fn done(self) -> Value {
        assert_eq!(self.code, 0, "stdout {} stderr {}", self.json, self.stderr);
        self.json
    }

    /// The message of a command that must fail with this exit code.
    ///
    /// # Panics
    /// When it ended with another code.
    #[must_use]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout {} stderr {}", self.json, self.stderr);
        self.json["error"]["message"].as_str().map_or(self.stderr, str::to_owned)
    }
}

/// An owner's home: keystore, cache, passphrase, and the directory of the key agent.
#[derive(Debug, Clone)]
pub struct Owner {
    home: PathBuf,
    url: String,
    passphrase: Option<String>,
    user: Option<(u32, PathBuf)>,
}

impl Owner {
    /// An owner who lives in `home` and talks to the node at `url`; has no key yet.
    ///
    /// # Panics
    /// When `home` cannot be made.
    #[must_use]
    pub fn new(home: &Path, url: &str) -> Self {
        std::fs::create_dir_all(home.join("run")).expect("a home");
        Self {
            home: home.to_owned(),
            url: url.to_owned(),
            passphrase: Some("correct horse battery".to_owned()),
            user: None,
        }
    }

    /// The same owner, after the node came up elsewhere.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The same owner with another passphrase in hand.
    #[must_use]
    pub fn with_passphrase(&self, passphrase: &str) -> Self {
        Self { passphrase: Some(passphrase.to_owned()), ..self.clone() }
    }

    /// The same owner without the passphrase at hand.
    #[must_use]
    pub fn without_passphrase(&self) -> Self {
        Self { passphrase: None, ..self.clone() }
    }

    /// The same owner without the powers of root: as another user of the system where the test runs as root. `place` is a
    /// directory that belongs to the test alone; the user gets it, and finds the binary in it.
    ///
    /// # Panics
    /// When the place cannot be given away.
    #[must_use]
    pub fn without_root(&self, place: &Path) -> Self {
        const NOBODY: u32 = 65_534;
        if !rustix::process::geteuid().is_root() {
            return self.clone();
        }
        // The directory that the binary is built in may be closed to others.
        let binary = place.join("strongroom");
        std::fs::copy(crate::binary(), &binary).expect("a copy of the binary");
        give(place, NOBODY);
        Self { user: Some((NOBODY, binary)), ..self.clone() }
    }

    /// Makes a key; returns the recovery phrase.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn make_key(&self) -> String {
        let reply = self.run(&["key", "new"]).done();
        reply["phrase"].as_str().expect("a phrase").to_owned()
    }

    /// The cache directory.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// Where the owner's agent has its socket.
    #[must_use]
    pub fn agent_socket(&self) -> PathBuf {
        self.home.join("run/strongroom/agent.sock")
    }

    /// A command with `--json`, ready to be started.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = match &self.user {
            Some((user, binary)) => {
                let mut command = Command::new(binary);
                command.uid(*user).gid(*user);
                command
            }
            None => Command::new(crate::binary()),
        };
        command
            .args(args)
            .arg("--json")
            .env("STRONGROOM_NODE", &self.url)
            .env_remove("STRONGROOM_PASSPHRASE")
            .envs(self.passphrase.as_ref().map(|passphrase| ("STRONGROOM_PASSPHRASE", passphrase)))
            // An agent of its own.
            .env("XDG_RUNTIME_DIR", self.home.join("run"))
            .env("STRONGROOM_KEYSTORE", self.home.join("keystore"))
            .env("STRONGROOM_CACHE", self.cache())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When the binary does not start.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Reply {
        reply(&self.command(args).output().expect("the binary starts"))
    }
}

/// Gives everything in a directory to a user.
fn give(path: &Path, user: u32) {
    lchown(path, Some(user), Some(user)).expect("root gives files away");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("a readable directory") {
            give(&entry.expect("an entry").path(), user);
        }
    }
}

fn reply(output: &Output) -> Reply {
    let stdout = String::from_utf8_lossy(&output.stdout);
    Reply {
        code: output.status.code().unwrap_or(-1),
        json: serde_json::from_str(stdout.trim()).unwrap_or(Value::Null),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
