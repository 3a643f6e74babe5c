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
    Spec::from_json(&text)
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
    let path = genesis_file(data_dir);
    let aside = path.with_extension("tmp");
    std::fs::write(&aside, spec.to_json()).wrap_err_with(|| format!("cannot write {}", aside.display()))?;
    std::fs::File::open(&aside)?.sync_all()?;
    std::fs::rename(&aside, &path).wrap_err_with(|| format!("cannot write {}", path.display()))?;
    std::fs::File::open(data_dir)?.sync_all().wrap_err_with(|| format!("cannot write {}", data_dir.display()))
}
