//! The Raft log on disk: `raft-log`, chunk files with a checksum a record, group commit by its flush thread.
//!
//! Everything goes through one writer in order, votes too; an append returns before its fsync and reports it later.
//! A record that is cut short at the end (the process or the machine died while writing it) is dropped on opening, as
//! nobody was told that it is durable; any other damage refuses to open (`docs/adr`).

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use raft_log::api::raft_log_writer::RaftLogWriter;
use raft_log::{Callback, RaftLog};
use tokio::sync::oneshot;

use crate::cell::Cell;
use crate::error::LedgerError;
use crate::types::{Entry, LogId, Payload, TypeConfig, Vote};

/// Largest group of entries in one message to a peer, bytes of commands.
const MESSAGE_BYTES: usize = 1 << 20;

/// How the log is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    /// How long the flush thread gathers appends before an fsync. Default 50 µs: zero turns group commit off, and
    /// each lone write pays all of it.
    pub gather: Duration,
    /// Largest chunk file, bytes. Default 64 MiB. The open chunk's entries stay in memory.
    pub chunk_bytes: usize,
    /// Most records of a chunk. Default 200,000.
    pub chunk_records: usize,
    /// Entries of closed chunks kept in memory, bytes. Default 16 MiB.
    pub cache_bytes: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { gather: Duration::from_micros(50), chunk_bytes: 64 << 20, chunk_records: 200_000, cache_bytes: 16 << 20 }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LogTypes;

impl raft_log::Types for LogTypes {
    type LogId = Cell<LogId>;
    type LogPayload = Cell<Payload>;
    type Vote = Cell<Vote>;
    type Callback = Flushed;
    type UserData = Cell<u64>;

    fn log_index(log_id: &Self::LogId) -> u64 {
        log_id.0.index
    }

    fn payload_size(payload: &Self::LogPayload) -> u64 {
        let commands = match &payload.0 {
            Payload::Normal(batch) => batch.commands.len(),
            _ => 0,
        };
        u64::try_from(commands).unwrap_or(u64::MAX).saturating_mul(512).saturating_add(128)
    }
}

/// Who waits for an fsync.
enum Waiting {
    Append(IOFlushed<TypeConfig>),
    Vote(oneshot::Sender<io::Result<()>>),
}

/// What an fsync came to, for who waits for it.
struct Flushed {
    waiting: Waiting,
    dir: Arc<Path>,
}

impl Callback for Flushed {
    fn send(self, result: io::Result<()>) {
        let result = result.map_err(|error| located(&self.dir, &error));
        match self.waiting {
            Waiting::Append(flushed) => flushed.io_completed(result),
            // Nobody waits any more: Raft is shutting down.
            Waiting::Vote(sender) => drop(sender.send(result)),
        }
    }
}

fn located(dir: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the ledger's log in {}: {error}", dir.display()))
}

/// The log; clones share it.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: Arc<RwLock<RaftLog<LogTypes>>>,
    dir: Arc<Path>,
}

impl Debug for LogStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStore").finish_non_exhaustive()
    }
}

impl LogStore {
    /// Opens the log in `dir`, creating it when missing.
    ///
    /// # Errors
    /// [`LedgerError::InUse`] when another process has it open, [`LedgerError::Log`] when it is damaged.
    pub(crate) fn open(dir: &Path, limits: LogLimits) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError::Log { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let text = dir.to_str().ok_or_else(|| failed(io::Error::other("the path is not UTF-8")))?;
        let mut config = raft_log::Config::new(text);
        config.wal.flush_batch_wait = Some(limits.gather);
        config.wal.chunk_max_size = Some(limits.chunk_bytes);
        config.wal.chunk_max_records = Some(limits.chunk_records);
        config.log_cache_capacity = Some(limits.cache_bytes);
        let log = RaftLog::open(Arc::new(config)).map_err(|source| {
            if source.kind() == io::ErrorKind::WouldBlock {
                LedgerError::InUse { path: dir.to_owned() }
            } else {
                failed(source)
            }
        })?;
        Ok(Self { log: Arc::new(RwLock::new(log)), dir: Arc::from(dir) })
    }

    /// Bytes on disk.
    #[must_use]
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.read().on_disk_size()
    }

    /// How many clones of this handle there are.
    #[cfg(test)]
    pub(crate) fn clones(&self) -> usize {
        Arc::strong_count(&self.log)
    }

    /// Changes the log. After a failure it takes nothing more: its flush thread ends with the first one, which only who
    /// waited then has heard of, so later ones tell it again.
    fn change<T>(&self, change: impl FnOnce(&mut RaftLog<LogTypes>) -> io::Result<T>) -> io::Result<T> {
        let mut log = self.write();
        change(&mut log).map_err(|error| located(&self.dir, &log.wait_worker_idle().err().unwrap_or(error)))
    }

    fn flushed(&self, waiting: Waiting) -> Option<Flushed> {
        Some(Flushed { waiting, dir: Arc::clone(&self.dir) })
    }

    // A thread that panicked inside the log left it in an unknown state only in memory; the process is stopping.
    fn read(&self) -> RwLockReadGuard<'_, RaftLog<LogTypes>> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, RaftLog<LogTypes>> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(from) => from.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(to) => to.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to.max(from))
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        let (from, to) = bounds(&range);
        self.read()
            .read(from, to)
            .map(|row| row.map(|(log_id, payload)| Entry { log_id: log_id.0, payload: payload.0 }))
            .collect()
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.read().log_state().vote().map(|vote| vote.0))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut bytes = 0usize;
        for row in self.read().read(start, end.max(start)) {
            let (log_id, payload) = row?;
            if let Payload::Normal(batch) = &payload.0 {
                bytes = bytes.saturating_add(batch.commands.iter().map(parity_scale_codec::Encode::encoded_size).sum());
            }
            entries.push(Entry { log_id: log_id.0, payload: payload.0 });
            if bytes >= MESSAGE_BYTES {
                break;
            }
        }
        Ok(entries)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let log = self.read();
        let state = log.log_state();
        let last_purged_log_id = state.purged().map(|id| id.0);
        let last_log_id = state.last().map(|id| id.0).max(last_purged_log_id);
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        let flushed = self.flushed(Waiting::Vote(sender));
        self.change(|log| {
            log.save_vote(Cell(*vote))?;
            log.flush(true, flushed)
        })?;
        match receiver.await {
            Ok(flushed) => flushed,
            // The flush thread ended before it came to this one: it says why.
            Err(_) => self.change(|log| log.flush(true, None)),
        }
    }

    /// Not fsynced: after a crash Raft finds out anew what is committed; this only makes recovery faster.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed else { return Ok(()) };
        self.change(|log| {
            if log.log_state().last().is_some_and(|last| last.0 >= committed) {
                log.commit(Cell(committed))?;
                log.flush(false, None)?;
            }
            Ok(())
        })
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.read().log_state().committed().map(|id| id.0))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let flushed = self.flushed(Waiting::Append(callback));
        self.change(|log| {
            log.append(entries.into_iter().map(|entry| (Cell(entry.log_id), Cell(entry.payload))))?;
            log.flush(true, flushed)
        })
    }

    /// `raft-log` removes from an index on; openraft names the last entry to keep. The next append flushes.
    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |id| id.index().saturating_add(1));
        self.change(|log| {
            let end = log.log_state().last().map_or(0, |id| id.0.index.saturating_add(1));
            if from < end {
                log.truncate(from)?;
            }
            Ok(())
        })
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.change(|log| {
            if log.log_state().purged().is_none_or(|purged| purged.0 < upto) {
                log.purge(Cell(upto))?;
                log.flush(true, None)?;
            }
            Ok(())
        })
    }
}
