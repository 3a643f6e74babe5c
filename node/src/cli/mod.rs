//! What a person types: one file per group of commands, each command with an example in its help.

mod account;
mod backup;
mod exit;
mod health;
mod key;
mod keystore;
mod object;
mod output;
mod progress;
mod receipt;
mod recover;
mod restore;
mod run;
mod settings;
mod snapshots;
mod unlock;
mod vault;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use exit::Exit;
pub(crate) use exit::Failure;

/// Encrypted backups on many machines, and a proof of every one.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, about, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "First steps:\n  strongroom run --dev            start a node with six volumes\n  strongroom backup docs ~/docs   back up; offers to create key and vault\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part (see the report), 4 a proof does not hold, 5 no node answers"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    /// No progress bars, no notes
    #[arg(long, short, global = true)]
    quiet: bool,
    /// The node to talk to
    #[arg(long, global = true, env = "STRONGROOM_NODE", default_value = "http://127.0.0.1:8545", value_name = "URL")]
    node: String,
    /// Refuse nodes whose chain has another id
    #[arg(long, global = true, env = "STRONGROOM_CHAIN_ID", value_name = "ID")]
    chain_id: Option<u64>,
    /// Account to act as: its address or the beginning of it; needed when there are several
    #[arg(long, global = true, env = "STRONGROOM_ACCOUNT", value_name = "ADDRESS")]
    account: Option<String>,
    /// File whose first line is the passphrase (or set `STRONGROOM_PASSPHRASE`)
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Directory of keystore files
    #[arg(long, global = true, env = "STRONGROOM_KEYSTORE", value_name = "DIR")]
    keystore: Option<PathBuf>,
    /// Directory of caches; may be deleted at any time
    #[arg(long, global = true, env = "STRONGROOM_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node
    Run(run::RunArgs),
    /// Owner accounts
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Vaults: collections with one durability policy and one stream of snapshots
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Back up files and directories into a vault
    Backup(backup::BackupArgs),
    /// List the snapshots of a vault
    Snapshots(snapshots::SnapshotsArgs),
    /// List files of a snapshot
    Ls(snapshots::LsArgs),
    /// Compare two snapshots
    Diff(snapshots::DiffArgs),
    /// Restore a snapshot into a directory
    Restore(restore::RestoreArgs),
    /// Store one file as an object
    Put(object::PutArgs),
    /// Read an object back
    Get(object::GetArgs),
    /// List the objects of a vault
    List(object::ListArgs),
    /// Write the receipt of a snapshot: a file that proves it to a stranger
    Receipt(receipt::ReceiptArgs),
    /// Verify a receipt; needs no node, no key and no network
    Verify(receipt::VerifyArgs),
    /// Get everything back on an empty machine, from the recovery phrase and a node's address
    Recover(recover::RecoverArgs),
    /// What the node is doing
    #[command(
        after_help = "Examples:\n  strongroom status\n  strongroom status --json --node http://my-node:8545 | jq .replica.volumes"
    )]
    Status,
    /// Whether chain, ledger and every shard are well
    #[command(
        after_help = "Examples:\n  strongroom health\n  strongroom health --quiet || mail -s 'backups need attention' me\n\nExit code 0: all is well; 3: what is listed is not; 5: no node answers."
    )]
    Health,
    /// The node's configuration
    #[command(subcommand)]
    Config(settings::ConfigCommand),
    /// Prepare a data directory: keys, genesis, configuration
    Init(settings::InitArgs),
    /// Print the genesis description of a data directory
    DumpGenesis(settings::DumpGenesisArgs),
    /// Print shell completions
    #[command(after_help = "Example: strongroom completions bash > /etc/bash_completion.d/strongroom")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command line to its exit code.
pub(crate) fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error, wants_json(std::env::args_os())),
    };
    let json = cli.global.json;
    match dispatch(cli) {
        Ok(exit) => exit.code(),
        Err(failure) => failure.report(json),
    }
}

/// Whether `--json` is among arguments that do not parse.
fn wants_json(args: impl Iterator<Item = OsString>) -> bool {
    args.take_while(|arg| arg != "--").any(|arg| arg == "--json")
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Run(args) => run::run(args),
        Command::Key(command) => key::run(global, command),
        Command::Vault(command) => vault::run(global, command),
        Command::Backup(args) => backup::run(global, args),
        Command::Snapshots(args) => snapshots::snapshots(global, args),
        Command::Ls(args) => snapshots::ls(global, args),
        Command::Diff(args) => snapshots::diff(global, args),
        Command::Restore(args) => restore::run(global, args),
        Command::Put(args) => object::put(global, args),
        Command::Get(args) => object::get(global, args),
        Command::List(args) => object::list(global, args),
        Command::Receipt(args) => receipt::write(global, args),
        Command::Verify(args) => receipt::verify(global, args),
        Command::Recover(args) => recover::run(global, args),
        Command::Status => health::status(global),
        Command::Health => health::health(global),
        Command::Config(command) => settings::config(global, command),
        Command::Init(args) => settings::init(global, args),
        Command::DumpGenesis(args) => settings::dump_genesis(args),
        Command::Completions { shell } => settings::completions(shell),
    }
}
