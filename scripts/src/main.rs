//! Runs the project's chores: `cargo x demo`, `test`, `verify`, `fix`, `bench`, `ci`.
//!
//! ```text
//!   cargo x <chore> ──► doctor (is the machine able to build?) ──► cargo / the strongroom binary
//! ```

mod bench;
mod cargo;
mod checks;
mod demo;
mod doctor;
mod fuzz;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Debug, Parser)]
#[command(name = "cargo x", version, about)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Back up, commit, lose two of six disks, restore, verify: the whole story on this machine
    #[command(after_help = "Example: cargo x demo ~/Pictures")]
    Demo {
        /// What to back up; default: this repository's own sources
        path: Option<PathBuf>,
        /// Keep the node's data and the restored files
        #[arg(long)]
        keep: bool,
    },
    /// Run all tests
    #[command(after_help = "Example: cargo x test -p merkle")]
    Test {
        /// Passed on to the test runner
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check formatting, lints, docs, licences and structure; changes nothing
    Verify,
    /// Format and apply lint suggestions
    Fix,
    /// What continuous integration runs: verify, then all tests
    Ci,
    /// Measure: criterion stages, whole-program runs beside restic, loads on the ledger and on a node
    #[command(after_help = "Example: cargo x bench backup --json results.json")]
    Bench {
        /// Names of benches; none = all
        names: Vec<String>,
        /// Write the results here as JSON
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Feed decoders with what strangers might send
    #[command(after_help = "Example: cargo x fuzz receipt transaction --seconds 600")]
    Fuzz {
        /// Targets (files of tests/fuzz/targets); none = all
        names: Vec<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Rewrite the pinned test vectors after a deliberate change of a format
    Vectors,
    /// Check that this machine can build the project; installs what it may
    Doctor,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Demo { path, keep } => demo::run(path, keep),
        Chore::Test { args } => checks::test(&args),
        Chore::Verify => checks::verify(),
        Chore::Fix => checks::fix(),
        Chore::Ci => checks::ci(),
        Chore::Bench { names, json } => bench::run(&names, json.as_deref()),
        Chore::Fuzz { names, seconds } => fuzz::run(&names, seconds),
        Chore::Vectors => checks::vectors(),
        Chore::Doctor => doctor::check(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("error: {report:#}");
            ExitCode::FAILURE
        }
    }
}
