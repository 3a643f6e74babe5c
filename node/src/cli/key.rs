//! `strongroom key`: owner accounts in Web3 Secret Storage files, and their recovery phrases.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use eyre::{WrapErr, bail, eyre};
use seal::OwnerSecret;
use serde_json::json;
use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::{Global, account, output, unlock};
use crate::agent;

/// What to do with keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  strongroom key new\n  strongroom key unlock --for 1h\n  strongroom key list")]
pub(crate) enum KeyCommand {
    /// Make a new account and show its recovery phrase once
    New(NewArgs),
    /// List accounts, and which of them are unlocked
    #[command(after_help = "Example: strongroom key list")]
    List,
    /// Keep an account's key unlocked for a while, so that commands do not ask for its passphrase
    Unlock(unlock::UnlockArgs),
    /// Lock unlocked keys again
    Lock(unlock::LockArgs),
    /// Hold unlocked keys: what `unlock` starts
    #[command(hide = true)]
    Agent,
    /// Print an account's keystore file, encrypted anew under the same passphrase, or its phrase
    Export(ExportArgs),
    /// Take over a keystore file (geth's too) or a recovery phrase
    Import(ImportArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: strongroom key new\n         strongroom key new --passphrase-file pass.txt --phrase-file phrase.txt   (no terminal)"
)]
pub(crate) struct NewArgs {
    /// Write the recovery phrase to this new file instead of showing it; keep it off this machine
    #[arg(long, value_name = "FILE")]
    pub(crate) phrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples: strongroom key export > key.json\n          strongroom key export --phrase")]
pub(crate) struct ExportArgs {
    /// Print the recovery phrase instead: whoever reads it owns everything
    #[arg(long)]
    phrase: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples: strongroom key import ~/.ethereum/keystore/UTC--…\n          strongroom key import --phrase \"word word …\""
)]
pub(crate) struct ImportArgs {
    /// A Web3 Secret Storage v3 file
    #[arg(required_unless_present = "phrase")]
    file: Option<PathBuf>,
    /// The 24 words, or - to type them
    #[arg(long, conflicts_with = "file")]
    phrase: Option<String>,
}

pub(crate) fn run(global: &Global, command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::New(args) => new(global, &args).map(drop)?,
        KeyCommand::List => unlock::list(global)?,
        KeyCommand::Unlock(args) => unlock::unlock(global, &args)?,
        KeyCommand::Lock(args) => unlock::lock(global, &args)?,
        KeyCommand::Agent => agent::serve()?,
        KeyCommand::Export(args) => export(global, &args)?,
        KeyCommand::Import(args) => import(global, args)?,
    }
    Ok(Exit::Done)
}

/// Makes an account. On a terminal the phrase is shown once and three of its words are asked for; without one it goes to
/// a file or into the JSON answer.
pub(crate) fn new(global: &Global, args: &NewArgs) -> eyre::Result<OwnerSecret> {
    let secret = OwnerSecret::generate(&mut rand::rng());
    let asked = args.phrase_file.is_none() && account::can_ask(global);
    if args.phrase_file.is_none() && !asked && !global.json {
        bail!("the recovery phrase has nowhere to go without a terminal; use --phrase-file FILE or --json");
    }
    let passphrase = account::new_passphrase(global)?;
    let phrase = secret.phrase();
    if asked {
        confirm_phrase(&phrase)?;
    }
    if let Some(path) = &args.phrase_file {
        write_private(path, &phrase)?;
    }
    let path = account::save(global, &secret, &passphrase)?;
    let mut document = json!({ "address": format!("0x{}", secret.address()), "file": path });
    if args.phrase_file.is_none() && !asked {
        document["phrase"] = json!(*phrase);
    }
    output::print(global, &document, || {
        println!("account 0x{}\nkey file {}", secret.address(), path.display());
        if let Some(path) = &args.phrase_file {
            println!("recovery phrase {} (move it off this machine)", path.display());
        }
    });
    Ok(secret)
}

fn confirm_phrase(phrase: &str) -> eyre::Result<()> {
    let words: Vec<&str> = phrase.split_whitespace().collect();
    eprintln!(
        "\nThis is the recovery phrase. It is shown once. Whoever has it can read every backup; without it and without"
    );
    eprintln!("the key file nobody can. Write it on paper:\n");
    for (row, line) in words.chunks(6).enumerate() {
        let line: Vec<String> =
            line.iter().enumerate().map(|(column, word)| format!("{:>2} {word:<9}", row * 6 + column + 1)).collect();
        eprintln!("  {}", line.join(" "));
    }
    eprintln!();
    for number in [3usize, 11, 20] {
        loop {
            let answer = account::ask(&format!("Word {number}: "))?;
            if words.get(number - 1).is_some_and(|word| *word == answer.as_str()) {
                break;
            }
            if answer.is_empty() {
                bail!("the phrase was not confirmed; no key was written");
            }
            eprintln!("That is not word {number}. Look again (empty = give up).");
        }
    }
    // The phrase must not stay on the screen above what follows.
    eprint!("\x1b[2J\x1b[H");
    Ok(())
}

fn export(global: &Global, args: &ExportArgs) -> eyre::Result<()> {
    // Also when the key is unlocked: whoever takes a secret away has to know its passphrase.
    let file = account::existing(global, global.account.as_deref())?;
    let passphrase = account::passphrase_of(global, &file)?;
    let secret = account::open_file(&file, &passphrase)?;
    if args.phrase {
        let phrase = secret.phrase();
        output::print(global, &json!({ "phrase": *phrase }), || println!("{}", *phrase));
        return Ok(());
    }
    // The passphrase stays the same: the file can be opened by whoever could open it before.
    println!("{}", account::encrypt(&secret, &passphrase));
    Ok(())
}

fn import(global: &Global, args: ImportArgs) -> eyre::Result<()> {
    let (secret, passphrase) = match (args.file, args.phrase) {
        (Some(file), _) => {
            let json = std::fs::read_to_string(&file).wrap_err_with(|| format!("cannot read {}", file.display()))?;
            let passphrase = account::passphrase(global, "Passphrase of the file: ")?;
            let secret = seal::keystore::decrypt(&json, &passphrase)
                .map_err(|error| eyre!("cannot open {}: {error}", file.display()))?;
            (secret, passphrase)
        }
        (None, phrase) => {
            let secret = secret_from_phrase(phrase.as_deref().unwrap_or("-"))?;
            (secret, account::new_passphrase(global)?)
        }
    };
    let path = account::save(global, &secret, &passphrase)?;
    output::print(global, &json!({ "address": format!("0x{}", secret.address()), "file": path }), || {
        println!("account 0x{}\nkey file {}", secret.address(), path.display());
    });
    Ok(())
}

/// The secret of a phrase; `-` asks for it.
pub(crate) fn secret_from_phrase(phrase: &str) -> eyre::Result<OwnerSecret> {
    let typed =
        if phrase == "-" { account::ask("Recovery phrase (24 words): ")? } else { Zeroizing::new(phrase.to_owned()) };
    OwnerSecret::from_phrase(&typed).map_err(|error| eyre!("this is not a recovery phrase: {error}"))
}

fn write_private(path: &std::path::Path, text: &str) -> eyre::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .wrap_err_with(|| format!("cannot create {}", path.display()))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(())
}
