//! restic: installed where that is possible, and one round with a fresh repository.

use std::path::Path;
use std::process::{Command, Stdio};

use eyre::Result;

use super::process::{Cost, measure};
use crate::cargo;

/// What one round cost.
pub(super) struct Round {
    /// Backup, re-backup, restore.
    pub(super) operations: [Cost; 3],
    /// `restic cat config`: what a command costs that only derives the key and opens the repository.
    pub(super) opening: Cost,
}

/// Whether restic is there; Debian's package is installed when it is not.
pub(super) fn ensure() -> bool {
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

/// One round with a fresh repository and cache.
pub(super) fn round(place: &Path, source: &Path) -> Result<Round> {
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
    let operations = [
        measure(&mut restic(&["backup", &source]))?,
        measure(&mut restic(&["backup", &source]))?,
        measure(&mut restic(&["restore", "latest", "--target", &target.to_string_lossy()]))?,
    ];
    Ok(Round { operations, opening: measure(&mut restic(&["cat", "config"]))? })
}
