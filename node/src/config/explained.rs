//! The configuration as a file that explains itself.

use eyre::{Result, WrapErr, eyre};

use super::Config;

/// Every option and what it means, in the order of the file; units and ranges are said here, defaults are added.
const OPTIONS: &[(&str, &str)] = &[
    ("data_dir", "Where the node keeps its keys, chain, ledger and, unless storage.volumes names others, its volumes."),
    (
        "rpc.addr",
        "Address of JSON-RPC and shards. Put a TLS proxy in front before opening it to others; port 0 = any free one.",
    ),
    ("rpc.cors", "Origins that browsers may call from, such as \"https://wallet.example\"; \"*\" = all, empty = none."),
    ("rpc.hosts", "Host names accepted in requests, besides IP addresses and localhost."),
    ("rpc.connections_max", "Connections served at once; more are told to come back. 1 to 65536."),
    (
        "rpc.sockets_max",
        "Connections that are WebSockets at once; more are told to come back. WebSockets take no part in request_memory_mib and \
         response_memory_mib. 0 (none) to 65536.",
    ),
    (
        "rpc.header_seconds",
        "A connection without a whole request head for so many seconds is closed, also between requests; \
         a WebSocket that answers no ping after ten times as long. 1 to 3600.",
    ),
    (
        "rpc.idle_seconds",
        "Within so many seconds at least idle_kib_min of a request must come, and of an answer be taken. 1 to 3600.",
    ),
    ("rpc.idle_kib_min", "KiB that must move within idle_seconds, as long as there is so much. 1 to 1048576."),
    ("rpc.request_mib_max", "Longest JSON-RPC request, MiB. 1 to 1024."),
    ("rpc.response_mib_max", "Longest JSON-RPC answer, of a whole batch too, MiB. 1 to 1024."),
    (
        "rpc.request_memory_mib",
        "Memory for JSON-RPC requests above 64 KiB, MiB, taken as their bytes come and counted twice, as they are copied once; \
         a request that takes more comes alone. 1 to 1048576.",
    ),
    (
        "rpc.response_memory_mib",
        "Memory for JSON-RPC answers above 64 KiB, MiB, until they are taken; a quarter of it is for those that wait, and an \
         answer that takes more goes alone. 1 to 1048576.",
    ),
    ("rpc.batch_max", "Requests in one batch. 1 to 100000."),
    ("rpc.log_blocks_max", "Blocks that one eth_getLogs looks at. 1 to 10000000."),
    ("rpc.logs_max", "Logs that one eth_getLogs returns. 1 to 1000000."),
    ("rpc.scans_max", "Calls that walk many blocks or records (eth_getLogs and the like) at once. 1 to 256."),
    ("rpc.scan_wait_seconds", "How long such a call waits for its turn before it is told to come back. 0 to 600."),
    ("rpc.block_cache_mib", "Memory for assembled blocks, MiB. 1 to 65536."),
    (
        "rpc.shard_put_mib",
        "Memory for shards on their way in, MiB: bounds how many come at once (32 MiB at most each). 32 to 1048576.",
    ),
    ("rpc.shard_get_mib", "Memory for shards on their way out, MiB: bounds how many go at once. 32 to 1048576."),
    (
        "rpc.shard_get_kib_per_second",
        "KiB a second that a reader must take of its shard or long answer while others wait for that memory. 1 to 1048576.",
    ),
    (
        "rpc.shard_wait_seconds",
        "How long a shard, a long request or a long answer waits for its memory before its client is told to come back, \
         seconds. 0 to 600.",
    ),
    ("metrics.enabled", "Whether Prometheus metrics are served."),
    ("metrics.addr", "Address of the metrics; port 0 = any free one."),
    ("chain.heartbeat_seconds", "A block without transactions is made after so many seconds. 1 to 86400."),
    (
        "storage.volumes",
        "One directory a disk, such as [\"/disk1\", \"/disk2\"]; empty = volume_count of them in the data directory.",
    ),
    ("storage.volume_count", "Volumes made in the data directory when none are named. 1 to 64."),
    ("storage.scrub_days", "Every shard is read and hashed again within so many days. 1 to 3650."),
    ("storage.check_seconds", "How often volumes are looked at, seconds. 1 to 3600."),
    (
        "storage.orphan_hours",
        "Shards of packs that were never recorded are removed after so many hours; 0 = never. 0 to 8760.",
    ),
    (
        "storage.full_percent",
        "High-water mark: a volume takes no new shards when so much of its disk is in use, percent. 10 to 100.",
    ),
    (
        "storage.repair_full_percent",
        "From so much of its disk in use on, percent, a volume takes no repaired shards either. full_percent to 100.",
    ),
    ("storage.repair_mib_per_second", "What repair rebuilds at most, MiB a second; 0 = no limit."),
    (
        "storage.repair_memory_mib",
        "Memory for shards under repair, MiB; a pack that takes more is repaired alone. 1 to 65536.",
    ),
    ("store.block_cache_mib", "Memory of the database for blocks that it has read, MiB. 8 to 1048576."),
    ("store.write_buffer_mib", "Memory of the database for what it has not written yet, MiB. 8 to 1048576."),
    (
        "store.free_mib_min",
        "MiB that stay free on the disk of the data directory: with less, new commands and transactions are refused and \
         reads go on; 0 = never refused for this. 0 to 1048576.",
    ),
    ("log.filter", "What is logged, in the syntax of tracing, such as \"info\" or \"warn,replica=debug\"."),
    ("log.format", "How log lines look: \"text\" for people, \"json\" for programs."),
];

/// Longest comment line, characters.
const WIDTH: usize = 110;

/// The configuration as TOML, every option with what it means, its unit and its default.
///
/// # Errors
/// An option that TOML cannot express.
pub(crate) fn explained(config: &Config) -> Result<String> {
    let (values, defaults) = (table(config)?, table(&Config::default())?);
    let mut text = String::from(
        "# Strongroom's configuration: every option, with what it means. What is not in this file has its default.\n\
         # `strongroom config check --config FILE` checks it; `STRONGROOM_<SECTION>_<OPTION>` in the environment and\n\
         # flags (`--set section.option=value`) go before it.\n",
    );
    let mut open = "";
    for (path, meaning) in OPTIONS {
        let (section, name) = path.split_once('.').unwrap_or(("", path));
        if section != open {
            text.push_str(&format!("\n[{section}]\n"));
            open = section;
        } else {
            text.push('\n');
        }
        let missing = || eyre!("there is no option {path}");
        let default = at(&defaults, section, name).ok_or_else(missing)?;
        let value = at(&values, section, name).ok_or_else(missing)?;
        for line in wrapped(meaning) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# Default: {default}\n{name} = {value}\n"));
    }
    Ok(text)
}

fn table(config: &Config) -> Result<toml::Table> {
    toml::Table::try_from(config).wrap_err("cannot express the configuration in TOML")
}

fn at<'a>(table: &'a toml::Table, section: &str, name: &str) -> Option<&'a toml::Value> {
    if section.is_empty() { table.get(name) } else { table.get(section)?.get(name) }
}

/// Lines of words, none longer than the width unless one word is.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of all options that there are.
    fn all() -> Vec<String> {
        let mut all = Vec::new();
        for (name, value) in table(&Config::default()).unwrap() {
            match value {
                toml::Value::Table(section) => all.extend(section.keys().map(|option| format!("{name}.{option}"))),
                _ => all.push(name),
            }
        }
        all.sort();
        all
    }

    #[test]
    fn every_option_is_explained_in_the_file_and_in_the_operators_page() {
        let mut explained: Vec<_> = OPTIONS.iter().map(|(path, _)| (*path).to_owned()).collect();
        explained.sort();
        assert_eq!(explained, all());
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator/README.md")).unwrap();
        for option in all() {
            assert!(page.contains(&format!("`{option}`")), "{option} is not in docs/operator/README.md");
        }
    }

    #[test]
    fn the_file_is_read_back_as_it_was() {
        let mut config = Config::default();
        config.data_dir.0 = "/srv/with \"quotes\" and \\".into();
        config.rpc.cors = vec!["*".to_owned()];
        config.storage.volumes = vec!["/disk1".into(), "/disk2".into()];
        config.chain.heartbeat_seconds = 7;
        let text = explained(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert!(text.contains("86400.\n# Default: 30\nheartbeat_seconds = 7\n"), "{text}");
        for line in text.lines().filter(|line| line.starts_with('#') && !line.starts_with("# Default: ")) {
            assert!(line.chars().count() <= WIDTH + 2, "{line}");
        }
        let mut before = "";
        for line in text.lines() {
            assert!(!line.contains(" = ") || line.starts_with('#') || before.starts_with('#'), "no comment: {line}");
            before = line;
        }
    }
}
