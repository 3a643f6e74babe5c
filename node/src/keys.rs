//! The node's own keys: made at the first start, kept in `<data dir>/keys`, readable by the node's user only.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use ed25519_dalek::SigningKey;
use eyre::{Result, WrapErr, bail};
use primitives::{Address, MemberKey, NodeKey, ValidatorKey};
use rand::TryRngCore;
use zeroize::Zeroizing;

/// One key a role; never the same for two.
pub(crate) struct NodeKeys {
    /// Signs votes.
    pub(crate) validator: SigningKey,
    /// Signs attestations of the root cluster.
    pub(crate) member: SigningKey,
    /// Signs shard acknowledgements.
    pub(crate) storage: SigningKey,
    /// The secp256k1 account that pays the node's fees.
    pub(crate) operator: Zeroizing<[u8; 32]>,
}

impl NodeKeys {
    /// Loads the keys, making those that are missing.
    ///
    /// # Errors
    /// A key file that is not 64 hex digits, or that others can read.
    pub(crate) fn load_or_create(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory).wrap_err_with(|| format!("cannot create {}", directory.display()))?;
        let names = ["validator.key", "member.key", "storage.key", "operator.key"];
        let missing: Vec<&str> = names.into_iter().filter(|name| !directory.join(name).exists()).collect();
        if !missing.is_empty() && directory.parent().is_some_and(|data| data.join("genesis.json").exists()) {
            bail!(
                "{} are missing in {}, but the data directory belongs to a network already; restore them from a copy: with \
                 new keys this node would be somebody else",
                missing.join(", "),
                directory.display()
            );
        }
        let ed25519 =
            |name: &str| -> Result<SigningKey> { Ok(SigningKey::from_bytes(&*secret(&directory.join(name))?)) };
        let keys = Self {
            validator: ed25519("validator.key")?,
            member: ed25519("member.key")?,
            storage: ed25519("storage.key")?,
            operator: secret(&directory.join("operator.key"))?,
        };
        keys.operator_address()
            .wrap_err_with(|| format!("{} is no secp256k1 key", directory.join("operator.key").display()))?;
        Ok(keys)
    }

    pub(crate) fn validator_key(&self) -> ValidatorKey {
        ValidatorKey::new(self.validator.verifying_key().to_bytes())
    }

    pub(crate) fn member_key(&self) -> MemberKey {
        MemberKey::new(self.member.verifying_key().to_bytes())
    }

    pub(crate) fn storage_key(&self) -> NodeKey {
        NodeKey::new(self.storage.verifying_key().to_bytes())
    }

    pub(crate) fn operator_address(&self) -> Result<Address> {
        Ok(Address::from_secret(&self.operator)?)
    }
}

/// Reads a 32-byte secret, or makes and keeps one.
fn secret(path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    if path.exists() {
        let mode =
            std::fs::metadata(path).wrap_err_with(|| format!("cannot read {}", path.display()))?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!("{} can be read by others (mode {:o}); run: chmod 600 {0}", path.display(), mode & 0o777);
        }
        let text =
            Zeroizing::new(std::fs::read_to_string(path).wrap_err_with(|| format!("cannot read {}", path.display()))?);
        if hex::decode_to_slice(text.trim(), &mut *bytes).is_err() {
            bail!(
                "{} is not a key (64 hex digits); restore it from a copy. Without one, this node cannot be what it was: start \
                 a new one in another data directory",
                path.display()
            );
        }
        return Ok(bytes);
    }
    rand::rngs::OsRng.try_fill_bytes(&mut *bytes).wrap_err("the system has no randomness")?;
    // Written aside and renamed, so that a crash leaves either no key or a whole one.
    let aside = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .wrap_err_with(|| format!("cannot write {}", aside.display()))?;
    file.write_all(Zeroizing::new(hex::encode(*bytes)).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&aside, path).wrap_err_with(|| format!("cannot write {}", path.display()))?;
    // The name must survive a power loss too: with another key this node would be somebody else.
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_stay_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = NodeKeys::load_or_create(dir.path()).unwrap();
        let second = NodeKeys::load_or_create(dir.path()).unwrap();
        assert_eq!(first.validator_key(), second.validator_key());
        assert_eq!(first.operator_address().unwrap(), second.operator_address().unwrap());
        assert_ne!(first.validator_key().as_bytes(), first.member_key().as_bytes());
        let path = dir.path().join("validator.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(format!("{:#}", NodeKeys::load_or_create(dir.path()).err().unwrap()).contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "nonsense").unwrap();
        assert!(format!("{:#}", NodeKeys::load_or_create(dir.path()).err().unwrap()).contains("64 hex digits"));
    }
}
