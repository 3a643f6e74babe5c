//! An owner with a vault on a node in memory, a tree to back up, and places to restore to.

#![allow(dead_code, reason = "each test file uses some")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{BackupOptions, BackupReport, Client, Owner, RestoreOptions, RestoreReport, VaultOptions};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use seal::OwnerSecret;

use super::{FakeNode, tree_of};

pub struct World {
    pub node: Arc<FakeNode>,
    directory: tempfile::TempDir,
    pub secret: OwnerSecret,
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = OwnerSecret::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let world = Self { node: Arc::new(FakeNode::default()), directory, secret };
        std::fs::create_dir(world.source()).unwrap();
        world.owner().vault_create("v", VaultOptions::default()).unwrap();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// An owner on a machine with this cache.
    pub fn owner_with(&self, cache: &str) -> Owner {
        let node: Arc<dyn client::Node> = self.node.clone();
        Client::with_node(node).unwrap().cache_dir(self.path(cache)).owner(self.secret.clone())
    }

    pub fn owner(&self) -> Owner {
        self.owner_with("cache")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.source().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn backup(&self) -> BackupReport {
        self.owner().backup(BackupOptions::new("v", vec![self.source()])).unwrap()
    }

    pub fn restore(&self, target: &str) -> RestoreReport {
        self.owner().restore(RestoreOptions::new("v", self.path(target))).unwrap()
    }

    pub fn assert_restores(&self, target: &str) -> RestoreReport {
        let report = self.restore(target);
        assert!(report.lost.is_empty() && report.errors.is_empty(), "{report:?}");
        assert_eq!(tree_of(&self.source()), tree_of(&self.path(target)));
        report
    }
}

pub fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Waits until what is there now is so old that the directory cache believes it: a second, by the clock of files.
pub fn age(path: &Path) {
    let clock = || {
        let new = tempfile::tempfile().unwrap().metadata().unwrap();
        (new.ctime(), new.ctime_nsec())
    };
    assert!(path.exists());
    let (secs, nanos) = clock();
    eventually("the clock of files goes on", || clock() > (secs + 1, nanos));
}

/// Looks until something is so, for a minute at most.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn find(directory: &Path, name: &str) -> PathBuf {
    let mut todo = vec![directory.to_path_buf()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name() == Some(OsStr::new(name)) {
            return path;
        }
    }
    panic!("no {name}")
}

/// The name of the file that marks a restore under way.
pub fn marker(report: &BackupReport) -> String {
    format!(".strongroom-restore-{}", &report.commitment.to_string()[..16])
}

/// One of everything.
pub fn odd_tree(world: &World) {
    world.write("plain.txt", b"hello");
    world.write("empty", b"");
    world.write("deep/er/and/deeper/file", &random(1, 3_000));
    world.write("large", &random(2, 9_000_001));
    world.write("text", "all work and no play ".repeat(400_000).as_bytes());
    world.write("zeros", &vec![0; 11 << 20]);
    world.write("name with\nnewline", b"1");
    std::fs::write(world.source().join(OsStr::from_bytes(b"not-utf8-\xff\xfe")), b"2").unwrap();
    std::fs::create_dir(world.source().join("empty directory")).unwrap();
    symlink("plain.txt", world.source().join("link")).unwrap();
    symlink("/nowhere/at/all", world.source().join("dangling")).unwrap();
    std::fs::hard_link(world.source().join("large"), world.source().join("deep/large-too")).unwrap();
    let sparse = std::fs::File::create(world.source().join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, b"begin", 0).unwrap();
    std::os::unix::fs::FileExt::write_at(&sparse, &random(3, 700_000), 40_000_123).unwrap();
    sparse.set_len(60_000_000).unwrap();
    let locked = world.write("mode/suid", b"x");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(world.source().join("mode"), std::fs::Permissions::from_mode(0o1555)).unwrap();
    let attributes = world.source().join("plain.txt");
    let _ = rustix::fs::setxattr(&attributes, "user.note", b"\x00value", rustix::fs::XattrFlags::empty());
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.source().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
}
