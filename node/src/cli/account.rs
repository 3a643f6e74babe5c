//! Which owner a command acts as: keystore files, the key unlocked by agent or passphrase, and the SDK client made from it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use client::{Client, Owner};
use eyre::{Result, WrapErr, bail, eyre};
use primitives::Address;
use seal::OwnerSecret;
use zeroize::Zeroizing;

use super::keystore::{KeyFile, Keystore};
use super::{Failure, Global};
use crate::agent;

/// Shortest passphrase that a new key accepts, characters.
const PASSPHRASE_CHARS_MIN: usize = 8;

/// The keystore directory, as `--keystore` or the default says.
pub(crate) fn keystore_dir(global: &Global) -> PathBuf {
    global.keystore.clone().unwrap_or_else(|| user_dir(dirs::data_dir()).join("keystore"))
}

/// The cache directory, as `--cache` or the default says.
pub(crate) fn cache_dir(global: &Global) -> PathBuf {
    global.cache.clone().unwrap_or_else(|| user_dir(dirs::cache_dir()))
}

fn user_dir(base: Option<PathBuf>) -> PathBuf {
    base.unwrap_or_else(|| PathBuf::from(".")).join("strongroom")
}

/// The key file that `--account` names, or the only one.
pub(crate) fn choose(global: &Global) -> Result<Option<KeyFile>> {
    choose_named(global, global.account.as_deref())
}

/// The key file of the account whose address begins with `wanted`, or the only one; none when the keystore is empty.
///
/// # Errors
/// There is none of this address, or several, or only files that cannot be read: those are never taken for no key.
pub(crate) fn choose_named(global: &Global, wanted: Option<&str>) -> Result<Option<KeyFile>> {
    let directory = keystore_dir(global);
    let mut keystore = Keystore::read(&directory)?;
    if let Some(wanted) = wanted {
        keystore.keys.retain(|file| names(wanted, &file.address));
        if keystore.keys.is_empty() {
            let damaged: String = keystore.damaged.iter().map(|file| format!("; {}", file.describe())).collect();
            bail!(
                "no key in {} has an address that begins with {wanted}; `strongroom key list` shows them{damaged}",
                directory.display()
            );
        }
    }
    match keystore.keys.as_slice() {
        [] => keystore.damage().map_or(Ok(None), Err),
        [file] => Ok(Some(file.clone())),
        several => bail!(
            "there are {} keys; say which one with --account: {}",
            several.len(),
            several.iter().map(|file| format!("0x{}", file.address)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Whether `wanted`, with or without `0x`, is the account's address or its beginning.
pub(crate) fn names(wanted: &str, address: &Address) -> bool {
    let digits = wanted.strip_prefix("0x").unwrap_or(wanted).to_ascii_lowercase();
    !digits.is_empty() && address.to_string().starts_with(&digits)
}

/// The owner's secret.
///
/// # Errors
/// No key yet, a wrong passphrase, no terminal to ask on: each says what to do.
pub(crate) fn unlock(global: &Global) -> Result<OwnerSecret> {
    unlock_file(global, &existing(global, global.account.as_deref())?)
}

/// The key file of the account whose address begins with `wanted`, or the only one.
///
/// # Errors
/// There is none, or more than one.
pub(crate) fn existing(global: &Global, wanted: Option<&str>) -> Result<KeyFile> {
    choose_named(global, wanted)?.ok_or_else(|| {
        eyre!("there is no key in {}; make one with `strongroom key new`", keystore_dir(global).display())
    })
}

/// The secret in this key file: from the agent when it is unlocked there, else with the passphrase.
pub(crate) fn unlock_file(global: &Global, file: &KeyFile) -> Result<OwnerSecret> {
    match agent::secret(&file.address) {
        Some(secret) => Ok(secret),
        None => open_file(file, &passphrase_of(global, file)?),
    }
}

/// The passphrase of this key file.
pub(crate) fn passphrase_of(global: &Global, file: &KeyFile) -> Result<Zeroizing<String>> {
    passphrase(global, &format!("Passphrase of 0x{}: ", file.address))
}

/// The secret in this key file, by its passphrase.
pub(crate) fn open_file(file: &KeyFile, passphrase: &str) -> Result<OwnerSecret> {
    let json = std::fs::read_to_string(&file.path).wrap_err_with(|| format!("cannot read {}", file.path.display()))?;
    seal::keystore::decrypt(&json, passphrase).map_err(|error| eyre!("cannot open {}: {error}", file.path.display()))
}

/// Writes a key file in geth's naming; returns its path.
///
/// # Errors
/// The account has a key file already.
pub(crate) fn save(global: &Global, secret: &OwnerSecret, passphrase: &str) -> Result<PathBuf> {
    let directory = keystore_dir(global);
    std::fs::create_dir_all(&directory).wrap_err_with(|| format!("cannot create {}", directory.display()))?;
    let address = secret.address();
    if let Some(file) = Keystore::read(&directory)?.keys.into_iter().find(|file| file.address == address) {
        bail!("account 0x{address} is in the keystore already: {}", file.path.display());
    }
    let json = encrypt(secret, passphrase);
    let path = directory.join(format!("UTC--{}--{address}", super::output::file_time(std::time::SystemTime::now())));
    let mut file = tempfile::NamedTempFile::new_in(&directory).wrap_err("cannot write the key file")?;
    file.write_all(json.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path)
        .map_err(|error| error.error)
        .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The account as a keystore file that geth reads too.
pub(crate) fn encrypt(secret: &OwnerSecret, passphrase: &str) -> String {
    seal::keystore::encrypt(secret, passphrase, seal::keystore::ScryptCost::default(), &mut rand::rng())
}

/// A client of the node, acting for the owner.
///
/// # Errors
/// No key, a wrong passphrase, no node.
pub(crate) fn owner(global: &Global) -> Result<Owner, Failure> {
    let secret = unlock(global)?;
    Ok(client(global)?.owner(secret))
}

/// A client of the node.
pub(crate) fn client(global: &Global) -> Result<Client, Failure> {
    let client = Client::connect(&global.node)?.cache_dir(cache_dir(global));
    Ok(match global.chain_id {
        Some(id) => client.expect_chain(primitives::ChainId::new(id))?,
        None => client,
    })
}

/// The passphrase for an existing key: from the file, the environment, or the terminal.
pub(crate) fn passphrase(global: &Global, prompt: &str) -> Result<Zeroizing<String>> {
    if let Some(given) = given_passphrase(global)? {
        return Ok(given);
    }
    ask_hidden(prompt)
}

/// The passphrase for a new key; asked for twice on a terminal.
pub(crate) fn new_passphrase(global: &Global) -> Result<Zeroizing<String>> {
    let passphrase = match given_passphrase(global)? {
        Some(given) => given,
        None => {
            let first = ask_hidden("New passphrase: ")?;
            if *ask_hidden("The same again: ")? != *first {
                bail!("the two passphrases differ; nothing was written");
            }
            first
        }
    };
    if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
        bail!("the passphrase needs at least {PASSPHRASE_CHARS_MIN} characters");
    }
    Ok(passphrase)
}

fn given_passphrase(global: &Global) -> Result<Option<Zeroizing<String>>> {
    if let Some(path) = &global.passphrase_file {
        let text = Zeroizing::new(
            std::fs::read_to_string(path)
                .wrap_err_with(|| format!("cannot read the passphrase file {}", path.display()))?,
        );
        return Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())));
    }
    Ok(std::env::var("STRONGROOM_PASSPHRASE").ok().map(Zeroizing::new))
}

fn ask_hidden(prompt: &str) -> Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "a passphrase is needed and there is no terminal to ask on; use --passphrase-file or STRONGROOM_PASSPHRASE, or \
             unlock the key before with `strongroom key unlock`"
        );
    }
    Ok(Zeroizing::new(rpassword::prompt_password(prompt).wrap_err("cannot read the passphrase")?))
}

/// Whether a person is there to answer questions.
pub(crate) fn can_ask(global: &Global) -> bool {
    !global.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question that is answered by yes or no.
pub(crate) fn confirm(question: &str) -> Result<bool> {
    eprint!("{question} [Y/n] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

/// Reads one line of the answer to `prompt`.
pub(crate) fn ask(prompt: &str) -> Result<Zeroizing<String>> {
    eprint!("{prompt}");
    std::io::stderr().flush()?;
    let mut answer = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(Zeroizing::new(answer.trim().to_owned()))
}
