//! Loads on a whole node. They need our own crates to sign and encode, so a bench of the workspace runs them; it prints the
//! tables itself.

use eyre::{Result, WrapErr};
use serde_json::Value;

use crate::cargo;

/// Runs one scenario of `benches/benches/node` against the program as it is built now.
pub(super) fn run(scenario: &str) -> Result<Value> {
    let binary = cargo::strongroom()?;
    measured(&[
        "bench",
        "-p",
        "benches",
        "-p",
        "unify",
        "--bench",
        "node",
        "--",
        scenario,
        "--binary",
        &binary.to_string_lossy(),
    ])
}

/// The ledger alone, in one process with its clients.
pub(super) fn ledger(bench: &str) -> Result<Value> {
    measured(&["bench", "-p", "ledger", "-p", "unify", "--bench", bench, "--"])
}

/// Runs a bench that writes its results where `--json` says.
fn measured(args: &[&str]) -> Result<Value> {
    let place = tempfile::Builder::new().prefix("strongroom-bench-").tempdir()?;
    let json = place.path().join("results.json");
    cargo::cargo(&[args, &["--json", &json.to_string_lossy()]].concat())?;
    let text = std::fs::read_to_string(&json).wrap_err("the bench wrote no results")?;
    Ok(serde_json::from_str(&text)?)
}
