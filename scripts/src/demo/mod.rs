//! `cargo x demo`: the whole story on this machine, with the binary and processes that a user has.

mod compare;
mod stage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eyre::{Result, WrapErr, bail, ensure, eyre};
use indicatif::HumanBytes;
use serde_json::Value;

use self::stage::Stage;
use crate::{cargo, doctor};

/// Volumes that die in the story.
const LOST: [u16; 2] = [1, 4];
/// How long the repair of the lost shards may take.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(120);

/// Builds, runs the story, prints what happened.
pub(crate) fn run(path: Option<PathBuf>, keep: bool) -> Result<()> {
    doctor::check()?;
    let source = match path {
        Some(path) => path.canonicalize().wrap_err_with(|| format!("cannot back up {}", path.display()))?,
        None => cargo::root().canonicalize()?,
    };
    let binary = cargo::strongroom()?;
    let place = tempfile::Builder::new().prefix("strongroom-demo-").tempdir()?;
    let started = Instant::now();
    let outcome = story(&Stage::start(binary, place.path())?, &source);
    if keep {
        println!("\nkept: {}", place.keep().display());
    }
    outcome?;
    println!("\nAll of it took {:.1} s.", started.elapsed().as_secs_f64());
    Ok(())
}

/// Removes a directory that a node may just be writing to, as often as that puts something new into it.
fn remove(directory: &Path) -> std::io::Result<()> {
    const ATTEMPTS: u32 = 100;
    let is_in_use = |error: &std::io::Error| error.kind() == std::io::ErrorKind::DirectoryNotEmpty;
    for _ in 1..ATTEMPTS {
        match std::fs::remove_dir_all(directory) {
            Err(error) if is_in_use(&error) => {}
            result => return result,
        }
    }
    std::fs::remove_dir_all(directory)
}

fn story(stage: &Stage, source: &Path) -> Result<()> {
    let files = if source == cargo::root().canonicalize()? { no_sources(source) } else { Vec::new() };
    heading("1. A node with six volumes is running");
    println!("   {} (data: {})", stage.url(), stage.data_dir().display());
    key_and_vault(stage)?;
    back_up(stage, source, files)?;

    heading("4. Two of the six disks die");
    for volume in LOST {
        let directory = stage.data_dir().join("volumes").join(volume.to_string());
        remove(&directory).wrap_err_with(|| format!("cannot remove {}", directory.display()))?;
        println!("   removed {}", directory.display());
    }
    let died = Instant::now();

    let target = restore(stage, source)?;
    prove(stage, &target)?;

    heading("7. The node repairs what the dead disks held");
    let repaired = wait_for_repair(stage)?;
    println!(
        "   {} shards rebuilt on the remaining disks, {:.1} s after the loss",
        repaired,
        died.elapsed().as_secs_f64()
    );
    stage.stop()
}

fn key_and_vault(stage: &Stage) -> Result<()> {
    heading("2. An owner makes a key and a vault");
    let phrase_file = stage.place().join("phrase.txt");
    let key = stage.ask(&["key", "new", "--phrase-file", &phrase_file.to_string_lossy()])?;
    let vault = stage.ask(&["vault", "create", "demo"])?;
    println!("   account {}", text(&key, "address")?);
    println!(
        "   vault   {}  policy {}, yearly loss probability {:.1e}",
        text(&vault, "vault")?,
        text(&vault, "policy")?,
        vault["annualLossProbability"].as_f64().unwrap_or(f64::NAN)
    );
    Ok(())
}

fn back_up(stage: &Stage, source: &Path, excludes: Vec<String>) -> Result<()> {
    heading(&format!("3. Back up {}", source.display()));
    let mut args = vec!["backup".to_owned(), "demo".to_owned(), source.to_string_lossy().into_owned()];
    for pattern in excludes {
        args.extend(["--exclude".to_owned(), pattern]);
    }
    let backup = stage.ask(&args)?;
    let (logical, stored) = (number(&backup, "logicalBytes")?, number(&backup, "storedBytes")?);
    println!(
        "   {} files, {} → {} in shards (×{:.2}), {:.1} s",
        number(&backup, "files")?,
        HumanBytes(logical),
        HumanBytes(stored),
        ratio(stored, logical),
        seconds(&backup)
    );
    println!("   commitment {}", text(&backup["snapshot"], "commitment")?);
    println!(
        "   final at height {}, leaf {} of the snapshot log",
        number(&backup, "height")?,
        number(&backup, "leafIndex")?
    );
    let again = stage.ask(&args)?;
    println!("   once more, unchanged: {} new, {:.2} s", HumanBytes(number(&again, "newBytes")?), seconds(&again));
    Ok(())
}

/// Restores and compares; returns the target.
fn restore(stage: &Stage, source: &Path) -> Result<PathBuf> {
    heading("5. Restore elsewhere, while the node runs on four disks");
    let target = stage.place().join("restored");
    let restore = stage.ask(&["restore", "demo", "--target", &target.to_string_lossy()])?;
    let bytes = HumanBytes(number(&restore, "bytes")?);
    println!("   {} files, {bytes}, {:.1} s", number(&restore, "files")?, seconds(&restore));
    // One directory is the snapshot's root; a file keeps its whole path.
    let restored =
        if source.is_dir() { target.clone() } else { target.join(source.strip_prefix("/").unwrap_or(source)) };
    let compared = compare::same(&restored, source)?;
    println!("   compared {} files, {} bit for bit: identical", compared.files, HumanBytes(compared.bytes));
    Ok(target)
}

fn prove(stage: &Stage, target: &Path) -> Result<()> {
    heading("6. Prove it to a stranger: no node, no key, no network");
    let receipt = stage.place().join("receipt.json");
    let path = receipt.to_string_lossy().into_owned();
    stage.ask(&["receipt", "demo", "--output", &path])?;
    let verified = stage.ask_offline(&["verify", &path])?;
    ensure!(verified["valid"] == true, "the receipt does not verify: {verified}");
    println!("   {} ({}) verifies", receipt.display(), HumanBytes(std::fs::metadata(&receipt)?.len()));
    let proof = stage.ask_offline(&["verify", &path, "--files", &target.to_string_lossy()])?;
    ensure!(proof["filesMatch"] == true, "the restored files are not the committed ones: {proof}");
    println!("   and the restored files are the ones committed");
    Ok(())
}

/// Names at the top of the checkout that are no sources: build results and version control.
fn no_sources(root: &Path) -> Vec<String> {
    let names = [".git", "target"];
    names
        .iter()
        .map(|name| root.join(name))
        .filter(|path| path.exists())
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

fn wait_for_repair(stage: &Stage) -> Result<u64> {
    let deadline = Instant::now() + REPAIR_TIMEOUT;
    let bar = indicatif::ProgressBar::new(1)
        .with_style(indicatif::ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len} shards")?);
    bar.set_prefix("repair");
    loop {
        let status = stage.ask(&["status"])?;
        let repairs = &status["replica"]["repairs"];
        let (waiting, done) = (number(repairs, "queued")? + number(repairs, "running")?, number(repairs, "done")?);
        bar.set_length(waiting + done);
        bar.set_position(done);
        if status["health"]["degradedPacks"] == 0 && done > 0 {
            bar.finish_and_clear();
            return Ok(done);
        }
        if Instant::now() > deadline {
            bail!("the repair did not end within {} s: {status}", REPAIR_TIMEOUT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn heading(text: &str) {
    println!("\n{text}");
}

fn text<'a>(document: &'a Value, field: &str) -> Result<&'a str> {
    document[field].as_str().ok_or_else(|| eyre!("the answer has no text {field}: {document}"))
}

fn number(document: &Value, field: &str) -> Result<u64> {
    document[field].as_u64().ok_or_else(|| eyre!("the answer has no number {field}: {document}"))
}

fn seconds(document: &Value) -> f64 {
    document["seconds"].as_f64().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}
