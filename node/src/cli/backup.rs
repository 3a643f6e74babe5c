//! `strongroom backup`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use client::{BackupOptions, BackupReport, ClientError, NodeError, Owner};
use eyre::eyre;
use primitives::Policy;
use primitives::ledger::{Finality, SnapshotRecord};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::progress::{Bar, cancel_on_signal};
use super::{Global, account, key, output, vault};

/// How long a backup waits for the chain before it says that it is recorded but not final.
const FINALITY_TIMEOUT: Duration = Duration::from_secs(60);

const NOT_WAITED: &str = "not waited for";

/// Options of `backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom backup papers ~/Documents\n  strongroom backup system /etc /home --exclude '*.tmp' --one-file-system\n\nA backup that was interrupted goes on where it stopped. Files that cannot be read are listed at the end (exit code 3).\nExit code 3 also means: stored and recorded, but not final yet."
)]
pub(crate) struct BackupArgs {
    /// The vault's name
    vault: String,
    /// Files and directories
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Leave out what matches: without / a name, with / a whole path
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Do not descend into other file systems
    #[arg(long)]
    one_file_system: bool,
    /// Read every file, even those that look unchanged
    #[arg(long)]
    force: bool,
    /// A label of the snapshot; may be given several times
    #[arg(long)]
    tag: Vec<String>,
    /// Return when the ledger has the snapshot, without waiting for the chain
    #[arg(long)]
    no_wait: bool,
}

pub(crate) fn run(global: &Global, args: BackupArgs) -> Result<Exit, Failure> {
    let owner = owner_with_vault(global, &args.vault)?;
    let started = Instant::now();
    let bar = Bar::new(global, "back up");
    let mut options = BackupOptions::new(&args.vault, args.paths);
    options.excludes = args.exclude;
    options.one_file_system = args.one_file_system;
    options.force = args.force;
    options.tags = args.tag;
    options.progress = bar.clone();
    options.cancel = cancel_on_signal();
    let outcome = owner.backup(options);
    bar.finish();
    let report = outcome?;
    let look = || owner.client().node().snapshot(&report.vault, Some(report.snapshot));
    let finality = if args.no_wait { Err(NOT_WAITED.to_owned()) } else { wait_for_finality(look, FINALITY_TIMEOUT) };
    show(global, &args.vault, &report, &finality, started.elapsed());
    Ok(exit(report.errors.is_empty(), finality.is_ok() || args.no_wait))
}

/// `read`: all that was to be backed up; `is_final`: as final as was wanted.
fn exit(read: bool, is_final: bool) -> Exit {
    if read && is_final { Exit::Done } else { Exit::Partial }
}

/// The owner, with a vault of this name. The first time on a terminal, key and vault are offered.
fn owner_with_vault(global: &Global, name: &str) -> Result<Owner, Failure> {
    let secret = match account::choose(global)? {
        Some(file) => account::unlock_file(global, &file)?,
        None if account::can_ask(global) && account::confirm("There is no key yet. Make one now?")? => {
            key::new(global, &key::NewArgs { phrase_file: None })?
        }
        None => return Err(Failure::Failed(eyre!("there is no key yet; make one with `strongroom key new`"))),
    };
    let owner = account::client(global)?.owner(secret);
    match owner.vault_info(name) {
        Err(ClientError::UnknownVault { .. }) if account::can_ask(global) => {
            if !account::confirm(&format!("There is no vault {name:?} yet. Open it with policy erasure (4+2)?"))? {
                return Err(Failure::Failed(eyre!("nothing was backed up")));
            }
            vault::create(&owner, name, Policy::ERASURE, 0)?;
        }
        Err(ClientError::UnknownVault { .. }) => {
            return Err(Failure::Failed(eyre!(
                "there is no vault {name:?}; open it with `strongroom vault create {name}`"
            )));
        }
        other => drop(other?),
    }
    Ok(owner)
}

/// The finality, or why it is not known; `look` asks for the snapshot's record. The snapshot is recorded in any case.
fn wait_for_finality(
    mut look: impl FnMut() -> Result<Option<SnapshotRecord>, NodeError>,
    timeout: Duration,
) -> Result<Finality, String> {
    const LATER: &str = "nothing is lost, `strongroom snapshots` shows when it is final";
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(2);
    loop {
        match look() {
            Ok(Some(SnapshotRecord { finality: Some(finality), .. })) => return Ok(finality),
            Ok(_) => {}
            Err(error) => return Err(format!("{error}; {LATER}")),
        }
        if Instant::now() > deadline {
            let seconds = timeout.as_secs();
            return Err(format!("the chain has not made it final within {seconds} s; {LATER}"));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

fn show(global: &Global, vault: &str, report: &BackupReport, outcome: &Result<Finality, String>, elapsed: Duration) {
    let finality = outcome.as_ref().ok();
    let document = json!({
        "vault": report.vault,
        "name": vault,
        "snapshot": { "seq": report.snapshot, "commitment": report.commitment, "contentRoot": report.content_root },
        "height": finality.map(|at| at.height.get()),
        "leafIndex": finality.map(|at| at.leaf_index),
        "notFinal": outcome.as_ref().err(),
        "files": report.files,
        "directories": report.directories,
        "filesRead": report.files_read,
        "logicalBytes": report.bytes,
        "newBytes": report.new_bytes,
        "storedBytes": report.stored_bytes,
        "packs": report.packs,
        "degradedPacks": report.degraded_packs,
        "seconds": elapsed.as_secs_f64(),
        "skipped": report.skipped,
        "errors": report.errors,
    });
    output::print(global, &document, || {
        println!("snapshot    {} of {}", report.snapshot, output::text(vault));
        println!(
            "files       {} in {}, {}",
            report.files,
            output::count(report.directories, "directory", "directories"),
            output::bytes(report.bytes)
        );
        println!("new         {} → {} in shards", output::bytes(report.new_bytes), output::bytes(report.stored_bytes));
        println!("commitment  {}", report.commitment);
        match outcome {
            Ok(at) => println!("final       at height {}, leaf {} of the snapshot log", at.height, at.leaf_index),
            Err(why) => println!("final       not yet: {why}"),
        }
        println!("time        {}", output::seconds(elapsed));
        if report.degraded_packs > 0 {
            println!(
                "degraded    {} with fewer holders than the policy places; the node repairs that",
                output::count(report.degraded_packs, "pack", "packs")
            );
        }
        if !report.skipped.is_empty() {
            let mut reasons = BTreeMap::<&str, usize>::new();
            report.skipped.iter().for_each(|note| *reasons.entry(&note.reason).or_default() += 1);
            let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
            println!("skipped     {}", reasons.join(", "));
        }
        output::notes(global, "not backed up, or changed while it was read", &report.errors);
    });
}

#[cfg(test)]
mod tests {
    use primitives::{COMMITMENT_VERSION, Commitment, Height, PackId, TimestampMs, VaultId};

    use super::*;

    fn record(finality: Option<Finality>) -> SnapshotRecord {
        let commitment = Commitment {
            version: COMMITMENT_VERSION,
            vault: VaultId::ZERO,
            seq: 1,
            prev: Default::default(),
            content_root: Default::default(),
            manifest: Default::default(),
            packs_root: Default::default(),
            packs: 0,
            files: 0,
            logical_bytes: 0,
            stored_bytes: 0,
            policy: Policy::ERASURE,
            retain_until: Default::default(),
            taken_at: Default::default(),
        };
        SnapshotRecord { commitment, packs: vec![], manifest_pack: PackId::ZERO, finality }
    }

    #[test]
    fn a_snapshot_that_is_recorded_and_not_final_is_done_in_part() {
        let at = Finality { height: Height::new(7), leaf_index: 3, timestamp: TimestampMs::new(9) };
        let mut answers = [record(None), record(None), record(Some(at))].into_iter();
        let waited = wait_for_finality(|| Ok(answers.next()), FINALITY_TIMEOUT);
        assert_eq!((&waited, answers.len()), (&Ok(at), 0), "looked until it was");
        assert_eq!(exit(true, waited.is_ok()), Exit::Done);

        let late = wait_for_finality(|| Ok(Some(record(None))), Duration::ZERO);
        let why = late.as_ref().unwrap_err();
        assert!(why.contains("within 0 s") && why.contains("nothing is lost"), "{why}");
        assert_eq!(exit(true, late.is_ok()), Exit::Partial);

        let gone = || Err(NodeError::Unreachable { address: "a".to_owned(), reason: "b".to_owned() });
        let lost = wait_for_finality(gone, FINALITY_TIMEOUT);
        let why = lost.as_ref().unwrap_err();
        assert!(why.contains("cannot be reached") && why.contains("nothing is lost"), "{why}");
        assert_eq!(exit(true, lost.is_ok()), Exit::Partial);

        assert_eq!(exit(false, true), Exit::Partial, "files that could not be read");
        assert_eq!([Exit::Done, Exit::Partial].map(|exit| format!("{:?}", exit.code())), [0, 3].map(code));
    }

    fn code(code: u8) -> String {
        format!("{:?}", std::process::ExitCode::from(code))
    }
}
