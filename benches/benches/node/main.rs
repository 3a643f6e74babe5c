//! A whole node, from outside: `strongroom run --dev` in a process of its own, clients over loopback on the same cores.
//!
//! `cargo x bench finality transactions commitments shards rpc`, which runs
//! `cargo bench -p benches -p unify --bench node -- SCENARIO --binary PATH [--seconds N] [--json FILE]`.
//! Clients prepare and sign everything before the clock starts.

mod commitments;
mod finality;
mod http;
mod node;
mod reads;
mod report;
mod rpc;
mod shards;
mod transactions;
mod wallet;

use std::path::PathBuf;
use std::time::Duration;

use eyre::{Result, bail, eyre};
use serde_json::Value;

/// What the command line says.
struct Options {
    scenario: String,
    /// The program under test.
    binary: PathBuf,
    /// How long each load runs, where time and not a number of operations ends it.
    time: Duration,
    json: Option<PathBuf>,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut scenario, mut binary, mut seconds, mut json) = (None, None, 4, None);
        // Cargo adds `--bench`.
        let mut words = words.filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| eyre!("{word} needs a value"));
            match word.as_str() {
                "--binary" => binary = Some(PathBuf::from(value()?)),
                "--seconds" => seconds = value()?.parse()?,
                "--json" => json = Some(PathBuf::from(value()?)),
                name if !name.starts_with('-') => scenario = Some(name.to_owned()),
                other => bail!("unknown option {other}"),
            }
        }
        let names = SCENARIOS.map(|(name, _)| name).join(", ");
        Ok(Self {
            scenario: scenario.ok_or_else(|| eyre!("name a scenario: {names}"))?,
            binary: binary.ok_or_else(|| eyre!("--binary PATH of strongroom is missing"))?,
            time: Duration::from_secs(seconds),
            json,
        })
    }
}

type Scenario = fn(&Options) -> Result<Value>;

const SCENARIOS: [(&str, Scenario); 5] = [
    ("finality", finality::run),
    ("transactions", transactions::run),
    ("commitments", commitments::run),
    ("shards", shards::run),
    ("rpc", rpc::run),
];

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let (_, run) = SCENARIOS
        .into_iter()
        .find(|(name, _)| *name == options.scenario)
        .ok_or_else(|| eyre!("there is no scenario {}", options.scenario))?;
    let measured = run(&options)?;
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&measured)?)?;
    }
    Ok(())
}
