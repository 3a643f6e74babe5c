//! The local index: which packs the vault has, and which chunk is where. A cache: the ledger lists the packs and their
//! footers list the chunks.
//!
//! ```text
//! index file = magic 8 | generation 16 | network 32 | vault 32 | record*
//! record     = body_len u32 | head_len u32 | SCALE(kind, PackHeader, count) | entry 44 × count | check 8
//! ```
//! Records are only appended. A torn or damaged tail is cut off and read from the network again.

#![allow(clippy::cast_possible_truncation, reason = "SCALE's derive casts the indices of variants")]

mod file;
mod map;
mod sync;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, RwLock};

use parity_scale_codec::{Decode, Encode};
use primitives::{NetworkId, PackHeader, PackId, VaultId};
use seal::pack::{FrameEntry, PackKind};

pub(crate) use map::{ChunkMap, Claim, Location, PackNumber, RUN};

use crate::ClientError;

/// What a recorded pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Kind {
    /// Chunks of files.
    #[codec(index = 0)]
    Data,
    /// Chunks of directories and lists.
    #[codec(index = 1)]
    Tree,
    /// No frames: a manifest.
    #[codec(index = 2)]
    Manifest,
}

impl From<PackKind> for Kind {
    fn from(kind: PackKind) -> Self {
        match kind {
            PackKind::Data => Self::Data,
            PackKind::Tree => Self::Tree,
        }
    }
}

/// A recorded pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackInfo {
    pub(crate) id: PackId,
    pub(crate) kind: Kind,
    pub(crate) header: PackHeader,
}

/// The index of one vault.
pub(crate) struct VaultIndex {
    path: Option<PathBuf>,
    generation: [u8; 16],
    identity: (NetworkId, VaultId),
    table: RwLock<Table>,
    appender: Mutex<Option<File>>,
    chunks: OnceLock<ChunkMap>,
    loading: Mutex<()>,
    /// Packs that too few shards are held of, as far as was asked: their chunks are sought elsewhere first.
    lost: HashSet<PackNumber>,
    /// Their chunks count as unknown, so that a backup stores them again.
    forgets: bool,
    /// Entries that have no file to be loaded from.
    early: Mutex<Vec<(PackNumber, Vec<FrameEntry>)>>,
}

#[derive(Default)]
struct Table {
    packs: Vec<PackInfo>,
    by_id: HashMap<PackId, PackNumber>,
}

impl VaultIndex {
    /// Opens the index under `directory` (or one that lives in memory), with the packs that it knows.
    pub(crate) fn open(directory: Option<&Path>, network: NetworkId, vault: VaultId) -> Result<Self, ClientError> {
        let path = directory.map(|directory| directory.join("index"));
        let loaded = path.as_deref().map(|path| file::load_table(path, &network, &vault)).transpose()?;
        let loaded = loaded.unwrap_or_else(|| file::Loaded {
            generation: file::new_generation(),
            packs: Vec::new(),
            file: None,
        });
        let mut table = Table::default();
        for info in loaded.packs {
            table.push(info);
        }
        Ok(Self {
            path,
            generation: loaded.generation,
            identity: (network, vault),
            table: RwLock::new(table),
            appender: Mutex::new(loaded.file),
            chunks: OnceLock::new(),
            loading: Mutex::new(()),
            lost: HashSet::new(),
            forgets: false,
            early: Mutex::new(Vec::new()),
        })
    }

    /// Random name of this numbering of packs; other caches that use the numbers keep it.
    pub(crate) fn generation(&self) -> [u8; 16] {
        self.generation
    }

    fn table(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.table.read().expect("no thread panics while it holds the table")
    }

    /// Number of recorded packs.
    pub(crate) fn len(&self) -> usize {
        self.table().packs.len()
    }

    pub(crate) fn pack(&self, number: PackNumber) -> Option<PackInfo> {
        self.table().packs.get(usize::try_from(number).ok()?).cloned()
    }

    pub(crate) fn number_of(&self, id: &PackId) -> Option<PackNumber> {
        self.table().by_id.get(id).copied()
    }

    /// Records a pack and its chunks; returns its number.
    pub(crate) fn append(&self, info: PackInfo, entries: &[FrameEntry]) -> Result<PackNumber, ClientError> {
        let mut appender = self.appender.lock().expect("no thread panics while it appends");
        if let Some(known) = self.number_of(&info.id) {
            return Ok(known);
        }
        if let (Some(file), Some(path)) = (appender.as_mut(), &self.path) {
            file::append(file, &info, entries).map_err(ClientError::io("cannot write", path))?;
        }
        let number = self.table.write().expect("no thread panics while it holds the table").push(info);
        if let Some(chunks) = self.chunks.get() {
            entries.iter().for_each(|entry| chunks.insert(number, entry));
        } else if appender.is_none() {
            self.early.lock().expect("no thread panics here").push((number, entries.to_vec()));
        }
        Ok(number)
    }

    /// Where every chunk is; read from the file at the first call.
    pub(crate) fn chunks(&self) -> Result<&ChunkMap, ClientError> {
        if let Some(chunks) = self.chunks.get() {
            return Ok(chunks);
        }
        let _one = self.loading.lock().expect("no thread panics while it loads");
        if let Some(chunks) = self.chunks.get() {
            return Ok(chunks);
        }
        // Appending waits: a record goes into the file before this, or into the map after.
        let appender = self.appender.lock().expect("no thread panics while it appends");
        let chunks = ChunkMap::new(self.lost.clone());
        if let (Some(path), Some(_)) = (&self.path, appender.as_ref()) {
            file::load_chunks(path, &chunks)?;
        }
        for (number, entries) in self.early.lock().expect("no thread panics here").drain(..) {
            entries.iter().for_each(|entry| chunks.insert(number, entry));
        }
        if self.forgets {
            chunks.forget(&self.lost);
        }
        Ok(self.chunks.get_or_init(|| chunks))
    }

    /// Packs that too few holders are left of; see [`Self::find_lost`].
    pub(crate) fn lost(&self) -> &HashSet<PackNumber> {
        &self.lost
    }

    /// Where a chunk is.
    pub(crate) fn locate(&self, id: &primitives::ChunkId) -> Result<Option<Location>, ClientError> {
        Ok(self.chunks()?.get(id))
    }

    /// Forgets everything, in memory and in the file.
    pub(crate) fn clear(&mut self) -> Result<(), ClientError> {
        if let Some(path) = &self.path {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ClientError::io("cannot remove", path)(error));
                }
                _ => {}
            }
        }
        let (network, vault) = self.identity;
        let directory = self.path.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        *self = Self::open(directory.as_deref(), network, vault)?;
        Ok(())
    }
}

impl Table {
    fn push(&mut self, info: PackInfo) -> PackNumber {
        let number = PackNumber::try_from(self.packs.len()).unwrap_or(RUN - 1);
        self.by_id.insert(info.id, number);
        self.packs.push(info);
        number
    }
}

#[cfg(test)]
#[path = "index_test.rs"]
mod tests;
