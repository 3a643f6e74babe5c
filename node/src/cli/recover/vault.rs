//! One vault: its newest snapshot and its objects.

use std::path::{Path, PathBuf};
use std::time::Instant;

use client::{Cancel, ClientError, Owner, RestoreOptions, SnapshotRef, VaultInfo};
use eyre::{WrapErr, eyre};
use serde_json::{Value, json};

use super::super::exit::{Exit, Failure};
use super::super::progress::{Bar, cancel_on_signal};
use super::super::{Global, object, output, restore};
use super::objects;
use super::record::Record;

/// Where to, and what is there already.
pub(super) struct Recovery {
    target: PathBuf,
    record: Record,
    cancel: Cancel,
    pub(super) overwrite: bool,
}

impl Recovery {
    pub(super) fn new(target: PathBuf, overwrite: bool) -> Result<Self, Failure> {
        std::fs::create_dir_all(&target).wrap_err_with(|| format!("cannot make {}", target.display()))?;
        Ok(Self { record: Record::read(&target), target, cancel: cancel_on_signal(), overwrite })
    }

    /// Whether it was stopped.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// Lists a vault's objects; brings its newest snapshot and its objects back when there is a target. What fails is told
/// and keeps nothing else away, neither here nor in other vaults.
pub(super) fn recover(
    global: &Global,
    owner: &Owner,
    vault: &VaultInfo,
    row: &mut Value,
    place: Option<(&mut Recovery, &(String, String))>,
) -> Exit {
    let outcomes = match place {
        None => [list_objects(global, owner, vault, row, None), Ok(Exit::Done)],
        Some((recovery, (files, directory))) => [
            if vault.snapshots > 0 { snapshot(global, owner, vault, row, recovery, files) } else { Ok(Exit::Done) },
            list_objects(global, owner, vault, row, Some((&*recovery, directory))),
        ],
    };
    let mut exit = Exit::Done;
    let mut told = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Exit::Done) => {}
            Ok(Exit::Partial) => exit = Exit::Partial,
            Err(failure) => told.push(format!("{:#}", failure.into_report())),
        }
    }
    if !told.is_empty() {
        let message = told.join("; ");
        if !global.json {
            eprintln!("vault {}: {message}", output::text(&vault.name));
        }
        row["error"] = json!(message);
        exit = Exit::Partial;
    }
    exit
}

/// Lists the objects, and restores them when there is a place for them.
fn list_objects(
    global: &Global,
    owner: &Owner,
    vault: &VaultInfo,
    row: &mut Value,
    place: Option<(&Recovery, &String)>,
) -> Result<Exit, Failure> {
    let objects = owner.list(&vault.name)?;
    row["objects"] = objects.iter().map(object::document).collect();
    let Some((recovery, directory)) = place.filter(|_| !objects.is_empty()) else { return Ok(Exit::Done) };
    let directory = recovery.target.join(directory);
    let (rows, complete) = objects::restore(global, owner, (&vault.name, &objects), &directory, recovery)?;
    row["objects"] = rows.into();
    Ok(if complete { Exit::Done } else { Exit::Partial })
}

/// Restores the newest snapshot, unless an earlier run did.
fn snapshot(
    global: &Global,
    owner: &Owner,
    vault: &VaultInfo,
    row: &mut Value,
    recovery: &mut Recovery,
    directory: &str,
) -> Result<Exit, Failure> {
    let newest = owner.snapshot(&vault.name, SnapshotRef::Latest)?;
    let target = recovery.target.join(directory);
    if !recovery.overwrite && recovery.record.holds(&vault.vault, &newest.commitment) && target.is_dir() {
        row["restoredBefore"] = json!(true);
        return Ok(Exit::Done);
    }
    let stored = output::bytes(vault.stored_bytes);
    let snapshots = output::count(vault.snapshots, "snapshot", "snapshots");
    output::note(global, &format!("vault {}: {snapshots}, {stored}", output::text(&vault.name)));
    let (exit, document) = restore_vault(global, owner, vault, newest.seq, &target, recovery)?;
    row["restore"] = document;
    if exit == Exit::Done {
        recovery.record.add(&vault.vault, &newest.commitment)?;
    }
    Ok(exit)
}

fn restore_vault(
    global: &Global,
    owner: &Owner,
    vault: &VaultInfo,
    snapshot: u64,
    target: &Path,
    recovery: &Recovery,
) -> Result<(Exit, Value), Failure> {
    let started = Instant::now();
    let bar = Bar::new(global, "restore");
    let mut options = RestoreOptions::new(&vault.name, target.to_path_buf());
    options.snapshot = SnapshotRef::Seq(snapshot);
    options.progress = bar.clone();
    options.overwrite = recovery.overwrite;
    options.cancel = recovery.cancel.clone();
    let outcome = owner.restore(options);
    bar.finish();
    let report = outcome.map_err(|error| match error {
        ClientError::TargetNotEmpty { path } => Failure::Failed(eyre!(
            "{} is not empty, and not from an earlier run for this snapshot; choose another --target, or replace what is \
             in the way with --overwrite",
            path.display()
        )),
        other => other.into(),
    })?;
    if !global.json {
        restore::show(global, &report, started.elapsed());
    }
    Ok((restore::exit(&report), restore::document(&report, started.elapsed())))
}
