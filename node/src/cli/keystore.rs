//! The keystore directory: which files in it are accounts' keys, and which should be and cannot be read.

use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr, eyre};
use primitives::Address;
use serde_json::Value;

/// One keystore file.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    pub(crate) address: Address,
    pub(crate) path: PathBuf,
}

/// A file among the keys that is none, or none any more.
#[derive(Clone, Debug)]
pub(crate) struct DamagedFile {
    pub(crate) path: PathBuf,
    /// What is wrong with it.
    pub(crate) reason: String,
}

impl DamagedFile {
    /// What happened and what to do, as an error.
    pub(crate) fn error(&self) -> eyre::Report {
        eyre!("{}; {REMEDY}", self.describe())
    }

    /// Which file, and what is wrong with it.
    pub(crate) fn describe(&self) -> String {
        format!("the key file {} is damaged or unreadable: {}", self.path.display(), self.reason)
    }
}

/// What brings the key of a damaged file back.
const REMEDY: &str = "restore the file from a copy, or bring the key back from its recovery phrase with `strongroom key \
                      import --phrase -` (or everything with `strongroom recover`), then move the damaged file away; a \
                      new key could not read what the old one owns";

/// Everything in a keystore directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keystore {
    /// By address.
    pub(crate) keys: Vec<KeyFile>,
    /// By path.
    pub(crate) damaged: Vec<DamagedFile>,
}

impl Keystore {
    /// Looks at every file. As in geth's keystores, hidden files, those whose name ends in `~`, and what is no file do
    /// not count; everything else has to be a key.
    ///
    /// # Errors
    /// The directory exists and cannot be listed.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let cannot = || format!("cannot read the keystore {}", directory.display());
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).wrap_err_with(cannot),
        };
        let mut keystore = Self::default();
        for entry in entries {
            let entry = entry.wrap_err_with(cannot)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || name.ends_with('~') || path.is_dir() {
                continue;
            }
            match address(&path) {
                Ok(address) => keystore.keys.push(KeyFile { address, path }),
                Err(reason) => keystore.damaged.push(DamagedFile { path, reason }),
            }
        }
        keystore.keys.sort_by_key(|file| file.address);
        keystore.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(keystore)
    }

    /// The first damaged file, as the reason why there is no key to use.
    pub(crate) fn damage(&self) -> Option<eyre::Report> {
        self.damaged.first().map(DamagedFile::error)
    }
}

/// The account that a key file is for; what is wrong with the file otherwise. The key itself is not looked at.
fn address(path: &Path) -> Result<Address, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    let json: Value = serde_json::from_slice(&bytes).map_err(|error| format!("it is no JSON document ({error})"))?;
    // geth's older files spell it with a capital letter.
    if !["crypto", "Crypto"].iter().any(|name| json.get(name).is_some_and(Value::is_object)) {
        return Err("it holds no encrypted key".to_owned());
    }
    json.get("address")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "it does not say whose key it holds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_told_from_keys_and_from_what_is_neither() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        let good = r#"{"address":"000000000000000000000000000000000000000a","crypto":{},"version":3}"#;
        write("UTC--good", good);
        write("UTC--empty", "");
        write("UTC--cut", &good[..40]);
        write("UTC--no-address", r#"{"crypto":{}}"#);
        write("UTC--no-crypto", r#"{"address":"000000000000000000000000000000000000000b"}"#);
        write(".tmpAbC", "");
        write("UTC--old~", "");
        std::fs::create_dir(directory.path().join("directory")).unwrap();
        let keystore = Keystore::read(directory.path()).unwrap();
        assert_eq!(keystore.keys.len(), 1);
        let damaged: Vec<_> = keystore.damaged.iter().map(|file| file.path.file_name().unwrap()).collect();
        assert_eq!(damaged, ["UTC--cut", "UTC--empty", "UTC--no-address", "UTC--no-crypto"]);
        let message = keystore.damage().unwrap().to_string();
        assert!(message.contains("UTC--cut") && message.contains("key import --phrase"), "{message}");
    }

    #[test]
    fn a_keystore_that_is_not_there_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let keystore = Keystore::read(&directory.path().join("none")).unwrap();
        assert!(keystore.keys.is_empty() && keystore.damage().is_none());
    }
}
