//! `cargo x bench`: criterion for the stages, whole programs beside restic. Results of record: `docs/benchmarks.md`.

mod backup;
mod node;
mod ours;
mod process;
mod report;
mod restic;
mod trees;

use std::path::Path;

use eyre::{Result, WrapErr, bail};

use crate::{cargo, doctor};

/// A bench that has a name.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<serde_json::Value>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "stages",
        about: "chunk, seal, encode, decode, hash, sign, verify, prove, apply (criterion)",
        run: stages,
    },
    Bench {
        name: "backup",
        about: "backup, unchanged re-backup and restore beside restic, mixed tree",
        run: || backup::beside_restic(&trees::MIXED),
    },
    Bench { name: "small", about: "the same with 50,000 small files", run: || backup::beside_restic(&trees::SMALL) },
    Bench { name: "many", about: "the same with 200,000 small files", run: || backup::beside_restic(&trees::MANY) },
    Bench {
        name: "large",
        about: "the same with one incompressible file of 5 GiB",
        run: || backup::beside_restic(&trees::LARGE),
    },
    Bench {
        name: "ledger",
        about: "the ledger alone: acknowledged writes, packs, reads",
        run: || node::ledger("throughput"),
    },
    Bench {
        name: "growth",
        about: "the ledger with 10⁴ to 10⁶ packs: what an operation costs",
        run: || node::ledger("growth"),
    },
    Bench { name: "finality", about: "a node: from submission to finality", run: || node::run("finality") },
    Bench {
        name: "transactions",
        about: "a node: wallet transactions, until final",
        run: || node::run("transactions"),
    },
    Bench {
        name: "commitments",
        about: "a node: commitments in batches, until final",
        run: || node::run("commitments"),
    },
    Bench { name: "shards", about: "a node: shard reads, small and large", run: || node::run("shards") },
    Bench { name: "rpc", about: "a node: JSON-RPC reads beside anvil", run: || node::run("rpc") },
];

/// Runs the named benches, or all.
pub(crate) fn run(names: &[String], json: Option<&Path>) -> Result<()> {
    doctor::check()?;
    for name in names {
        if !BENCHES.iter().any(|bench| bench.name == name) {
            let known: Vec<String> =
                BENCHES.iter().map(|bench| format!("  {:12} {}", bench.name, bench.about)).collect();
            bail!("there is no bench {name}; these are:\n{}", known.join("\n"));
        }
    }
    let mut results = serde_json::Map::new();
    results.insert("machine".to_owned(), report::machine());
    for bench in BENCHES.iter().filter(|bench| names.is_empty() || names.iter().any(|name| name == bench.name)) {
        println!("\n== {}: {}", bench.name, bench.about);
        results.insert(bench.name.to_owned(), (bench.run)()?);
    }
    if let Some(path) = json {
        std::fs::write(path, serde_json::to_string_pretty(&results)?)
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn stages() -> Result<serde_json::Value> {
    cargo::cargo(&[
        "bench", "-p", "benches", "-p", "unify", "--bench", "data", "--bench", "proofs", "--bench", "apply",
    ])?;
    Ok(serde_json::json!({ "see": "target/criterion" }))
}
