//! `strongroom recover`: on an empty machine, with only the phrase and a node's address.

mod names;
mod objects;
mod record;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use client::{Cancel, ClientError, Owner, RestoreOptions, SnapshotRef, VaultInfo};
use eyre::{WrapErr, eyre};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::keystore::Keystore;
use super::progress::{Bar, cancel_on_signal};
use super::{Global, account, key, object, output, restore};
use record::Record;

/// Options of `recover`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom recover --phrase - --target ~/back --node http://my-node:8545\n  strongroom recover --phrase \"word word …\" --list"
)]
pub(crate) struct RecoverArgs {
    /// The 24 words, or - to type them
    #[arg(long)]
    phrase: String,
    /// Directory to restore into, one directory per vault
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    target: Option<PathBuf>,
    /// Only list what is there
    #[arg(long)]
    list: bool,
    /// Only these vaults; default: all
    #[arg(long = "vault", value_name = "NAME")]
    vaults: Vec<String>,
    /// Replace what is in the way
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(global: &Global, args: RecoverArgs) -> Result<Exit, Failure> {
    let secret = key::secret_from_phrase(&args.phrase)?;
    let again = key::secret_from_phrase(&secret.phrase())?;
    let owner = account::client(global)?.owner(secret);
    let mut vaults = owner.vault_list()?;
    if vaults.is_empty() {
        return Err(Failure::Failed(eyre!(
            "account 0x{} of this phrase owns no vault on the node at {}; check that it is the right phrase and the right \
             node (nothing was written)",
            owner.address(),
            global.node
        )));
    }
    if let Some(missing) = args.vaults.iter().find(|name| !vaults.iter().any(|vault| &vault.name == *name)) {
        return Err(Failure::Failed(eyre!("there is no vault {missing:?} for this phrase; use --list to see all")));
    }
    let target = args.target.filter(|_| !args.list);
    let file = if target.is_some() { keep_key(global, &again)? } else { None };
    let directories = names::directories(&vaults);
    vaults.retain(|vault| args.vaults.is_empty() || args.vaults.contains(&vault.name));
    let mut recovery = match target {
        Some(target) => Some(Recovery::new(target, args.overwrite)?),
        None => None,
    };
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for vault in &vaults {
        let mut row = json!(vault);
        let place = recovery.as_mut().zip(directories.get(&vault.name));
        if one(global, &owner, vault, &mut row, place) != Exit::Done {
            exit = Exit::Partial;
        }
        rows.push(row);
        if recovery.as_ref().is_some_and(|recovery| recovery.cancel.is_cancelled()) {
            exit = Exit::Partial;
            break;
        }
    }
    let document = json!({ "address": format!("0x{}", owner.address()), "keyFile": file, "vaults": rows });
    output::print(global, &document, || {
        println!("account 0x{}", owner.address());
        for (vault, row) in vaults.iter().zip(&rows) {
            show(vault, row, args.list);
        }
        match file {
            Some(path) => println!("key file {}", path.display()),
            None if args.list => {}
            None => println!("the key was not kept here; `strongroom key import --phrase -` keeps it"),
        }
    });
    Ok(exit)
}

/// One vault, and with `--list` its objects.
fn show(vault: &VaultInfo, row: &Value, list: bool) {
    let objects = row["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
    let state = if row["complete"] == true { ", there already, complete" } else { "" };
    println!(
        "  {:20} {}, {}{state}",
        output::text(&vault.name),
        output::count(vault.snapshots, "snapshot", "snapshots"),
        output::count(u64::try_from(objects.len()).unwrap_or(u64::MAX), "object", "objects"),
    );
    for object in objects.iter().filter(|_| list) {
        let size = output::bytes(object["size"].as_u64().unwrap_or_default());
        println!("    {size:>12}  {}", output::text(object["key"].as_str().unwrap_or_default()));
    }
}

/// Where to, and what is there already.
struct Recovery {
    target: PathBuf,
    record: Record,
    cancel: Cancel,
    overwrite: bool,
}

impl Recovery {
    fn new(target: PathBuf, overwrite: bool) -> Result<Self, Failure> {
        std::fs::create_dir_all(&target).wrap_err_with(|| format!("cannot make {}", target.display()))?;
        Ok(Self { record: Record::read(&target), target, cancel: cancel_on_signal(), overwrite })
    }
}

/// Lists a vault's objects; brings its newest snapshot and its objects back when there is a target. What fails is told
/// and keeps nothing else away, neither here nor in other vaults.
fn one(
    global: &Global,
    owner: &Owner,
    vault: &VaultInfo,
    row: &mut Value,
    place: Option<(&mut Recovery, &(String, String))>,
) -> Exit {
    let outcomes = match place {
        None => [objects(global, owner, vault, row, None), Ok(Exit::Done)],
        Some((recovery, (files, directory))) => [
            if vault.snapshots > 0 { snapshot(global, owner, vault, row, recovery, files) } else { Ok(Exit::Done) },
            objects(global, owner, vault, row, Some((&*recovery, directory))),
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
fn objects(
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
    let newest = owner.snapshots(&vault.name)?.into_iter().max_by_key(|snapshot| snapshot.seq);
    let Some(newest) = newest else { return Ok(Exit::Done) };
    let target = recovery.target.join(directory);
    if !recovery.overwrite && recovery.record.holds(&vault.vault, &newest.commitment) && target.is_dir() {
        row["complete"] = json!(true);
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

/// Keeps the key on this machine when a passphrase is at hand or can be asked for.
fn keep_key(global: &Global, secret: &seal::OwnerSecret) -> Result<Option<PathBuf>, Failure> {
    let known =
        Keystore::read(&account::keystore_dir(global))?.keys.into_iter().find(|file| file.address == secret.address());
    if let Some(file) = known {
        return Ok(Some(file.path));
    }
    if std::env::var_os("STRONGROOM_PASSPHRASE").is_none()
        && global.passphrase_file.is_none()
        && !account::can_ask(global)
    {
        return Ok(None);
    }
    let passphrase = account::new_passphrase(global)?;
    Ok(Some(account::save(global, secret, &passphrase)?))
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
        restore::show(&report, started.elapsed());
    }
    Ok((restore::exit(&report), restore::document(&report, started.elapsed())))
}
