//! `config`, `init`, `dump-genesis`, `completions`: commands that touch no network.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Subcommand};
use eyre::WrapErr;
use serde_json::{Map, json};

use super::exit::{Exit, Failure};
use super::run::Place;
use super::{Cli, Global, output};
use crate::config::{Config, explained};
use crate::keys::NodeKeys;
use crate::network;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  strongroom config show\n  strongroom config check --config strongroom.toml\n\n`strongroom init --config strongroom.toml` writes a file that explains every option."
)]
pub(crate) enum ConfigCommand {
    /// Print the configuration in force: defaults, file, environment
    #[command(after_help = "Example: strongroom config show --config strongroom.toml")]
    Show(Place),
    /// Check a configuration without starting anything
    #[command(after_help = "Example: strongroom config check --config strongroom.toml")]
    Check(Place),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom init --dev --data-dir /srv/strongroom\n  strongroom init --config strongroom.toml --genesis genesis.json"
)]
pub(crate) struct InitArgs {
    /// Data directory to prepare
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Write a configuration file with every option here; it must not exist
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make a network of this machine alone
    #[arg(long, conflicts_with = "genesis")]
    dev: bool,
    /// Join the network of this genesis description
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: strongroom dump-genesis --data-dir /srv/strongroom > genesis.json")]
pub(crate) struct DumpGenesisArgs {
    #[command(flatten)]
    place: Place,
}

/// `strongroom config …`.
pub(crate) fn config(global: &Global, command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Show(place) => {
            let config = place.load(Map::new())?;
            let text = toml::to_string_pretty(&config).wrap_err("cannot print the configuration")?;
            output::print(global, &json!(config), || print!("{text}"));
        }
        ConfigCommand::Check(place) => {
            let config = place.load(Map::new())?;
            let genesis = network::genesis_file(&config.data_dir.0);
            let network = if genesis.exists() { Some(network::read(&genesis)?) } else { None };
            let document = json!({ "valid": true, "network": network.as_ref().map(|spec| &spec.name) });
            output::print(global, &document, || match network {
                Some(spec) => println!("valid; network {} ({})", spec.name, spec.network),
                None => println!("valid; no network yet (`strongroom init` or `strongroom run --dev` makes one)"),
            });
        }
    }
    Ok(Exit::Done)
}

/// `strongroom init`: keys, genesis and configuration, so that they can be looked at before the first start.
pub(crate) fn init(global: &Global, args: InitArgs) -> Result<Exit, Failure> {
    let mut flags = Map::new();
    if let Some(dir) = &args.data_dir {
        flags.insert("data_dir".to_owned(), json!(dir));
    }
    let mut config = Config::load(None, flags.into())?;
    // Of a file that is read from anywhere the path must not depend on where that is.
    config.data_dir.0 = std::path::absolute(&config.data_dir.0).wrap_err("there is no current directory")?;
    let data_dir = store::DataDir::open(&config.data_dir.0).map_err(eyre::Report::from)?;
    let keys = NodeKeys::load_or_create(&data_dir.keys())?;
    let genesis = network::genesis_file(data_dir.path());
    match (&args.genesis, args.dev) {
        (Some(file), _) => network::join(data_dir.path(), file)?,
        (None, true) if !genesis.exists() => network::create_dev(data_dir.path(), &keys)?,
        _ => {}
    }
    if let Some(path) = &args.config {
        write_config(path, &config)?;
    }
    let document = json!({
        "dataDir": data_dir.path(),
        "genesis": genesis.exists().then_some(&genesis),
        "config": args.config,
        "validatorKey": keys.validator_key(),
        "memberKey": keys.member_key(),
        "storageKey": keys.storage_key(),
        "operator": keys.operator_address()?,
    });
    output::print(global, &document, || {
        println!("data directory  {}", data_dir.path().display());
        println!("validator key   {}", keys.validator_key());
        println!("member key      {}", keys.member_key());
        println!("storage key     {}", keys.storage_key());
        if let Ok(operator) = keys.operator_address() {
            println!("operator        0x{operator}");
        }
        match genesis.exists() {
            true => println!("genesis         {}", genesis.display()),
            false => println!("genesis         none yet: `strongroom init --dev`, or --genesis FILE to join a network"),
        }
    });
    Ok(Exit::Done)
}

fn write_config(path: &std::path::Path, config: &Config) -> eyre::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .wrap_err_with(|| format!("cannot create {} (an existing file is not overwritten)", path.display()))?;
    file.write_all(explained(config)?.as_bytes())?;
    Ok(())
}

/// `strongroom dump-genesis`.
pub(crate) fn dump_genesis(args: DumpGenesisArgs) -> Result<Exit, Failure> {
    let config = args.place.load(Map::new())?;
    let path = network::genesis_file(&config.data_dir.0);
    if !path.exists() {
        return Err(Failure::Failed(eyre::eyre!("there is no {}; `strongroom init --dev` makes one", path.display())));
    }
    network::read(&path)?;
    print!("{}", std::fs::read_to_string(&path)?);
    Ok(Exit::Done)
}

/// `strongroom completions`.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    clap_complete::generate(shell, &mut Cli::command(), "strongroom", &mut std::io::stdout());
    Ok(Exit::Done)
}
