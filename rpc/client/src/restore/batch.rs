//! Files that are restored together: every pack that they need is read once.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use primitives::ChunkId;
use seal::tree::{FileNode, Meta, Piece};

use super::Restore;
use super::keep::keeps;
use super::target::Target;
use super::write::Writer;
use crate::index::PackNumber;
use crate::{ClientError, Phase};

/// Threads for each processor: while one waits for a read or a write, the other decrypts.
const THREADS_EACH: usize = 2;
/// Most threads; each has 12 MiB of buffers.
const THREADS_MAX: usize = 9;
/// Pieces and files in one batch.
const BATCH_MAX: usize = 100_000;

/// One file to restore.
pub(super) struct FilePlan {
    pub(super) path: PathBuf,
    /// Its name until it is whole.
    pub(super) part: String,
    pub(super) meta: Meta,
    pub(super) size: u64,
    pub(super) sparse: bool,
    /// It has further names.
    pub(super) linked: bool,
    /// Number of stored pieces.
    pub(super) pieces: usize,
    /// Pieces that are not written yet.
    pub(super) left: AtomicUsize,
    /// It cannot be completed.
    pub(super) failed: AtomicBool,
    /// It is there, if it has several pieces.
    pub(super) made: AtomicBool,
    /// It is there under the name of its part, and all threads may open it.
    pub(super) created: AtomicBool,
    /// Held while it is made.
    pub(super) opening: Mutex<()>,
}

impl FilePlan {
    pub(super) fn new(target: &Target, path: PathBuf, meta: Meta, file: &FileNode) -> Self {
        Self {
            part: target.part_name(&path),
            path,
            meta,
            size: file.size,
            sparse: file.sparse,
            linked: file.link.is_some(),
            pieces: 0,
            left: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            made: AtomicBool::new(false),
            created: AtomicBool::new(false),
            opening: Mutex::new(()),
        }
    }

    /// Removes what was written of a file when the restore ends before it is whole; the next attempt begins it anew.
    fn abandon(&self, restore: &Restore<'_>) {
        if self.created.swap(false, Ordering::AcqRel)
            && let Ok(directory) = restore.target.directory(parent(&self.path))
            && let Err(error) = restore.target.discard(directory, self.part.as_str())
        {
            tracing::debug!(target: "client", %error, part = self.part, "a part of a file stays");
        }
    }
}

/// One piece of one file, and where its frame is.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) pack: PackNumber,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) plain_len: u32,
    pub(super) chunk: ChunkId,
    pub(super) file: u32,
    pub(super) at: u64,
}

/// A batch under way.
#[derive(Default)]
pub(super) struct Batch {
    files: Vec<FilePlan>,
    /// Pieces of each file, one after the other.
    pieces: Vec<(Vec<Piece>, bool)>,
    count: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.count >= BATCH_MAX
    }

    pub(super) fn push(&mut self, file: FilePlan, pieces: Vec<Piece>) {
        self.count += pieces.len() + 1;
        self.files.push(file);
        self.pieces.push((pieces, false));
    }

    /// Restores all files of the batch. Returns those of several names that could not be restored.
    pub(super) fn run(mut self, restore: &Restore<'_>) -> Result<Vec<PathBuf>, ClientError> {
        if self.files.is_empty() {
            return Ok(Vec::new());
        }
        if !restore.target.fresh {
            self.keep_complete(restore)?;
        }
        restore.options.progress.phase(Phase::Restore);
        let uses = self.uses(restore)?;
        let ranges = by_pack(&uses);
        let next = AtomicUsize::new(0);
        let empty: Vec<usize> =
            (0..self.files.len()).filter(|at| self.files[*at].pieces == 0 && !self.pieces[*at].1).collect();
        let next_empty = AtomicUsize::new(0);
        let files = &self.files;
        let written = in_parallel(|has_failed| {
            let mut writer = Writer::new(restore, files)?;
            while let Some(at) = empty.get(next_empty.fetch_add(1, Ordering::Relaxed)) {
                restore.options.cancel.check()?;
                writer.without_pieces(&files[*at])?;
            }
            while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                if has_failed.load(Ordering::Relaxed) {
                    break;
                }
                restore.options.cancel.check()?;
                writer.pack(&uses[range.clone()])?;
            }
            Ok(())
        });
        if written.is_err() {
            files.iter().for_each(|file| file.abandon(restore));
        }
        written?;
        let failed = self.files.into_iter().filter(|file| file.linked && file.failed.load(Ordering::Relaxed));
        Ok(failed.map(|file| file.path).collect())
    }

    /// Finds files that are there already, complete and with the right content.
    fn keep_complete(&mut self, restore: &Restore<'_>) -> Result<(), ClientError> {
        restore.options.progress.phase(Phase::Verify);
        let next = AtomicUsize::new(0);
        let kept = Mutex::new(Vec::new());
        let (files, pieces) = (&self.files, &self.pieces);
        in_parallel(|_| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(at) else { return Ok(()) };
                restore.options.cancel.check()?;
                if keeps(restore, file, &pieces[at].0) {
                    kept.lock().expect("no thread panics here").push(at);
                }
            }
        })?;
        for at in kept.into_inner().expect("no thread panics here") {
            let file = &self.files[at];
            self.pieces[at] = (Vec::new(), true);
            restore.counters.kept.fetch_add(1, Ordering::Relaxed);
            restore.counters.files.fetch_add(1, Ordering::Relaxed);
            restore.counters.bytes.fetch_add(file.size, Ordering::Relaxed);
            restore.options.progress.done(1, file.size);
        }
        Ok(())
    }

    /// All stored pieces, by pack and place in it. Files with a piece that nothing holds are lost.
    fn uses(&mut self, restore: &Restore<'_>) -> Result<Vec<Use>, ClientError> {
        let chunks = restore.reading.index.chunks()?;
        let mut uses = Vec::with_capacity(self.count);
        for (number, (file, (pieces, _))) in self.files.iter_mut().zip(&self.pieces).enumerate() {
            let first = uses.len();
            let mut at = 0u64;
            for piece in pieces {
                let start = at;
                at += piece.len();
                let Piece::Chunk { id, len } = piece else { continue };
                let found = chunks.get(id).filter(|location| location.plain_len == *len);
                let Some(location) = found else {
                    restore.lost(&file.path, ClientError::ChunkLost { chunk: *id });
                    file.failed.store(true, Ordering::Relaxed);
                    uses.truncate(first);
                    break;
                };
                uses.push(Use {
                    pack: location.pack,
                    offset: location.offset,
                    len: location.len,
                    plain_len: location.plain_len,
                    chunk: *id,
                    file: u32::try_from(number).unwrap_or(u32::MAX),
                    at: start,
                });
            }
            file.pieces = uses.len() - first;
            file.left = AtomicUsize::new(file.pieces);
        }
        uses.sort_unstable_by_key(|used| (used.pack, used.offset, used.file, used.at));
        Ok(uses)
    }
}

/// The ranges of `uses` that concern one pack each.
fn by_pack(uses: &[Use]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, used) in uses.iter().enumerate() {
        match ranges.last_mut() {
            Some(range) if uses[range.start].pack == used.pack => range.end = at + 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges
}

/// Runs the same on all threads; the first error wins. Each is told when another one has failed.
fn in_parallel(work: impl Fn(&AtomicBool) -> Result<(), ClientError> + Sync) -> Result<(), ClientError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = (cores * THREADS_EACH + 1).min(THREADS_MAX);
    let has_failed = AtomicBool::new(false);
    let work = || work(&has_failed).inspect_err(|_| has_failed.store(true, Ordering::Relaxed));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut result = Ok(());
        for thread in threads {
            let ended = thread.join().unwrap_or_else(|_| {
                Err(ClientError::Internal { what: "restoring", reason: "a thread has panicked".to_owned() })
            });
            if result.is_ok() {
                result = ended;
            }
        }
        result
    })
}

/// The directory of a file.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}
