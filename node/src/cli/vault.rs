//! `strongroom vault`.

use clap::{Args, Subcommand};
use client::{Owner, VaultInfo, VaultOptions};
use primitives::Policy;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::{Global, account, health, output};

/// Assumptions of the printed loss probability: each volume fails with this yearly rate …
const FAILURES_PER_YEAR: f64 = 0.10;
/// … and a lost shard is rebuilt within this time.
const REPAIR_HOURS: f64 = 24.0;

/// What to do with vaults.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  strongroom vault create papers\n  strongroom vault list\n  strongroom vault info papers"
)]
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
    let volumes = health::volumes(global)?;
    match command {
        VaultCommand::Create(args) => {
            let vault = create(&owner, &args.name, args.policy, args.retention_days)?;
            warn(global, vault.policy, volumes);
            output::print(global, &document(&vault, volumes), || show(&vault, volumes));
        }
        VaultCommand::List => {
            let vaults = owner.vault_list()?;
            output::print(global, &vaults.iter().map(|vault| document(vault, volumes)).collect(), || {
                for vault in &vaults {
                    println!(
                        "{:20} {:>5}  {:>15}  {:>12}",
                        output::text(&vault.name),
                        vault.policy,
                        output::count(vault.snapshots, "snapshot ", "snapshots"),
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
            output::print(global, &document(&vault, volumes), || show(&vault, volumes));
        }
    }
    Ok(Exit::Done)
}

/// Opens a vault.
pub(crate) fn create(owner: &Owner, name: &str, policy: Policy, retention_days: u64) -> Result<VaultInfo, Failure> {
    let options = VaultOptions { policy, retention_ms: retention_days * 86_400_000, ..VaultOptions::default() };
    Ok(owner.vault_create(name, options)?)
}

/// How well a policy protects on so many volumes: with fewer volumes than shards some carry several, and each that dies
/// takes all of its shards along.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Protection {
    /// Volumes that may die at once.
    tolerated: u8,
    /// Probability that a pack is lost within a year.
    annual_loss: f64,
}

impl Protection {
    fn of(policy: Policy, volumes: u8) -> Self {
        let spread = volumes.clamp(1, policy.width());
        let per_volume = policy.width().div_ceil(spread);
        let tolerated = policy.parity_shards() / per_volume;
        // Of `spread` volumes any `spread - tolerated` still hold enough.
        let on_volumes = Policy::new(spread - tolerated.min(spread - 1), tolerated).unwrap_or(policy);
        Self { tolerated, annual_loss: coding::annual_loss_probability(on_volumes, FAILURES_PER_YEAR, REPAIR_HOURS) }
    }
}

fn document(vault: &VaultInfo, volumes: u8) -> Value {
    let protection = Protection::of(vault.policy, volumes);
    let mut document = json!(vault);
    document["annualLossProbability"] = json!(protection.annual_loss);
    document["volumesThatMayDie"] = json!(protection.tolerated);
    document["assumptions"] =
        json!({ "failuresPerYear": FAILURES_PER_YEAR, "repairHours": REPAIR_HOURS, "volumes": volumes });
    document
}

/// Says when the network is too small for the policy, or the policy keeps nothing to lose.
fn warn(global: &Global, policy: Policy, volumes: u8) {
    if volumes < policy.width() {
        output::note(
            global,
            &format!(
                "note: policy {policy} wants {} and the network has {volumes}: some carry several shards of a pack",
                output::count(policy.width().into(), "volume", "volumes")
            ),
        );
    }
    if Protection::of(policy, volumes).tolerated == 0 {
        output::note(global, "warning: the loss of any one volume loses data");
    }
}

fn show(vault: &VaultInfo, volumes: u8) {
    let protection = Protection::of(vault.policy, volumes);
    println!("vault      {}", output::text(&vault.name));
    println!("id         {}", vault.vault);
    println!("policy     {}", vault.policy);
    let volumes = output::count(volumes.into(), "volume", "volumes");
    let survives = match protection.tolerated {
        0 => format!("the loss of none of its {volumes}"),
        tolerated => format!("the loss of any {tolerated} of its {volumes}"),
    };
    println!("survives   {survives}; yearly loss probability of a pack {:.1e}", protection.annual_loss);
    println!(
        "           (volumes fail independently, {FAILURES_PER_YEAR} a year; lost shards are rebuilt within {REPAIR_HOURS} h)"
    );
    if vault.retention_ms > 0 {
        println!("retention  {}", output::count(vault.retention_ms / 86_400_000, "day", "days"));
    }
    println!("snapshots  {}", vault.snapshots);
    println!("stored     {} in {}", output::bytes(vault.stored_bytes), output::count(vault.packs, "pack", "packs"));
    match vault.on_chain {
        Some(height) => println!("on chain   since height {height}"),
        None => println!("on chain   not yet: with the first snapshot"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_volumes_than_shards_protect_less() {
        for (policy, volumes, tolerated) in [
            (Policy::ERASURE, 6, 2),
            (Policy::ERASURE, 12, 2),
            (Policy::ERASURE, 3, 1),
            (Policy::ERASURE, 1, 0),
            (Policy::STRONG, 6, 2),
            (Policy::STRONG, 12, 4),
            (Policy::MIRROR, 6, 3),
            (Policy::MIRROR, 2, 1),
        ] {
            assert_eq!(Protection::of(policy, volumes).tolerated, tolerated, "{policy} on {volumes}");
        }
        assert!(Protection::of(Policy::STRONG, 6).annual_loss > Protection::of(Policy::STRONG, 12).annual_loss);
    }
}
