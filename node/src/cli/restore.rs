//! `strongroom restore`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use client::{LeftOut, RestoreOptions, RestoreReport};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::progress::{Bar, cancel_on_signal};
use super::snapshots::Target;
use super::{Global, account, output};

/// Options of `restore`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom restore papers --target /tmp/back\n  strongroom restore papers@3 --target /tmp/back --include 'letters/**' --include '*.pdf'\n\nEvery byte is verified. A restore that was interrupted goes on where it stopped. Files that cannot be restored, and patterns without a match, are listed at the end (exit code 3)."
)]
pub(crate) struct RestoreArgs {
    /// VAULT or VAULT@SNAPSHOT
    source: Target,
    /// Directory to restore into; made when it does not exist
    #[arg(long, value_name = "DIR")]
    target: PathBuf,
    /// Only what matches; may be given several times
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Replace what is in the way
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(global: &Global, args: RestoreArgs) -> Result<Exit, Failure> {
    let owner = account::owner(global)?;
    let started = Instant::now();
    let bar = Bar::new(global, "restore");
    let mut options = RestoreOptions::new(args.source.vault, args.target);
    options.snapshot = args.source.snapshot;
    options.include = args.include;
    options.overwrite = args.overwrite;
    options.progress = bar.clone();
    options.cancel = cancel_on_signal();
    let outcome = owner.restore(options);
    bar.finish();
    let report = outcome?;
    output::print(global, &document(&report, started.elapsed()), || show(global, &report, started.elapsed()));
    Ok(exit(&report))
}

/// Exit code of a restore.
pub(crate) fn exit(report: &RestoreReport) -> Exit {
    if report.lost.is_empty() && report.errors.is_empty() && report.unmatched.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    }
}

/// The JSON document of a restore.
pub(crate) fn document(report: &RestoreReport, elapsed: Duration) -> serde_json::Value {
    let mut document = json!(report);
    document["seconds"] = json!(elapsed.as_secs_f64());
    document
}

/// The text of a restore.
pub(crate) fn show(global: &Global, report: &RestoreReport, elapsed: Duration) {
    println!("snapshot    {} ({})", report.snapshot, report.commitment);
    println!(
        "files       {}, {}, in {}",
        report.files,
        output::bytes(report.bytes),
        output::count(report.directories, "directory", "directories")
    );
    if report.kept > 0 {
        println!("kept        {}, there already, complete and verified", output::count(report.kept, "file", "files"));
    }
    if report.decoded_packs > 0 {
        println!("decoded     {} from parity", output::count(report.decoded_packs, "pack", "packs"));
    }
    println!("time        {}", output::seconds(elapsed));
    for pattern in &report.unmatched {
        eprintln!("nothing in the snapshot matches {}", output::text(pattern));
    }
    output::notes(global, "lost: too many shards are gone or damaged", &report.lost);
    output::notes(global, "not restored in full", &report.errors);
    if !report.left_out.is_empty() {
        let LeftOut { owners, set_ids, attributes } = report.left_out;
        eprintln!(
            "left out, for only root may set them: owners of {owners}, set-user-id and set-group-id bits of {set_ids}, security \
             attributes of {attributes} files, directories and links; all that belongs to you now. As root, restore again with --overwrite to set them"
        );
    }
}
