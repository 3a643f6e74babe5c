//! `receipt`, `verify`: proofs to give away, and their check.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use client::{FilesVerdict, NodeError, Owner};
use eyre::{WrapErr, eyre};
use primitives::{Commitment, NetworkId};
use serde_json::json;
use verify::Receipt;

use super::exit::{Exit, Failure};
use super::progress::Bar;
use super::snapshots::Target;
use super::{Global, account, object, output};

/// Differences that are named.
const DIFFERENCES_MAX: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = "Example: strongroom receipt papers@3 --output papers-3.receipt.json")]
pub(crate) struct ReceiptArgs {
    /// VAULT or VAULT@SNAPSHOT
    source: Target,
    /// File to write; default, and -: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is in the way
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom verify papers.receipt.json\n  strongroom verify papers.receipt.json --files ~/restored --network 0x…\n\nExit code 4: the receipt does not hold, or the files are not the committed ones; with a node at hand those that differ are named."
)]
pub(crate) struct VerifyArgs {
    /// The receipt, or - for standard input
    receipt: PathBuf,
    /// Also prove (with your key) that these files are the ones committed
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Accept only this network: its id, which you know from another place than the receipt
    #[arg(long, value_name = "ID")]
    network: Option<NetworkId>,
}

/// `strongroom receipt`. It is verified before it is written: a receipt that does not hold never leaves.
pub(crate) fn write(global: &Global, args: ReceiptArgs) -> Result<Exit, Failure> {
    let file = args.output.filter(|path| path.as_os_str() != "-");
    file.as_deref().map_or(Ok(()), |path| object::Place::check(path, args.overwrite))?;
    let owner = account::owner(global)?;
    let text = owner.receipt(&args.source.vault, args.source.snapshot)?;
    let network = owner.client().network().network;
    Receipt::parse(text.as_bytes())
        .and_then(|receipt| receipt.verify(Some(network)).map(drop))
        .map_err(|error| Failure::Refuted(eyre!("the node gave a receipt that does not hold: {error}")))?;
    let Some(path) = file else {
        println!("{text}");
        return Ok(Exit::Done);
    };
    let place = object::Place::open(&path, args.overwrite)?;
    place.file().write_all(text.as_bytes()).wrap_err_with(|| format!("cannot write {}", path.display()))?;
    place.settle()?;
    output::print(global, &json!({ "file": path, "bytes": text.len() }), || {
        println!("{} ({} bytes)", output::path(&path), text.len())
    });
    Ok(Exit::Done)
}

/// Reads a receipt that comes from anybody: a byte more than one can be long, at most, by which it is known as too long.
fn read_receipt(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let max = u64::try_from(Receipt::BYTES_MAX).unwrap_or(u64::MAX);
    let source: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
    source.take(max.saturating_add(1)).read_to_end(&mut text)?;
    Ok(text)
}

/// `strongroom verify`.
pub(crate) fn verify(global: &Global, args: VerifyArgs) -> Result<Exit, Failure> {
    let text = read_receipt(&args.receipt).wrap_err_with(|| format!("cannot read {}", args.receipt.display()))?;
    let refuted =
        |error: &dyn std::fmt::Display| Failure::Refuted(eyre!("{} does not hold: {error}", args.receipt.display()));
    let receipt = Receipt::parse(&text).map_err(|error| refuted(&error))?;
    let verified = receipt.verify(args.network).map_err(|error| refuted(&error))?;
    let commitment = &verified.commitment;
    let mut document = json!({
        "valid": true,
        "network": verified.network,
        "networkName": verified.name,
        "leafIndex": verified.leaf_index,
        "block": verified.block,
        "signatures": verified.signatures,
        "validators": verified.validators,
        "networkTrusted": args.network.is_some(),
        "height": verified.height,
        "timestampMs": verified.timestamp,
        "commitment": commitment,
        "commitmentHash": commitment.hash(),
    });
    let mut matches = None;
    if let Some(directory) = &args.files {
        let verdict = verify_files(global, commitment, directory)?;
        document["filesMatch"] = json!(true);
        document["files"] = json!(verdict);
        matches = Some(verdict);
    }
    output::print(global, &document, || {
        println!("holds       snapshot {} of vault {}", commitment.seq, commitment.vault);
        println!("commitment  {}", commitment.hash());
        println!("final       at height {}, {} UTC", verified.height, output::time(verified.timestamp.get()));
        let files = output::count(commitment.files, "file", "files");
        println!("contents    {files}, {}", output::bytes(commitment.logical_bytes));
        println!("network     {}", verified.network);
        if args.network.is_none() {
            println!("            compare this id with one from another place, or give it with --network");
        }
        if let Some(verdict) = &matches {
            println!(
                "files       {}, {}: what was committed",
                output::count(verdict.files, "file", "files"),
                output::bytes(verdict.bytes)
            );
        }
    });
    Ok(Exit::Done)
}

/// Proves that the files are those of the commitment; names some that are not, when a node can be asked for their names.
fn verify_files(global: &Global, commitment: &Commitment, directory: &Path) -> Result<FilesVerdict, Failure> {
    let secret = account::unlock(global)?;
    let bar = Bar::new(global, "verify");
    let verdict = Owner::verify_files(&secret, &commitment.vault, &commitment.content_root, directory, &*bar);
    bar.finish();
    let verdict = verdict?;
    if verdict.holds() {
        return Ok(verdict);
    }
    let differing = account::client(global).map_err(Failure::into_report).and_then(|client| {
        let bar = Bar::new(global, "compare");
        let found = client.owner(secret).differing_files(commitment, directory, DIFFERENCES_MAX, &*bar);
        bar.finish();
        Ok(found?)
    });
    let (differences, why) = match differing {
        Ok(differences) if differences.is_empty() => (differences, String::new()),
        Ok(differences) if differences.len() == DIFFERENCES_MAX => (differences, "; the first that differ:".to_owned()),
        Ok(differences) => (differences, "; what differs:".to_owned()),
        Err(error) => (Vec::new(), format!("; which files differ can only be told with the node: {error}")),
    };
    let unreadable = verdict.errors.first().map(|note| format!("; {}: {}", output::path(&note.path), note.reason));
    Err(Failure::Differs {
        report: eyre!(
            "the receipt holds, but {} is not what was committed (or was made with another key): content root expected {}, \
             found {}{}{why}",
            directory.display(),
            verdict.expected,
            verdict.found,
            unreadable.unwrap_or_default(),
        ),
        differences,
    })
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        client::ClientError::from(error).into()
    }
}
