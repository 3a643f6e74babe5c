//! `strongroom run`: one process, all roles.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::exit::{Exit, Failure};
use crate::config::Config;
use crate::{telemetry, wiring};

/// Options of `run`; each overrides the configuration file and the environment.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom run --dev\n  strongroom run --dev --data-dir /srv/strongroom --volume /disk1 --volume /disk2\n  strongroom run --config /etc/strongroom.toml --set rpc.idle_seconds=10"
)]
pub(crate) struct RunArgs {
    /// Create a network of one validator for this machine at the first start
    #[arg(long)]
    dev: bool,
    #[command(flatten)]
    place: Place,
    /// JSON-RPC address; port 0 = any free one
    #[arg(long, value_name = "ADDR")]
    rpc_addr: Option<SocketAddr>,
    /// Prometheus address
    #[arg(long, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,
    /// Directory of one volume, once per disk
    #[arg(long = "volume", value_name = "DIR")]
    volumes: Vec<PathBuf>,
    /// Seconds between blocks without transactions
    #[arg(long, value_name = "SECONDS")]
    heartbeat_seconds: Option<u64>,
    /// Log filter, such as info,replica=debug
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Write the RPC address here once the node is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Where the node's files are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Configuration file
    #[arg(long, env = "STRONGROOM_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Any option of the configuration, such as `rpc.batch_max=100`; may be given several times
    #[arg(long = "set", value_name = "OPTION=VALUE", value_parser = setting)]
    settings: Vec<Setting>,
}

/// One option of the configuration with its value.
#[derive(Clone, Debug)]
struct Setting {
    section: Option<String>,
    option: String,
    value: Value,
}

/// Reads `section.option=value`; the value is TOML, or else a text.
fn setting(text: &str) -> Result<Setting, String> {
    let (path, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no OPTION=VALUE"))?;
    let (section, option) = match path.split_once('.') {
        Some((section, option)) => (Some(section.to_owned()), option.to_owned()),
        None => (None, path.to_owned()),
    };
    let parsed = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    let value = parsed.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_else(|| json!(value));
    Ok(Setting { section, option, value })
}

impl Place {
    /// The configuration with `flags` on top.
    pub(crate) fn load(&self, mut flags: Map<String, Value>) -> eyre::Result<Config> {
        if let Some(dir) = &self.data_dir {
            flags.insert("data_dir".to_owned(), json!(dir));
        }
        for Setting { section, option, value } in &self.settings {
            match section {
                None => drop(flags.insert(option.clone(), value.clone())),
                Some(section) => {
                    if let Some(options) = flags.entry(section.clone()).or_insert_with(|| json!({})).as_object_mut() {
                        options.insert(option.clone(), value.clone());
                    }
                }
            }
        }
        Config::load(self.config.as_deref(), Value::Object(flags))
    }
}

impl RunArgs {
    fn flags(&self) -> Map<String, Value> {
        let mut flags = Map::new();
        let mut set = |section: &str, option: &str, value: Option<Value>| {
            if let (Some(value), Some(section)) =
                (value, flags.entry(section.to_owned()).or_insert_with(|| json!({})).as_object_mut())
            {
                section.insert(option.to_owned(), value);
            }
        };
        set("rpc", "addr", self.rpc_addr.map(|addr| json!(addr)));
        set("metrics", "addr", self.metrics_addr.map(|addr| json!(addr)));
        set("storage", "volumes", (!self.volumes.is_empty()).then(|| json!(self.volumes)));
        set("chain", "heartbeat_seconds", self.heartbeat_seconds.map(|seconds| json!(seconds)));
        set("log", "filter", self.log.as_ref().map(|filter| json!(filter)));
        flags
    }
}

/// Runs the node until it is told to stop or one of its parts fails.
pub(crate) fn run(args: RunArgs) -> Result<Exit, Failure> {
    let config = args.place.load(args.flags())?;
    telemetry::init_logs(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(wiring::run(config, wiring::Options { dev: args.dev, ready_file: args.ready_file }));
    // Storage threads that hang on a dead disk must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    outcome?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_option_can_be_set() {
        let place = |settings: &[&str]| Place {
            data_dir: None,
            config: None,
            settings: settings.iter().map(|text| setting(text).unwrap()).collect(),
        };
        let set = [
            "rpc.batch_max=7",
            "rpc.cors=[\"https://a.example\"]",
            "rpc.addr=127.0.0.1:1",
            "log.format=json",
            "metrics.enabled=false",
            "data_dir=/srv/x=y",
        ];
        let config = place(&set).load(Map::new()).unwrap();
        assert_eq!((config.rpc.batch_max, config.rpc.cors.as_slice()), (7, &["https://a.example".to_owned()][..]));
        assert_eq!((config.rpc.addr.port(), config.metrics.enabled), (1, false));
        assert_eq!(config.data_dir.0, PathBuf::from("/srv/x=y"));
        for (wrong, word) in
            [("rpc.batch_max=0", "rpc.batch_max"), ("rpc.nonsense=1", "rpc.nonsense: unknown field"), ("x=1", "x")]
        {
            let error = format!("{:#}", place(&[wrong]).load(Map::new()).unwrap_err());
            assert!(error.contains(word) && !error.contains(".rs"), "{wrong}: {error}");
        }
        assert!(setting("rpc.batch_max").is_err());
    }
}
