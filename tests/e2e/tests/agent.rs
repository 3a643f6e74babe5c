//! A key that stays unlocked between commands: for its owner, for a while, and until it is locked.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use e2e::{Node, Owner};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// The agent's process, whose end can be awaited.
struct Agent {
    pid: Pid,
    process: std::os::fd::OwnedFd,
}

impl Agent {
    /// The one that answered `key unlock`.
    fn of(unlocked: &serde_json::Value) -> Self {
        let pid = unlocked["agentProcess"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
        let pid = Pid::from_raw(pid).unwrap();
        Self { pid, process: pidfd_open(pid, PidfdFlags::empty()).unwrap() }
    }

    /// Waits until it has ended; fails after a minute.
    fn wait(self) {
        let minute = Duration::from_secs(60).try_into().unwrap();
        let mut waiting = [PollFd::new(&self.process, PollFlags::IN)];
        assert_eq!(poll(&mut waiting, Some(&minute)).unwrap(), 1, "the agent does not end");
    }
}

/// A node, an owner with a vault `v`, and a file.
fn world(place: &std::path::Path) -> (Node, Owner, String) {
    let node = Node::start(&place.join("node"));
    let owner = Owner::new(&place.join("alice"), node.url());
    let _ = owner.make_key();
    let _ = owner.run(&["vault", "create", "v"]).done();
    let file = place.join("file");
    std::fs::write(&file, b"content").unwrap();
    (node, owner, file.to_str().unwrap().to_owned())
}

#[test]
fn an_unlocked_key_asks_for_no_passphrase_until_it_is_locked() {
    let place = tempfile::tempdir().unwrap();
    let (_node, owner, file) = world(place.path());
    let bare = owner.without_passphrase();
    assert!(bare.run(&["backup", "v", &file]).failed(1).contains("key unlock"));
    assert_eq!(bare.run(&["key", "lock"]).done()["locked"].as_array().unwrap().len(), 0, "nothing to lock");
    assert!(bare.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_null());

    assert!(owner.with_passphrase("not the one").run(&["key", "unlock"]).failed(1).contains("wrong passphrase"));
    let unlocked = owner.run(&["key", "unlock", "--for", "1h"]).done();
    let agent = Agent::of(&unlocked);
    let listed = bare.run(&["key", "list"]).done();
    let (told, until) = (unlocked["unlockedUntilMs"].as_u64().unwrap(), listed[0]["unlockedUntilMs"].as_u64().unwrap());
    assert!(told.abs_diff(until) < 60_000, "{told} and {until}");
    let socket = std::fs::metadata(owner.agent_socket()).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    assert_eq!(socket.uid(), rustix::process::geteuid().as_raw());

    let _ = bare.run(&["backup", "v", &file]).done();
    // The key that is unlocked is used before a passphrase at hand, so that a wrong one does no harm …
    let _ = owner.with_passphrase("not the one").run(&["snapshots", "v"]).done();
    // … but whoever takes the secret away has to know it.
    assert!(bare.run(&["key", "export", "--phrase"]).failed(1).contains("passphrase"));
    // Another user of the same machine has another agent, and another key is not this one.
    let bob = Owner::new(&place.path().join("bob"), "http://127.0.0.1:1");
    let _ = bob.make_key();
    assert!(bob.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_null());

    let locked = bare.run(&["key", "lock"]).done();
    assert_eq!(locked["locked"][0], unlocked["address"]);
    agent.wait();
    assert!(!owner.agent_socket().exists(), "nothing is left behind");
    assert!(bare.run(&["backup", "v", &file]).failed(1).contains("passphrase"));
    assert!(bare.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_null());
}

#[test]
fn the_agent_ends_with_its_last_key() {
    let place = tempfile::tempdir().unwrap();
    let owner = Owner::new(&place.path().join("alice"), "http://127.0.0.1:1");
    let _ = owner.make_key();
    let first = owner.run(&["key", "unlock", "--for", "1s"]).done();
    Agent::of(&first).wait();
    assert!(!owner.agent_socket().exists());
    assert!(owner.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_null());
    for wrong in ["0s", "25h", "soon"] {
        assert_eq!(owner.run(&["key", "unlock", "--for", wrong]).code, 2, "{wrong}");
    }
}

#[test]
fn each_key_has_its_own_time_and_one_agent_holds_them_all() {
    let place = tempfile::tempdir().unwrap();
    let owner = Owner::new(&place.path().join("alice"), "http://127.0.0.1:1");
    let _ = (owner.make_key(), owner.make_key());
    let keys = owner.run(&["key", "list"]).done();
    let (one, other) = (keys[0]["address"].as_str().unwrap(), keys[1]["address"].as_str().unwrap());
    assert!(owner.run(&["key", "unlock"]).failed(1).contains("--account"), "which one?");
    let first = owner.run(&["key", "unlock", one, "--for", "10m"]).done();
    let second = owner.run(&["--account", other, "key", "unlock", "--for", "20m"]).done();
    assert_eq!(first["agentProcess"], second["agentProcess"]);
    let agent = Agent::of(&second);
    let listed = owner.run(&["key", "list"]).done();
    let until = |key: usize| listed[key]["unlockedUntilMs"].as_u64().unwrap();
    assert!(until(1) - until(0) > 500_000, "{listed}");
    assert_eq!(owner.run(&["key", "lock", &one[..12]]).done()["locked"][0], one);
    let listed = owner.run(&["key", "list"]).done();
    assert!(listed[0]["unlockedUntilMs"].is_null() && listed[1]["unlockedUntilMs"].is_u64(), "{listed}");
    assert_eq!(owner.run(&["key", "lock", "--all"]).done()["locked"][0], other);
    agent.wait();
}

#[test]
fn a_killed_agent_is_replaced_and_a_silent_peer_does_not_hold_it_up() {
    let place = tempfile::tempdir().unwrap();
    let owner = Owner::new(&place.path().join("alice"), "http://127.0.0.1:1");
    let _ = owner.make_key();
    let killed = Agent::of(&owner.run(&["key", "unlock"]).done());
    kill_process(killed.pid, Signal::KILL).unwrap();
    let pid = killed.pid;
    killed.wait();
    assert!(owner.agent_socket().exists(), "left behind");
    assert!(owner.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_null());
    assert_eq!(owner.run(&["key", "lock"]).done()["locked"].as_array().unwrap().len(), 0);
    let agent = Agent::of(&owner.run(&["key", "unlock"]).done());
    assert_ne!(agent.pid, pid);

    // One says nothing, one says nonsense, one leaves: the next is answered all the same.
    let silent = UnixStream::connect(owner.agent_socket()).unwrap();
    UnixStream::connect(owner.agent_socket()).unwrap().write_all(&[0xff; 64]).unwrap();
    drop(UnixStream::connect(owner.agent_socket()).unwrap());
    assert!(owner.run(&["key", "list"]).done()[0]["unlockedUntilMs"].is_u64());
    drop(silent);
    let _ = owner.run(&["key", "lock", "--all"]).done();
    agent.wait();
}

#[test]
fn a_directory_that_others_can_enter_holds_no_key() {
    let place = tempfile::tempdir().unwrap();
    let owner = Owner::new(&place.path().join("alice"), "http://127.0.0.1:1");
    let _ = owner.make_key();
    let directory = owner.agent_socket().parent().unwrap().to_owned();
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let message = owner.run(&["key", "unlock"]).failed(1);
    assert!(message.contains("mode 755"), "{message}");
}
