//! The node's configuration: defaults, then the TOML file, then `STRONGROOM_*` environment, then flags.

mod explained;
mod sections;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr, bail, eyre};
use figment::providers::{Env, Format, Serialized, Toml};
use figment::{Figment, Source};

pub(crate) use explained::explained;
pub(crate) use sections::{Config, LogConfig, LogFormat};

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
        let misspelt = std::env::vars_os().find_map(|(name, _)| misspelt(name.to_str()?));
        if let Some(reason) = misspelt {
            bail!("{reason}");
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
            .map_err(|error| eyre!("{}", error.into_iter().map(|error| words(&error)).collect::<Vec<_>>().join("; ")))
            .wrap_err("the configuration is not valid (`strongroom config show` lists all options)")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let mib = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let repair_full = self.storage.repair_full_percent.into();
        let ranges = [
            ("chain.heartbeat_seconds", self.chain.heartbeat_seconds, 1, 86_400),
            ("storage.volume_count", self.storage.volume_count.into(), 1, 64),
            ("storage.scrub_days", self.storage.scrub_days.into(), 1, 3_650),
            ("storage.check_seconds", self.storage.check_seconds, 1, 3_600),
            ("storage.full_percent", self.storage.full_percent.into(), 10, 100),
            ("storage.repair_full_percent", repair_full, self.storage.full_percent.into(), 100),
            ("storage.repair_memory_mib", self.storage.repair_memory_mib.into(), 1, 65_536),
            ("storage.orphan_hours", self.storage.orphan_hours.into(), 0, 8_760),
            ("rpc.connections_max", self.rpc.connections_max.into(), 1, 65_536),
            ("rpc.sockets_max", self.rpc.sockets_max.into(), 0, 65_536),
            ("rpc.header_seconds", self.rpc.header_seconds, 1, 3_600),
            ("rpc.idle_seconds", self.rpc.idle_seconds, 1, 3_600),
            ("rpc.idle_kib_min", self.rpc.idle_kib_min.into(), 1, 1 << 20),
            ("rpc.request_mib_max", self.rpc.request_mib_max.into(), 1, 1_024),
            ("rpc.response_mib_max", self.rpc.response_mib_max.into(), 1, 1_024),
            ("rpc.request_memory_mib", self.rpc.request_memory_mib.into(), 1, 1 << 20),
            ("rpc.response_memory_mib", self.rpc.response_memory_mib.into(), 1, 1 << 20),
            ("rpc.batch_max", self.rpc.batch_max.into(), 1, 100_000),
            ("rpc.log_blocks_max", self.rpc.log_blocks_max, 1, 10_000_000),
            ("rpc.logs_max", self.rpc.logs_max.into(), 1, 1_000_000),
            ("rpc.scans_max", self.rpc.scans_max.into(), 1, 256),
            ("rpc.scan_wait_seconds", self.rpc.scan_wait_seconds, 0, 600),
            ("rpc.block_cache_mib", self.rpc.block_cache_mib.into(), 1, 65_536),
            ("rpc.shard_put_mib", self.rpc.shard_put_mib.into(), 32, 1 << 20),
            ("rpc.shard_get_mib", self.rpc.shard_get_mib.into(), 32, 1 << 20),
            ("rpc.shard_get_kib_per_second", self.rpc.shard_get_kib_per_second.into(), 1, 1 << 20),
            ("rpc.shard_wait_seconds", self.rpc.shard_wait_seconds, 0, 600),
            ("store.block_cache_mib", mib(self.store.block_cache_mib), 8, 1 << 20),
            ("store.write_buffer_mib", mib(self.store.write_buffer_mib), 8, 1 << 20),
            ("store.free_mib_min", self.store.free_mib_min.into(), 0, 1 << 30),
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
        // Two volumes in one directory would be one disk that counts as two.
        let mut seen = BTreeSet::new();
        for volume in &self.storage.volumes {
            if !seen.insert(volume.canonicalize().unwrap_or_else(|_| volume.components().collect())) {
                bail!("storage.volumes lists {} twice; give each volume a directory of its own", volume.display());
            }
        }
        let (rpc, metrics) = (self.rpc.addr, self.metrics.addr);
        let overlap = rpc.ip() == metrics.ip() || rpc.ip().is_unspecified() || metrics.ip().is_unspecified();
        if self.metrics.enabled && overlap && rpc.port() != 0 && rpc.port() == metrics.port() {
            bail!("rpc.addr {rpc} and metrics.addr {metrics} are the same; give one of them another port");
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

/// What is wrong with an environment variable that names an option but no section. Others that begin alike, such as those
/// that container platforms set for a service of this name, are none of ours.
fn misspelt(name: &str) -> Option<String> {
    let key = name.strip_prefix("STRONGROOM_")?.to_ascii_lowercase();
    if key == "data_dir" || SECTIONS.iter().any(|section| in_section(&key, section).is_some()) {
        return None;
    }
    let option = key.split_once('_').map_or(key.as_str(), |(_, option)| option);
    let defaults = serde_json::to_value(Config::default()).ok()?;
    let sections: Vec<&str> =
        SECTIONS.iter().filter(|section| defaults[**section].get(option).is_some()).copied().collect();
    let names: Vec<String> =
        sections.iter().map(|section| format!("STRONGROOM_{section}_{option}").to_ascii_uppercase()).collect();
    (!names.is_empty())
        .then(|| format!("the environment variable {name} names no option; is {} meant?", names.join(" or ")))
}

/// What is wrong with an option, and where it is given.
fn words(error: &figment::Error) -> String {
    let metadata = error.metadata.as_ref();
    let place = match metadata.and_then(|metadata| metadata.source.as_ref()) {
        Some(Source::File(path)) => format!(" in {}", path.display()),
        Some(Source::Code(_)) => " on the command line".to_owned(),
        _ => metadata.map(|metadata| format!(" in {}", metadata.name)).unwrap_or_default(),
    };
    let option = if error.path.is_empty() { String::new() } else { format!("{}: ", error.path.join(".")) };
    format!("{option}{}{place}", error.kind)
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
            ("[metrics]\naddr = \"127.0.0.1:8545\"\n", "metrics.addr"),
            ("[rpc]\naddr = \"0.0.0.0:9545\"\n", "another port"),
            ("[storage]\nvolumes = [\"/no/a\", \"/no/b\", \"/no/a/\"]\n", "twice"),
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

    #[test]
    fn misspelt_sections_are_told_and_strange_variables_are_not() {
        for (name, meant) in [
            ("STRONGROOM_STORGE_VOLUMES", "STRONGROOM_STORAGE_VOLUMES"),
            ("STRONGROOM_VOLUMES", "STRONGROOM_STORAGE_VOLUMES"),
            ("STRONGROOM_RCP_ADDR", "STRONGROOM_RPC_ADDR or STRONGROOM_METRICS_ADDR"),
        ] {
            assert!(misspelt(name).is_some_and(|reason| reason.contains(meant)), "{name}: {:?}", misspelt(name));
        }
        for name in [
            "STRONGROOM_STORAGE_VOLUMES",
            "STRONGROOM_DATA_DIR",
            "STRONGROOM_CHAIN_ID",
            "STRONGROOM_NODE",
            "STRONGROOM_PORT_8545_TCP_ADDR",
            "PATH",
        ] {
            assert_eq!(misspelt(name), None);
        }
    }
}
