//! Writes a snapshot's files.
//!
//! ```text
//! plan (one thread): directories, links, files ─► batch ─► what is there already? ─► by pack: read, open, write
//! ```
//! Batches bound the memory; within one, every range of a pack is read once, however many files need it.

mod batch;
mod io;
mod keep;
mod marker;
mod metadata;
mod place;
mod plan;
mod target;
mod write;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use primitives::CommitmentHash;
use rustix::io::Errno;
use seal::OwnerSecret;
use seal::chunk::Chunker;

use crate::buffers::Permits;
use crate::meta::Names;
use crate::patterns::Sought;
use crate::snapshot::{self, Reading};
use crate::{Client, ClientError, LeftOut, Note, Phase, RestoreOptions, RestoreReport, open};
use metadata::Fresh;
use plan::Plan;
use target::Target;

/// What all threads of a restore share.
struct Restore<'a> {
    options: &'a RestoreOptions,
    reading: &'a Reading,
    target: Target,
    names: Names,
    chunker: Chunker,
    root: bool,
    fresh: Fresh,
    counters: Counters,
    notes: Mutex<Notes>,
    /// Held while a decoded pack is in memory.
    decoding: Permits,
}

/// Decoded packs at the same time; each takes its own length and that of `k` shards, 64 MiB.
const DECODING: usize = 2;

#[derive(Default)]
struct Counters {
    files: AtomicU64,
    directories: AtomicU64,
    symlinks: AtomicU64,
    bytes: AtomicU64,
    kept: AtomicU64,
    owners_left: AtomicU64,
    set_ids_left: AtomicU64,
    attributes_left: AtomicU64,
}

#[derive(Default)]
struct Notes {
    lost: Vec<Note>,
    errors: Vec<Note>,
}

impl Notes {
    fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.errors.is_empty()
    }
}

/// Restores a snapshot.
pub(crate) fn restore(
    client: &Client,
    secret: &OwnerSecret,
    options: &RestoreOptions,
) -> Result<RestoreReport, ClientError> {
    open::raise_limit();
    options.progress.phase(Phase::Index);
    let reading = Reading::open(client, secret, &options.vault, std::sync::Arc::clone(&options.progress))?;
    let record = snapshot::record(client, &reading.vault, options.snapshot)?;
    let manifest = snapshot::manifest(client, secret, &reading.fetcher, &record)?;
    let commitment = record.commitment.hash();
    let include = Sought::new(&options.include)?;
    let target = Target::open(&options.target, &commitment, options.overwrite)?;
    options.progress.phase(Phase::Plan);
    if include.is_empty() {
        options.progress.total(manifest.root.files, manifest.root.bytes);
    }
    let fresh = Fresh::learn(target.keeps_groups());
    let restore = Restore {
        options,
        reading: &reading,
        target,
        names: Names::load(),
        chunker: Chunker::new(reading.vault.keys.cdc_seed),
        root: rustix::process::geteuid().is_root(),
        fresh,
        counters: Counters::default(),
        notes: Mutex::default(),
        decoding: Permits::new(DECODING),
    };
    let all = include.is_empty();
    let unmatched = Plan::new(&restore, include)?.run(&manifest)?;
    // What is missing can still come: the same command goes on as long as the marker is there.
    if restore.notes().is_empty() {
        restore.target.finish()?;
    }
    if !all && restore.is_empty() {
        restore.target.abandon();
        let patterns = options.include.clone();
        return Err(ClientError::NothingMatches { snapshot: record.commitment.seq, patterns });
    }
    Ok(RestoreReport { unmatched, ..restore.report(record.commitment.seq, commitment) })
}

impl Restore<'_> {
    /// Whether there was nothing to restore.
    fn is_empty(&self) -> bool {
        let Counters { files, symlinks, directories, .. } = &self.counters;
        let notes = self.notes();
        let any = [files, symlinks, directories].iter().any(|counter| counter.load(Ordering::Relaxed) > 0);
        !any && notes.lost.is_empty() && notes.errors.is_empty()
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().expect("no thread panics while it adds a note")
    }

    /// Notes what could not be put in its place. A disk that is full ends the restore: nothing else would fit either.
    fn failed(
        &self,
        path: &std::path::Path,
        error: Errno,
        reason: impl FnOnce(Errno) -> String,
    ) -> Result<(), ClientError> {
        if matches!(error, Errno::NOSPC | Errno::DQUOT) {
            return Err(ClientError::TargetFull { path: self.target.path().to_path_buf(), source: error.into() });
        }
        self.error(path, reason(error));
        Ok(())
    }

    fn error(&self, path: &std::path::Path, reason: impl ToString) {
        let note = Note { path: path.to_path_buf(), reason: reason.to_string() };
        self.options.progress.note(&note);
        self.notes().errors.push(note);
    }

    fn lost(&self, path: &std::path::Path, reason: impl ToString) {
        let note = Note { path: path.to_path_buf(), reason: reason.to_string() };
        self.options.progress.note(&note);
        self.notes().lost.push(note);
    }

    fn report(self, snapshot: u64, commitment: CommitmentHash) -> RestoreReport {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut notes = self.notes.into_inner().expect("no thread panics while it adds a note");
        notes.lost.sort_by(|a, b| a.path.cmp(&b.path));
        RestoreReport {
            snapshot,
            commitment,
            files: count(&self.counters.files),
            directories: count(&self.counters.directories),
            symlinks: count(&self.counters.symlinks),
            bytes: count(&self.counters.bytes),
            kept: count(&self.counters.kept),
            decoded_packs: self.reading.fetcher.decoded(),
            lost: notes.lost,
            errors: notes.errors,
            left_out: LeftOut {
                owners: count(&self.counters.owners_left),
                set_ids: count(&self.counters.set_ids_left),
                attributes: count(&self.counters.attributes_left),
            },
            unmatched: Vec::new(),
        }
    }
}
