//! The newest version of every object of a vault, each in one file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use client::{ObjectInfo, Owner};
use eyre::{Result, WrapErr, bail};
use serde_json::{Value, json};

use super::super::progress::Bar;
use super::super::{Global, object, output};
use super::names;
use super::vault::Recovery;

/// Bytes that are compared at once.
const COMPARED: usize = 64 * 1024;

/// Restores the objects; returns them as JSON, and whether all are there. One that fails does not stop the others.
pub(super) fn restore(
    global: &Global,
    owner: &Owner,
    (vault, objects): (&str, &[ObjectInfo]),
    target: &Path,
    recovery: &Recovery,
) -> Result<(Vec<Value>, bool)> {
    std::fs::create_dir_all(target).wrap_err_with(|| format!("cannot make {}", target.display()))?;
    let (mut rows, mut complete) = (Vec::new(), true);
    for known in objects {
        if recovery.is_cancelled() {
            return Ok((rows, false));
        }
        let path = target.join(names::object_file(&known.name));
        let mut row = object::document(known);
        match fetch(global, owner, (vault, known), &path, recovery.overwrite) {
            Ok(()) => row["file"] = json!(path),
            Err(error) => {
                complete = false;
                row["error"] = json!(format!("{error:#}"));
                if !global.json {
                    eprintln!("object {}: {error:#}", output::text(&known.name));
                }
            }
        }
        rows.push(row);
    }
    Ok((rows, complete))
}

/// Writes one object aside, verified, and gives it its name. What has the name already stays unless told otherwise, and
/// must be the same.
fn fetch(
    global: &Global,
    owner: &Owner,
    (vault, known): (&str, &ObjectInfo),
    path: &Path,
    overwrite: bool,
) -> Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut aside = object::aside(directory)?;
    let bar = Bar::new(global, "get");
    let outcome = owner.get(vault, &known.name, aside.as_file_mut(), bar.clone());
    bar.finish();
    outcome?;
    aside.as_file().sync_all()?;
    if overwrite {
        aside
            .persist(path)
            .map_err(|error| error.error)
            .wrap_err_with(|| format!("cannot write {}", path.display()))?;
        return Ok(());
    }
    match aside.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            if !path.symlink_metadata()?.is_file() || !same(error.file.path(), path)? {
                bail!(
                    "{} is there with other content and was left alone; move it away, or use --overwrite",
                    path.display()
                );
            }
            Ok(())
        }
        Err(error) => Err(error.error).wrap_err_with(|| format!("cannot write {}", path.display())),
    }
}

/// Whether two files hold the same bytes.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let open = |path: &Path| File::open(path).wrap_err_with(|| format!("cannot read {}", path.display()));
    let (mut one, mut other) = (open(one)?, open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        let limit = u64::try_from(COMPARED)?;
        one.by_ref().take(limit).read_to_end(&mut left)?;
        other.by_ref().take(limit).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
