//! What all threads of one backup share.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use primitives::ChunkId;
use seal::chunk::{Chunker, chunk_id};
use seal::content::ContentKey;
use seal::frame::FrameKeys;
use seal::pack::PackKind;
use seal::tree::{ChunkRef, Mtime};

use super::directory::Ready;
use super::packer::{Packer, Tools};
use crate::index::{Claim, PackNumber, RUN, VaultIndex};
use crate::meta::Names;
use crate::patterns::Patterns;
use crate::tree_cache::{DirectoryKey, TreeCache, TreeCacheWriter};
use crate::vault::OpenVault;
use crate::{BackupOptions, Client, ClientError, Note};

/// One backup under way.
pub(super) struct Run<'a> {
    pub(super) client: &'a Client,
    pub(super) options: &'a BackupOptions,
    pub(super) vault: &'a OpenVault,
    pub(super) index: &'a VaultIndex,
    pub(super) cache: &'a TreeCache,
    /// Where the directory cache is kept, if anywhere.
    pub(super) cache_path: Option<&'a Path>,
    pub(super) excludes: Patterns,
    pub(super) chunker: Chunker,
    pub(super) content: ContentKey,
    pub(super) names: Names,
    pub(super) packer: Packer,
    /// Changes from this time on may have happened after their file was read.
    pub(super) racy_from: Mtime,
    pub(super) counters: Counters,
    pub(super) outcome: Mutex<Outcome>,
    all_found: AtomicBool,
    stopped: AtomicBool,
    failure: Mutex<Option<ClientError>>,
}

/// Sums that many threads add to.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) files_read: AtomicU64,
    pub(super) new_bytes: AtomicU64,
    pub(super) stored_bytes: AtomicU64,
    pub(super) packs: AtomicU64,
    pub(super) degraded: AtomicU64,
}

/// What was found out so far.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) skipped: Vec<Note>,
    pub(super) errors: Vec<Note>,
    /// Packs that the snapshot needs.
    pub(super) packs: HashSet<PackNumber>,
    /// Recorded numbers of the packs of this run.
    pub(super) numbers: HashMap<PackNumber, PackNumber>,
    /// Takes the directories that were read anew; made when there is the first one.
    pub(super) writer: Option<TreeCacheWriter>,
    /// Directories that are as the cache has them.
    pub(super) kept: Vec<DirectoryKey>,
    pub(super) root: Option<Ready>,
}

impl<'a> Run<'a> {
    #[allow(clippy::too_many_arguments, reason = "everything that a run is made of, once")]
    pub(super) fn new(
        client: &'a Client,
        options: &'a BackupOptions,
        vault: &'a OpenVault,
        index: &'a VaultIndex,
        cache: &'a TreeCache,
        cache_path: Option<&'a Path>,
        packer: Packer,
        started: Mtime,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client,
            options,
            vault,
            index,
            cache,
            cache_path,
            excludes: Patterns::new(&options.excludes)?,
            chunker: Chunker::new(vault.keys.cdc_seed),
            content: ContentKey::new(&vault.keys.content),
            names: Names::load(),
            packer,
            racy_from: Mtime { secs: started.secs - 1, nanos: started.nanos },
            counters: Counters::default(),
            outcome: Mutex::default(),
            all_found: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            failure: Mutex::default(),
        })
    }

    pub(super) fn frame_keys(&self) -> FrameKeys {
        FrameKeys::new(&self.vault.keys.dedup)
    }

    pub(super) fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().expect("no thread panics while it holds the outcome")
    }

    /// Whether threads should wind up: something failed, or the caller wants to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether reading should end, but what is sealed should still be stored.
    pub(super) fn is_ending(&self) -> bool {
        self.is_stopped() || self.options.cancel.is_cancelled()
    }

    /// Says that the walker has seen everything.
    pub(super) fn found_all(&self) {
        self.all_found.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_all_found(&self) -> bool {
        self.all_found.load(Ordering::Relaxed)
    }

    /// Ends the run with this error, unless another one was first. Being asked to stop is no failure: what is sealed is
    /// still stored.
    pub(super) fn fail(&self, error: ClientError) {
        if matches!(error, ClientError::Cancelled) && self.options.cancel.is_cancelled() {
            return;
        }
        self.stopped.store(true, Ordering::Relaxed);
        self.failure.lock().expect("no thread panics here").get_or_insert(error);
    }

    pub(super) fn failure(&self) -> Option<ClientError> {
        self.failure.lock().expect("no thread panics here").take()
    }

    pub(super) fn skip(&self, path: PathBuf, reason: &str) {
        let note = Note { path, reason: reason.to_owned() };
        self.options.progress.note(&note);
        self.outcome().skipped.push(note);
    }

    pub(super) fn error(&self, path: &Path, reason: impl ToString) {
        let note = Note { path: path.to_path_buf(), reason: reason.to_string() };
        self.options.progress.note(&note);
        self.outcome().errors.push(note);
    }

    /// Notes that a pack of this run has a number now.
    pub(super) fn recorded(&self, run: PackNumber, recorded: PackNumber, bytes: u64, degraded: bool) {
        self.counters.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counters.packs.fetch_add(1, Ordering::Relaxed);
        self.counters.degraded.fetch_add(u64::from(degraded), Ordering::Relaxed);
        self.outcome().numbers.insert(run, recorded);
    }

    /// Stores a chunk unless it is known; returns its id and its pack.
    pub(super) fn store(
        &self,
        tools: &mut Tools,
        kind: PackKind,
        plain: &[u8],
    ) -> Result<(ChunkId, PackNumber), ClientError> {
        let id = chunk_id(&self.vault.keys.chunk_id, plain);
        let chunks = self.index.chunks()?;
        match chunks.claim(&id) {
            Claim::Known(pack) => Ok((id, pack)),
            Claim::Mine => match self.packer.store(tools, kind, id, plain) {
                Ok((pack, entry)) => {
                    chunks.stored(pack, &entry);
                    self.counters.new_bytes.fetch_add(u64::from(entry.plain_len), Ordering::Relaxed);
                    Ok((id, pack))
                }
                Err(error) => {
                    chunks.abandon(&id);
                    Err(error)
                }
            },
        }
    }

    /// Stores a tree or list chunk.
    pub(super) fn store_tree(
        &self,
        tools: &mut Tools,
        bytes: &[u8],
        packs: &mut Vec<PackNumber>,
    ) -> Result<ChunkRef, ClientError> {
        let (id, pack) = self.store(tools, PackKind::Tree, bytes)?;
        if !packs.contains(&pack) {
            packs.push(pack);
        }
        let len = u32::try_from(bytes.len()).map_err(|error| ClientError::internal("storing a directory")(&error))?;
        Ok(ChunkRef { id, len })
    }
}

impl Outcome {
    /// The recorded number of a pack.
    pub(super) fn resolve(&self, number: PackNumber) -> Option<PackNumber> {
        if number < RUN { Some(number) } else { self.numbers.get(&number).copied() }
    }
}
