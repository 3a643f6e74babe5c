//! `strongroom vault`.

use clap::{Args, Subcommand};
use client::{Owner, VaultInfo, VaultOptions};
use primitives::Policy;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::{Global, account, output};

/// Assumptions of the printed loss probability: each volume fails with this yearly rate …
const FAILURES_PER_YEAR: f64 = 0.10;
/// … and a lost shard is rebuilt within this time.
const REPAIR_HOURS: f64 = 24.0;

/// What to do with vaults.
#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Open a vault
    Create(CreateArgs),
    /// List the vaults of this key
    #[command(after_help = "Example: strongroom vault list")]
    List,
    /// Show one vault
    #[command(after_help = "Example: strongroom vault info papers")]
    Info {
        /// The vault's name
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom vault create papers\n  strongroom vault create archive --policy strong --retention-days 3650"
)]
pub(crate) struct CreateArgs {
    /// The vault's name; only you can read it
    name: String,
    /// erasure (4+2), strong (8+4), copies (1+4), mirror (1+3), or k+m such as 6+3
    #[arg(long, default_value = "erasure")]
    policy: Policy,
    /// Lock each snapshot for this many days
    #[arg(long, default_value_t = 0, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=36_500))]
    retention_days: u64,
}

pub(crate) fn run(global: &Global, command: VaultCommand) -> Result<Exit, Failure> {
    let owner = account::owner(global)?;
    match command {
        VaultCommand::Create(args) => {
            let vault = create(&owner, &args.name, args.policy, args.retention_days)?;
            output::print(global, &document(&vault), || show(&vault));
        }
        VaultCommand::List => {
            let vaults = owner.vault_list()?;
            output::print(global, &vaults.iter().map(document).collect(), || {
                for vault in &vaults {
                    println!(
                        "{:20} {:>5}  {:>5} snapshots  {:>12}",
                        vault.name,
                        vault.policy,
                        vault.snapshots,
                        output::bytes(vault.stored_bytes)
                    );
                }
                if vaults.is_empty() {
                    eprintln!("no vaults yet; make one with `strongroom vault create NAME`");
                }
            });
        }
        VaultCommand::Info { name } => {
            let vault = owner.vault_info(&name)?;
            output::print(global, &document(&vault), || show(&vault));
        }
    }
    Ok(Exit::Done)
}

/// Opens a vault.
pub(crate) fn create(owner: &Owner, name: &str, policy: Policy, retention_days: u64) -> Result<VaultInfo, Failure> {
    let options = VaultOptions { policy, retention_ms: retention_days * 86_400_000, ..VaultOptions::default() };
    Ok(owner.vault_create(name, options)?)
}

/// Yearly loss probability of a pack of this policy.
fn loss(policy: Policy) -> f64 {
    coding::annual_loss_probability(policy, FAILURES_PER_YEAR, REPAIR_HOURS)
}

fn document(vault: &VaultInfo) -> Value {
    let mut document = json!(vault);
    document["annualLossProbability"] = json!(loss(vault.policy));
    document["assumptions"] = json!({ "failuresPerYear": FAILURES_PER_YEAR, "repairHours": REPAIR_HOURS });
    document
}

fn show(vault: &VaultInfo) {
    println!("vault      {}", vault.name);
    println!("id         {}", vault.vault);
    println!("policy     {}", vault.policy);
    println!(
        "yearly loss probability of a pack  {:.1e}  (volumes fail independently, {FAILURES_PER_YEAR} a year; lost shards are rebuilt within {REPAIR_HOURS} h)",
        loss(vault.policy)
    );
    if vault.retention_ms > 0 {
        println!("retention  {} days", vault.retention_ms / 86_400_000);
    }
    println!("snapshots  {}", vault.snapshots);
    println!("stored     {} in {} packs", output::bytes(vault.stored_bytes), vault.packs);
    match vault.on_chain {
        Some(height) => println!("on chain   since height {height}"),
        None => println!("on chain   not yet: with the first snapshot"),
    }
}
