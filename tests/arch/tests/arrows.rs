//! The arrows between crates, checked against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each crate and the crates of ours that it may use. `docs/ARCHITECTURE.md` draws the same picture.
const ARROWS: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("merkle", &["primitives"]),
    ("coding", &["primitives"]),
    ("seal", &["primitives"]),
    ("chain-spec", &["primitives"]),
    ("verify", &["primitives", "merkle"]),
    ("runtime", &["primitives", "merkle", "chain-spec"]),
    ("store", &["primitives"]),
    ("consensus", &["primitives", "merkle", "verify", "chain-spec", "runtime", "store"]),
    ("ledger", &["primitives", "merkle", "verify", "store"]),
    ("replica", &["primitives", "coding", "store"]),
    ("rpc-api", &["primitives"]),
    ("rpc", &["primitives", "rpc-api", "runtime", "verify", "merkle", "chain-spec"]),
    ("scripts", &["mounts"]),
    ("client", &["primitives", "merkle", "coding", "seal", "verify", "rpc-api"]),
];

/// Crates that may use any crate: the one place that wires, and what tries or measures the whole.
const MAY_USE_ALL: &[&str] = &["strongroom", "benches", "e2e"];

/// Crates that use none of ours.
const TOOLS: &[&str] = &["unify", "arch", "conformance", "mounts"];

/// Who must never be able to open user data, not even through a crate in between.
const BLIND: &[&str] = &["consensus", "ledger", "replica", "store", "runtime", "rpc"];

fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    packages
        .iter()
        .map(|package| {
            let uses = package["dependencies"].as_array().expect("a list of dependencies");
            let ours = uses
                .iter()
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|name| names.contains(name))
                .map(str::to_owned)
                .collect();
            (package["name"].as_str().expect("a name").to_owned(), ours)
        })
        .collect()
}

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    let mut broken = Vec::new();
    for (name, uses) in workspace() {
        if MAY_USE_ALL.contains(&name.as_str()) {
            continue;
        }
        let none = BTreeSet::new();
        let may = match allowed.get(name.as_str()) {
            Some(may) => may,
            None if TOOLS.contains(&name.as_str()) => &none,
            None => {
                broken.push(format!("{name} is not in the table of arrows"));
                continue;
            }
        };
        broken.extend(uses.iter().filter(|used| !may.contains(used.as_str())).map(|used| format!("{name} → {used}")));
    }
    assert!(broken.is_empty(), "arrows that docs/ARCHITECTURE.md does not have: {broken:#?}");
}

#[test]
fn nothing_that_serves_others_can_open_user_data() {
    let workspace = workspace();
    for name in BLIND {
        let mut reached = BTreeSet::from([(*name).to_owned()]);
        let mut open = vec![(*name).to_owned()];
        while let Some(next) = open.pop() {
            for used in workspace.get(&next).into_iter().flatten() {
                if reached.insert(used.clone()) {
                    open.push(used.clone());
                }
            }
        }
        assert!(!reached.contains("seal"), "{name} reaches seal through {reached:?}");
    }
}

#[test]
fn every_room_is_a_room() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut halls = Vec::new();
    let mut open = vec![std::path::PathBuf::from(root)];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a readable directory").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                open.push(path);
            } else if name.ends_with(".rs") {
                let lines = std::fs::read_to_string(&path).expect("source text").lines().count();
                if lines > 700 {
                    halls.push(format!("{}: {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(halls.is_empty(), "split these files: {halls:#?}");
}
