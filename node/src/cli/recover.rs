//! `strongroom recover`: on an empty machine, with only the phrase and a node's address.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use client::{RestoreOptions, SnapshotRef, VaultInfo};
use eyre::eyre;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::keystore::Keystore;
use super::progress::{Bar, cancel_on_signal};
use super::{Global, account, key, output, restore};

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
    let file = keep_key(global, &secret)?;
    let owner = account::client(global)?.owner(secret);
    let mut vaults = owner.vault_list()?;
    if let Some(missing) = args.vaults.iter().find(|name| !vaults.iter().any(|vault| &vault.name == *name)) {
        return Err(Failure::Failed(eyre!("there is no vault {missing:?} for this phrase; use --list to see all")));
    }
    vaults.retain(|vault| args.vaults.is_empty() || args.vaults.contains(&vault.name));
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for vault in &vaults {
        let mut row = json!(vault);
        if let (Some(target), true) = (&args.target, vault.snapshots > 0) {
            output::note(
                global,
                &format!(
                    "vault {}: {}, {}",
                    output::text(&vault.name),
                    output::count(vault.snapshots, "snapshot", "snapshots"),
                    output::bytes(vault.stored_bytes)
                ),
            );
            let directory = target.join(directory_name(&vault.name));
            let (one, document) = restore_vault(global, &owner, vault, directory, args.overwrite)?;
            if one != Exit::Done {
                exit = one;
            }
            row["restore"] = document;
        }
        rows.push(row);
    }
    output::print(
        global,
        &json!({ "address": format!("0x{}", owner.address()), "keyFile": file, "vaults": rows }),
        || {
            println!("account 0x{}", owner.address());
            for vault in &vaults {
                let snapshots = output::count(vault.snapshots, "snapshot", "snapshots");
                println!("  {:20} {snapshots}", output::text(&vault.name));
            }
            if vaults.is_empty() {
                println!("  no vaults: is this the right phrase, and the right node?");
            }
            match file {
                Some(path) => println!("key file {}", path.display()),
                None => println!("the key was not kept here; `strongroom key import --phrase -` keeps it"),
            }
        },
    );
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
    owner: &client::Owner,
    vault: &VaultInfo,
    target: PathBuf,
    overwrite: bool,
) -> Result<(Exit, Value), Failure> {
    let started = Instant::now();
    let bar = Bar::new(global, "restore");
    let mut options = RestoreOptions::new(&vault.name, target);
    options.snapshot = SnapshotRef::Latest;
    options.overwrite = overwrite;
    options.progress = bar.clone();
    options.cancel = cancel_on_signal();
    let outcome = owner.restore(options);
    bar.finish();
    let report = outcome?;
    if !global.json {
        restore::show(&report, started.elapsed());
    }
    Ok((restore::exit(&report), restore::document(&report, started.elapsed())))
}

/// A directory name for a vault: what would leave the directory is replaced.
fn directory_name(vault: &str) -> String {
    let name: String = vault.chars().map(|c| if c == '/' || c == '\0' { '_' } else { c }).collect();
    if name == "." || name == ".." { name.replace('.', "_") } else { name }
}
