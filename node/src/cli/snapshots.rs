//! `snapshots`, `ls`, `diff`: what is in a vault.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use client::{Change, EntryKind, SnapshotRef};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Global, account, output};

/// `VAULT` or `VAULT@SNAPSHOT`.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) vault: String,
    pub(crate) snapshot: SnapshotRef,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (vault, snapshot) = match text.rsplit_once('@') {
            Some((vault, snapshot)) => {
                (vault, snapshot.parse().map_err(|_| format!("{snapshot:?} is no snapshot: a number, or latest"))?)
            }
            None => (text, SnapshotRef::Latest),
        };
        if vault.is_empty() {
            return Err("the vault's name is missing".to_owned());
        }
        Ok(Self { vault: vault.to_owned(), snapshot })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.vault, self.snapshot)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example: strongroom snapshots papers")]
pub(crate) struct SnapshotsArgs {
    /// The vault's name
    vault: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom ls papers\n  strongroom ls papers@3 letters --recursive\n\nWith --json a name that is not UTF-8 also comes as pathHex, its exact bytes in hex."
)]
pub(crate) struct LsArgs {
    /// VAULT or VAULT@SNAPSHOT
    target: Target,
    /// Directory in the snapshot; default: its root
    path: Option<PathBuf>,
    /// Descend into directories
    #[arg(long, short = 'R')]
    recursive: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: strongroom diff papers@2 papers@3")]
pub(crate) struct DiffArgs {
    /// The older: VAULT@SNAPSHOT
    from: Target,
    /// The newer: VAULT@SNAPSHOT, of the same vault
    to: Target,
}

/// `strongroom snapshots`.
pub(crate) fn snapshots(global: &Global, args: SnapshotsArgs) -> Result<Exit, Failure> {
    let snapshots = account::owner(global)?.snapshots(&args.vault)?;
    output::print(global, &json!(snapshots), || {
        println!(
            "{:>5}  {:19}  {:>9}  {:>12}  {:>12}  {:>9}  {:12}  paths",
            "seq", "taken (UTC)", "files", "size", "added", "height", "host"
        );
        for snapshot in &snapshots {
            let height = snapshot.finality.map_or_else(|| "pending".to_owned(), |at| at.height.to_string());
            println!(
                "{:>5}  {}  {:>9}  {:>12}  {:>12}  {:>9}  {:12}  {}",
                snapshot.seq,
                output::time(snapshot.taken_at.get()),
                snapshot.files,
                output::bytes(snapshot.bytes),
                output::bytes(snapshot.stored_bytes),
                height,
                output::text(&snapshot.host),
                output::text(&snapshot.paths.join(" "))
            );
        }
    });
    Ok(Exit::Done)
}

/// `strongroom ls`.
pub(crate) fn ls(global: &Global, args: LsArgs) -> Result<Exit, Failure> {
    let owner = account::owner(global)?;
    let mut entries = Vec::new();
    let path = args.path.unwrap_or_default();
    owner.ls(&args.target.vault, args.target.snapshot, &path, args.recursive, &mut |entry| {
        if global.json {
            entries.push(entry);
            return Ok(());
        }
        let kind = match entry.kind {
            EntryKind::File => '-',
            EntryKind::Directory => 'd',
            EntryKind::Symlink => 'l',
        };
        let arrow = entry.target.as_ref().map(|target| format!(" -> {}", output::path(target))).unwrap_or_default();
        let time = output::time_of_file(entry.mtime);
        println!(
            "{kind}{:04o} {:>8} {:>8} {:>12} {time} {}{arrow}",
            entry.mode & 0o7777,
            named(&entry.user, entry.uid),
            named(&entry.group, entry.gid),
            entry.size,
            output::path(&entry.path)
        );
        Ok(())
    })?;
    if global.json {
        println!("{}", json!(entries));
    }
    Ok(Exit::Done)
}

/// A user or group: the number when it had no name.
fn named(name: &str, id: u32) -> String {
    if name.is_empty() { id.to_string() } else { output::text(name) }
}

/// `strongroom diff`.
pub(crate) fn diff(global: &Global, args: DiffArgs) -> Result<Exit, Failure> {
    if args.from.vault != args.to.vault {
        return Err(Failure::Failed(eyre::eyre!("{} and {} are snapshots of different vaults", args.from, args.to)));
    }
    let differences = account::owner(global)?.diff(&args.from.vault, args.from.snapshot, args.to.snapshot)?;
    output::print(global, &json!(differences), || {
        for difference in &differences {
            let sign = match difference.change {
                Change::Added => '+',
                Change::Removed => '-',
                Change::Content => 'M',
                Change::Metadata => 'm',
            };
            println!("{sign} {}", output::path(&difference.path));
        }
    });
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_parse() {
        for (text, vault, snapshot) in [
            ("v", "v", SnapshotRef::Latest),
            ("v@latest", "v", SnapshotRef::Latest),
            ("v@7", "v", SnapshotRef::Seq(7)),
            ("me@home@2", "me@home", SnapshotRef::Seq(2)),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.vault.as_str(), target.snapshot), (vault, snapshot));
        }
        assert!("v@x".parse::<Target>().is_err());
        assert!("@1".parse::<Target>().is_err());
    }
}
