//! Which vaults a target holds whole, so that a second run does not stop at what the first one finished.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr};
use primitives::{CommitmentHash, VaultId};

/// Name of the record in the target: one line per vault, its id and the commitment of the snapshot that is there.
const FILE: &str = ".strongroom-recovered";

/// What is complete in a target.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    complete: BTreeMap<String, String>,
}

impl Record {
    /// The record of a target; empty when there is none. A line that cannot be read counts for nothing: its vault is
    /// restored again, which replaces nothing.
    pub(super) fn read(target: &Path) -> Self {
        let path = target.join(FILE);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let complete = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(vault, commitment)| (vault.to_owned(), commitment.to_owned()))
            .collect();
        Self { path, complete }
    }

    /// Whether this snapshot of the vault was restored whole.
    pub(super) fn holds(&self, vault: &VaultId, commitment: &CommitmentHash) -> bool {
        self.complete.get(&vault.to_string()).is_some_and(|known| *known == commitment.to_string())
    }

    /// Notes that this snapshot is there, whole.
    ///
    /// # Errors
    /// The record cannot be written.
    pub(super) fn add(&mut self, vault: &VaultId, commitment: &CommitmentHash) -> Result<()> {
        self.complete.insert(vault.to_string(), commitment.to_string());
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        let cannot = || format!("cannot write {}", self.path.display());
        let mut file = tempfile::NamedTempFile::new_in(directory).wrap_err_with(cannot)?;
        for (vault, commitment) in &self.complete {
            writeln!(file, "{vault} {commitment}").wrap_err_with(cannot)?;
        }
        file.persist(&self.path).map_err(|error| error.error).wrap_err_with(cannot)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_one_snapshot() {
        let target = tempfile::tempdir().unwrap();
        let (vault, first, second) =
            (VaultId::new([1; 32]), CommitmentHash::new([2; 32]), CommitmentHash::new([3; 32]));
        let mut record = Record::read(target.path());
        assert!(!record.holds(&vault, &first));
        record.add(&vault, &first).unwrap();
        let record = Record::read(target.path());
        assert!(record.holds(&vault, &first) && !record.holds(&vault, &second));
    }
}
