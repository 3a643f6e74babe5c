//! `key unlock`, `key lock`, `key list`: keys that stay unlocked between commands.

use std::time::{Duration, SystemTime};

use clap::Args;
use eyre::bail;
use primitives::Address;
use serde_json::json;

use super::keystore::Keystore;
use super::{Global, account, output};
use crate::agent::{self, TTL_MAX, Unlocked};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples: strongroom key unlock\n          strongroom key unlock 0x19e7 --for 8h\n\nA process of yours holds the key and gives it to your other commands, to nobody else's; it ends with the last key."
)]
pub(crate) struct UnlockArgs {
    /// The account: its address or the beginning of it; needed when there are several
    account: Option<String>,
    /// How long, such as 90s, 15m, 8h; at most 24h
    #[arg(long = "for", value_name = "TIME", default_value = "15m", value_parser = duration)]
    ttl: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples: strongroom key lock\n          strongroom key lock 0x19e7")]
pub(crate) struct LockArgs {
    /// The account: its address or the beginning of it; default: `--account` if it is given, else all
    account: Option<String>,
    /// All that are unlocked
    #[arg(long, conflicts_with = "account")]
    all: bool,
}

/// `strongroom key unlock`.
pub(crate) fn unlock(global: &Global, args: &UnlockArgs) -> eyre::Result<()> {
    let file = account::existing(global, args.account.as_deref().or(global.account.as_deref()))?;
    // Not from the agent: who gives the key a new time has to know the passphrase, as for the first.
    let secret = account::open_file(&file, &account::passphrase_of(global, &file)?)?;
    let keeper = agent::keep(&secret, args.ttl)?;
    let until_ms = until_ms(args.ttl);
    let document = json!({
        "address": file.address,
        "unlockedUntilMs": until_ms,
        "agentProcess": keeper.pid,
        "memoryLocked": keeper.memory_locked,
    });
    output::print(global, &document, || println!("account 0x{} {}", file.address, until(until_ms)));
    if !keeper.memory_locked {
        output::note(
            global,
            "note: the system does not let the key's memory be locked: it can get into swap (`ulimit -l`)",
        );
    }
    Ok(())
}

/// `strongroom key lock`.
pub(crate) fn lock(global: &Global, args: &LockArgs) -> eyre::Result<()> {
    let wanted = args.account.as_deref().or(global.account.as_deref()).filter(|_| !args.all);
    let locked = match wanted {
        None => agent::lock_all()?,
        Some(wanted) => {
            let unlocked = agent::list()?;
            let named: Vec<&Unlocked> =
                unlocked.iter().filter(|unlocked| account::names(wanted, &unlocked.address)).collect();
            match named.as_slice() {
                [] => Vec::new(),
                [one] => agent::lock(&one.address)?,
                several => bail!("{} unlocked accounts begin with {wanted}; give more digits, or --all", several.len()),
            }
        }
    };
    let addresses: Vec<Address> = locked.iter().map(|locked| locked.address).collect();
    output::print(global, &json!({ "locked": addresses }), || {
        for address in &addresses {
            println!("account 0x{address} locked");
        }
    });
    if addresses.is_empty() {
        output::note(global, "note: no such key is unlocked");
    }
    Ok(())
}

/// `strongroom key list`.
pub(crate) fn list(global: &Global) -> eyre::Result<()> {
    let keystore = Keystore::read(&account::keystore_dir(global))?;
    // The files can be listed whatever is wrong with the agent.
    let unlocked = agent::list().unwrap_or_else(|error| {
        output::note(global, &format!("note: which keys are unlocked cannot be told: {error:#}"));
        Vec::new()
    });
    let until_ms_of = |address: &Address| {
        unlocked.iter().find(|unlocked| unlocked.address == *address).map(|unlocked| until_ms(unlocked.left))
    };
    let rows: Vec<_> = keystore.keys.iter().map(|file| (file, until_ms_of(&file.address))).collect();
    let document = json!(
        rows.iter()
            .map(|(file, until_ms)| json!({ "address": file.address, "file": file.path, "unlockedUntilMs": until_ms }))
            .chain(
                keystore
                    .damaged
                    .iter()
                    .map(|file| json!({ "address": null, "file": file.path, "damaged": file.reason }))
            )
            .collect::<Vec<_>>()
    );
    output::print(global, &document, || {
        for (file, until_ms) in &rows {
            let state = until_ms.map_or_else(|| "locked".to_owned(), until);
            println!("0x{}  {state}  {}", file.address, file.path.display());
        }
        for file in &keystore.damaged {
            println!("damaged  {}: {}", file.path.display(), file.reason);
        }
        if rows.is_empty() && keystore.damaged.is_empty() {
            eprintln!("no keys yet; make one with `strongroom key new`");
        }
    });
    Ok(())
}

/// The wall-clock time so far from now, milliseconds since 1970.
fn until_ms(left: Duration) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_add(left).as_millis()).unwrap_or(u64::MAX)
}

fn until(ms: u64) -> String {
    format!("unlocked until {} UTC", output::time(ms))
}

/// `90s`, `15m`, `8h`, or several together such as `1h30m`; from one second to a day.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time such as 90s, 15m, 8h or 1h30m");
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (count, tail) = rest.split_at(unit);
        let seconds = match tail.chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().map_err(|_| wrong())?;
        total = count.checked_mul(seconds).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = tail.get(1..).unwrap_or_default();
    }
    let total = Duration::from_secs(total);
    if total.is_zero() || total > TTL_MAX {
        return Err(format!("{text:?} must be at least 1s and at most {}h", TTL_MAX.as_secs() / 3_600));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_parse() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("15m", 900), ("1h30m", 5_400), ("24h", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "15", "m", "1d", "-1s", "1.5h", "25h", "24h1s", "99999999999999999999h", "15 m", "1é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
