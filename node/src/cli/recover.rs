//! `strongroom recover`: on an empty machine, with only the phrase and a node's address.

mod names;
mod objects;
mod record;
mod vault;

use std::path::PathBuf;

use clap::Args;
use client::VaultInfo;
use eyre::eyre;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::keystore::Keystore;
use super::{Global, account, key, output};
use vault::Recovery;

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
        if vault::recover(global, &owner, vault, &mut row, place) != Exit::Done {
            exit = Exit::Partial;
        }
        rows.push(row);
        if recovery.as_ref().is_some_and(Recovery::is_cancelled) {
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
    let state =
        if row["restoredBefore"] == true { ", restored by an earlier run (again with --overwrite)" } else { "" };
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
