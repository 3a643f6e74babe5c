//! Compares a restored tree with its source, bit for bit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use eyre::{Result, WrapErr, ensure};

/// What was compared.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Every entry of `restored` is in `source` with the same kind, link target, mode and bytes.
pub(super) fn same(restored: &Path, source: &Path) -> Result<Compared> {
    let mut compared = Compared::default();
    let mut open = vec![std::path::PathBuf::new()];
    if restored.is_file() {
        compared.files = 1;
        compared.bytes = same_bytes(restored, source)?;
        return Ok(compared);
    }
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(restored.join(&directory)).wrap_err_with(|| format!("{}", restored.display()))? {
            let name = directory.join(entry?.file_name());
            let (ours, theirs) = (restored.join(&name), source.join(&name));
            let (a, b) = (std::fs::symlink_metadata(&ours)?, std::fs::symlink_metadata(&theirs)?);
            ensure!(a.file_type() == b.file_type(), "{} has another kind", name.display());
            if a.is_symlink() {
                ensure!(
                    std::fs::read_link(&ours)? == std::fs::read_link(&theirs)?,
                    "{} points elsewhere",
                    name.display()
                );
                continue;
            }
            ensure!(a.permissions() == b.permissions(), "{} has another mode", name.display());
            if a.is_dir() {
                open.push(name);
            } else {
                compared.files += 1;
                compared.bytes += same_bytes(&ours, &theirs)?;
            }
        }
    }
    Ok(compared)
}

fn same_bytes(ours: &Path, theirs: &Path) -> Result<u64> {
    let (mut a, mut b) = (File::open(ours)?, File::open(theirs)?);
    let (mut left, mut right) = (vec![0u8; 1 << 20], vec![0u8; 1 << 20]);
    let mut total = 0u64;
    loop {
        let count = a.read(&mut left)?;
        if count == 0 {
            ensure!(b.read(&mut right)? == 0, "{} is shorter", ours.display());
            return Ok(total);
        }
        b.read_exact(&mut right[..count]).wrap_err_with(|| format!("{} is longer", ours.display()))?;
        ensure!(left[..count] == right[..count], "{} has other bytes", ours.display());
        total += u64::try_from(count)?;
    }
}
