//! The node's configuration: defaults, then the TOML file, then `STRONGROOM_*` environment, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr, bail, eyre};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// Every option of a node, with its default. `strongroom config show` prints the one in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where the node keeps its keys, chain, ledger and (unless `storage.volumes` says otherwise) volumes.
    pub(crate) data_dir: DataDirPath,
    /// JSON-RPC and shards.
    pub(crate) rpc: RpcConfig,
    /// Prometheus metrics.
    pub(crate) metrics: MetricsConfig,
    /// Blocks.
    pub(crate) chain: ChainConfig,
    /// Volumes, scrub, repair.
    pub(crate) storage: StorageConfig,
    /// Memory of the database.
    pub(crate) store: StoreSection,
    /// Log output.
    pub(crate) log: LogConfig,
}

/// A path with the platform's data directory as default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DataDirPath(pub(crate) PathBuf);

impl Default for DataDirPath {
    fn default() -> Self {
        Self(dirs::data_dir().unwrap_or_else(|| PathBuf::from(".")).join("strongroom").join("node"))
    }
}

/// JSON-RPC and shards, on one port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RpcConfig {
    /// Address to listen on. Default `127.0.0.1:8545`; put a TLS proxy in front before opening it to others.
    pub(crate) addr: SocketAddr,
    /// Origins that browsers may call from; empty = none, `*` = all.
    pub(crate) cors: Vec<String>,
    /// Host names accepted in requests besides IP addresses and `localhost`.
    pub(crate) hosts: Vec<String>,
    /// Most connections at once. Default 1000.
    pub(crate) connections_max: u32,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8545)),
            cors: Vec::new(),
            hosts: Vec::new(),
            connections_max: 1000,
        }
    }
}

/// Prometheus metrics, on their own port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsConfig {
    /// Whether to serve metrics. Default true.
    pub(crate) enabled: bool,
    /// Address to listen on. Default `127.0.0.1:9545`.
    pub(crate) addr: SocketAddr,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { enabled: true, addr: SocketAddr::from(([127, 0, 0, 1], 9545)) }
    }
}

/// Blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChainConfig {
    /// A block without transactions is made after this many seconds. Default 30; range 1 to 86,400.
    pub(crate) heartbeat_seconds: u64,
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self { heartbeat_seconds: 30 }
    }
}

/// Volumes, scrub, repair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageConfig {
    /// One directory a disk. Empty = `volume_count` directories under the data directory.
    pub(crate) volumes: Vec<PathBuf>,
    /// How many volumes to make under the data directory when `volumes` is empty. Default 6; range 1 to 64.
    pub(crate) volume_count: u16,
    /// Every shard is re-hashed within this many days. Default 30; range 1 to 3,650.
    pub(crate) scrub_days: u32,
    /// How often volumes are looked at, seconds. Default 2; range 1 to 3,600.
    pub(crate) check_seconds: u64,
    /// Shards of packs that were never recorded are removed after this many hours; 0 = never. Default 24; range 0 to 8,760.
    pub(crate) orphan_hours: u32,
    /// Repair rebuilds at most this many MiB a second; 0 = no limit. Default 200.
    pub(crate) repair_mib_per_second: u32,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            volumes: Vec::new(),
            volume_count: 6,
            scrub_days: 30,
            check_seconds: 2,
            orphan_hours: 24,
            repair_mib_per_second: 200,
        }
    }
}

/// Memory of the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSection {
    /// Block cache, MiB. Default 128.
    pub(crate) block_cache_mib: usize,
    /// Write buffers, MiB. Default 128.
    pub(crate) write_buffer_mib: usize,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { block_cache_mib: 128, write_buffer_mib: 128 }
    }
}

/// Log output, to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// Filter in tracing's syntax, such as `info,replica=debug`. Default: `info` of ours, `warn` of the engines.
    pub(crate) filter: String,
    /// `text` or `json`. Default `text`.
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: DEFAULT_FILTER.to_owned(), format: LogFormat::Text }
    }
}

/// The engines tell every step at `info`; an operator wants to hear of them when something is wrong.
const DEFAULT_FILTER: &str = "warn,node=info,rpc=info,relay=info,replica=info,ledger=info,consensus=info,store=info";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Sections whose options the environment can set as `STRONGROOM_<SECTION>_<OPTION>`.
const SECTIONS: &[&str] = &["rpc", "metrics", "chain", "storage", "store", "log"];

impl Config {
    /// Reads file and environment and lays `flags` (a tree of the options given on the command line) on top.
    ///
    /// # Errors
    /// A file that does not parse, an unknown option, a value out of range: each names the place and the remedy.
    pub(crate) fn load(file: Option<&Path>, flags: serde_json::Value) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            if !path.is_file() {
                bail!("there is no configuration file {}; `strongroom init --config {0}` writes one", path.display());
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let environment = Env::prefixed("STRONGROOM_")
            .filter(|key| {
                key == "data_dir" || SECTIONS.iter().any(|section| in_section(key.as_str(), section).is_some())
            })
            .map(|key| {
                SECTIONS
                    .iter()
                    .find_map(|section| in_section(key.as_str(), section).map(|option| format!("{section}.{option}")))
                    .unwrap_or_else(|| key.as_str().to_ascii_lowercase())
                    .into()
            });
        let config: Self = figment
            .merge(environment)
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| eyre!("{error}"))
            .wrap_err("the configuration is not valid (`strongroom config show` lists all options)")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let mib = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let ranges: [(&str, u64, u64, u64); 8] = [
            ("chain.heartbeat_seconds", self.chain.heartbeat_seconds, 1, 86_400),
            ("storage.volume_count", self.storage.volume_count.into(), 1, 64),
            ("storage.scrub_days", self.storage.scrub_days.into(), 1, 3_650),
            ("storage.check_seconds", self.storage.check_seconds, 1, 3_600),
            ("storage.orphan_hours", self.storage.orphan_hours.into(), 0, 8_760),
            ("rpc.connections_max", self.rpc.connections_max.into(), 1, 65_536),
            ("store.block_cache_mib", mib(self.store.block_cache_mib), 8, 1 << 20),
            ("store.write_buffer_mib", mib(self.store.write_buffer_mib), 8, 1 << 20),
        ];
        for (option, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                bail!("{option} is {value}, it must be {min} to {max}");
            }
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            bail!("log.filter {:?} is not a filter: {error}", self.log.filter);
        }
        if self.storage.volumes.len() > 64 {
            bail!("storage.volumes lists {} volumes, at most 64 are supported", self.storage.volumes.len());
        }
        Ok(())
    }

    /// Directories of the volumes, in order of their ids.
    pub(crate) fn volumes(&self) -> Vec<PathBuf> {
        if !self.storage.volumes.is_empty() {
            return self.storage.volumes.clone();
        }
        (0..self.storage.volume_count).map(|id| self.data_dir.0.join("volumes").join(id.to_string())).collect()
    }
}

fn in_section<'a>(key: &'a str, section: &str) -> Option<&'a str> {
    let rest = key
        .get(..section.len())
        .filter(|head| head.eq_ignore_ascii_case(section))
        .and_then(|_| key.get(section.len()..))?;
    rest.strip_prefix('_').filter(|option| !option.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let file = write("[rpc]\naddr = \"127.0.0.1:1\"\n[chain]\nheartbeat_seconds = 7\n");
        let config = Config::load(Some(file.path()), json!({"rpc": {"addr": "127.0.0.1:2"}})).unwrap();
        assert_eq!(config.rpc.addr.port(), 2);
        assert_eq!(config.chain.heartbeat_seconds, 7);
        assert_eq!(config.storage.volume_count, 6);
    }

    #[test]
    fn a_broken_file_says_where() {
        for (text, expected) in [
            ("[rpc]\nadr = \"127.0.0.1:1\"\n", "adr"),
            ("[rpc\n", "TOML"),
            ("[chain]\nheartbeat_seconds = 0\n", "heartbeat_seconds is 0"),
            ("[chain]\nheartbeat_seconds = \"soon\"\n", "heartbeat_seconds"),
            ("[log]\nfilter = \"=x=\"\n", "log.filter"),
        ] {
            let file = write(text);
            let error = format!("{:#}", Config::load(Some(file.path()), json!({})).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn environment_names_split_at_the_section() {
        assert_eq!(in_section("RPC_CONNECTIONS_MAX", "rpc"), Some("CONNECTIONS_MAX"));
        assert_eq!(in_section("rpc", "rpc"), None);
        assert_eq!(in_section("STORAGE_VOLUMES", "store"), None);
    }
}
