//! Which network this node belongs to: the genesis description in its data directory.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chain_spec::{ChainSpec, DevKeys, Spec};
use eyre::{Result, WrapErr, bail, eyre};
use primitives::TimestampMs;

use crate::keys::NodeKeys;

/// The genesis description of a data directory.
pub(crate) fn genesis_file(data_dir: &Path) -> PathBuf {
    data_dir.join("genesis.json")
}

/// Checks that there is a genesis description, before anything is made in a directory that may be named by mistake.
///
/// # Errors
/// There is none: says what to do.
pub(crate) fn expect(data_dir: &Path) -> Result<()> {
    let path = genesis_file(data_dir);
    if !path.exists() {
        bail!(
            "there is no genesis description {}; start with --dev for a network of this machine alone, or put the \
             network's genesis.json there",
            path.display()
        );
    }
    Ok(())
}

/// Reads and checks the genesis description; with `dev`, makes one for this machine alone when there is none.
///
/// # Errors
/// No description, or one that does not check: each says what to do.
pub(crate) fn load(data_dir: &Path, dev: bool, keys: &NodeKeys) -> Result<ChainSpec> {
    let path = genesis_file(data_dir);
    if dev && !path.exists() {
        create_dev(data_dir, keys)?;
    }
    read(&path)
}

/// Reads and checks one genesis description.
pub(crate) fn read(path: &Path) -> Result<ChainSpec> {
    let text = std::fs::read_to_string(path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
    check(&text, path)
}

fn check(text: &str, path: &Path) -> Result<ChainSpec> {
    Spec::from_json(text)
        .and_then(Spec::check)
        .map_err(|error| eyre!("{} is not a valid genesis description: {error}", path.display()))
}

/// Writes the description of a network with this node's keys as its only validator, member and operator.
pub(crate) fn create_dev(data_dir: &Path, keys: &NodeKeys) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).wrap_err("the clock is before 1970")?;
    let timestamp = TimestampMs::new(u64::try_from(now.as_millis())?);
    let spec = Spec::dev(
        DevKeys {
            validator: keys.validator_key(),
            member: keys.member_key(),
            operator: keys.operator_address()?,
            extra_allocations: Vec::new(),
        },
        timestamp,
    );
    write(data_dir, &spec.to_json())
}

/// Takes the description in `file` into a data directory, unless the one that is there is of the same network.
///
/// # Errors
/// A description that does not check, or a data directory of another network.
pub(crate) fn join(data_dir: &Path, file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).wrap_err_with(|| format!("cannot read {}", file.display()))?;
    let spec = check(&text, file)?;
    let there = genesis_file(data_dir);
    if !there.exists() {
        return write(data_dir, &text);
    }
    if read(&there)?.network != spec.network {
        bail!("{} belongs to another network; choose another --data-dir", there.display());
    }
    Ok(())
}

/// Writes a description: whole and durable, or not at all.
fn write(data_dir: &Path, text: &str) -> Result<()> {
    let path = genesis_file(data_dir);
    let aside = path.with_extension("tmp");
    std::fs::write(&aside, text).wrap_err_with(|| format!("cannot write {}", aside.display()))?;
    std::fs::File::open(&aside)?.sync_all()?;
    std::fs::rename(&aside, &path).wrap_err_with(|| format!("cannot write {}", path.display()))?;
    std::fs::File::open(data_dir)?.sync_all().wrap_err_with(|| format!("cannot write {}", data_dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_joined_once_and_its_description_stays_as_it_is() {
        let (place, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let keys = |place: &Path| NodeKeys::load_or_create(&place.join("keys")).unwrap();
        create_dev(other.path(), &keys(other.path())).unwrap();
        let given = genesis_file(other.path());
        let text = std::fs::read_to_string(&given).unwrap();
        let there = genesis_file(place.path());
        // Also when the file that is given is the one that is there.
        for file in [&given, &given, &there] {
            join(place.path(), file).unwrap();
            assert_eq!(std::fs::read_to_string(&there).unwrap(), text);
        }
        let foreign = tempfile::tempdir().unwrap();
        create_dev(foreign.path(), &keys(foreign.path())).unwrap();
        let error = join(place.path(), &genesis_file(foreign.path())).unwrap_err().to_string();
        assert!(error.contains("another network"), "{error}");
        assert_eq!(std::fs::read_to_string(&there).unwrap(), text);
        std::fs::write(place.path().join("broken"), b"{}").unwrap();
        assert!(join(place.path(), &place.path().join("broken")).is_err());
    }
}
