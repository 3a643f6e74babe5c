//! The state machine: applies entries to the RocksDB tables, one write batch for many entries, Raft's own position
//! in the same batch.
//!
//! The batch is not fsynced: what it loses when the machine dies, Raft applies again from its fsynced log
//! (`docs/adr`).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use primitives::SignatureError;
use primitives::ledger::SignedCommand;
use store::{Durability, Store};
use tokio::sync::watch;

use crate::checked::{Checked, Checker};
use crate::error::LedgerError;
use crate::machine::Rules;
use crate::meta::{self, Meta};
use crate::metrics;
use crate::room::Room;
use crate::snapshot::{self, SnapshotFile};
use crate::tables::{TABLES, Tables, Writes};
use crate::types::{CommandBatch, Entry, LogId, Outcomes, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// Most entries of one write batch.
const ENTRIES_PER_WRITE: usize = 64;
/// Size at which installing a snapshot writes a batch, bytes.
const INSTALL_BATCH_BYTES: usize = 4 << 20;

/// The tables and how far they are.
#[derive(Debug)]
pub(crate) struct StateMachine {
    store: Store,
    rules: Arc<Rules>,
    checker: Arc<Checker>,
    snapshots: PathBuf,
    meta: Meta,
    applied: watch::Sender<u64>,
    /// What a snapshot may not take; `None` = it may take all.
    room: Option<Room>,
    /// A snapshot was wanted and there was no room.
    snapshot_waits: bool,
}

impl StateMachine {
    /// Opens the tables; ends an installation that a crash cut off. `snapshots` is where snapshot files go.
    ///
    /// # Errors
    /// [`LedgerError`] when tables or files fail; fatal.
    pub(crate) fn open(
        store: Store,
        rules: Arc<Rules>,
        checker: Arc<Checker>,
        snapshots: PathBuf,
    ) -> Result<Self, LedgerError> {
        snapshot::prepare(&snapshots)?;
        let meta = Meta::load(&store)?;
        let (applied, _) = watch::channel(meta.applied.map_or(0, |id| id.index));
        let mut machine = Self { store, rules, checker, snapshots, meta, applied, room: None, snapshot_waits: false };
        if let Some(name) = meta::installing(&machine.store)? {
            let file = SnapshotFile::open(&machine.snapshots.join(name))?;
            machine.install(&file)?;
        }
        Ok(machine)
    }

    /// Begins no snapshot that would leave less room than this. A snapshot that fails ends Raft; without one the log only
    /// grows.
    #[must_use]
    pub(crate) fn keeping_free(self, room: Room) -> Self {
        Self { room: Some(room), ..self }
    }

    /// Whether there is room for a snapshot, taken to be at most twice as long as the one before.
    fn snapshot_fits(&self) -> Result<(), LedgerError> {
        let Some(room) = &self.room else { return Ok(()) };
        let before = snapshot::newest(&self.snapshots)?.map_or(0, |file| file.bytes());
        room.check_for(before.saturating_mul(2))
    }

    /// Index of the last entry applied, as it moves.
    #[must_use]
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn apply_entries(&mut self, entries: &[Entry]) -> Result<Vec<Outcomes>, LedgerError> {
        let started = std::time::Instant::now();
        let checked = self.check(entries);
        let mut writes = Writes::default();
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut membership = None;
        for (entry, checked) in entries.iter().zip(&checked) {
            let mut outcome = Outcomes::default();
            match &entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(change) => {
                    membership = Some(StoredMembership::new(Some(entry.log_id), change.clone()));
                }
                EntryPayload::Normal(batch) => {
                    let mut tables = Tables::new(&self.store, &mut writes);
                    let commands = batch.commands.iter().zip(checked.iter());
                    outcome = Outcomes(self.rules.apply(&mut tables, commands)?);
                }
            }
            metrics::outcomes(&outcome.0);
            outcomes.push(outcome);
        }
        let Some(last) = entries.last() else { return Ok(outcomes) };
        let mut batch = self.store.batch();
        writes.store(&mut batch)?;
        Meta::put_applied(&mut batch, &last.log_id)?;
        if let Some(membership) = &membership {
            Meta::put_membership(&mut batch, membership)?;
        }
        batch.commit(Durability::Buffered)?;
        self.meta.applied = Some(last.log_id);
        if let Some(membership) = membership {
            self.meta.membership = membership;
        }
        metrics::applied(entries.len(), started.elapsed());
        Ok(outcomes)
    }

    /// What the signatures of each entry's commands say: as the ingress found, or checked now.
    fn check(&self, entries: &[Entry]) -> Vec<Arc<[Result<Checked, SignatureError>]>> {
        let batch_of = |entry: &Entry| match &entry.payload {
            EntryPayload::Normal(batch) => Some(batch.clone()),
            _ => None,
        };
        let batches: Vec<Option<CommandBatch>> = entries.iter().map(batch_of).collect();
        let unchecked: Vec<&SignedCommand> = batches
            .iter()
            .flatten()
            .filter(|batch| batch.checked.is_none())
            .flat_map(|batch| batch.commands.iter())
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut results = self.checker.check_all(&unchecked, cores).into_iter();
        batches
            .iter()
            .map(|batch| match batch {
                None => Arc::from([]),
                Some(batch) => match &batch.checked {
                    Some(checked) => Arc::clone(checked),
                    None => results.by_ref().take(batch.commands.len()).collect(),
                },
            })
            .collect()
    }

    /// Replaces all tables by a snapshot's. Either all of it shows after a crash, or the next start does it again.
    fn install(&mut self, file: &SnapshotFile) -> Result<(), LedgerError> {
        let name = file.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut batch = self.store.batch();
        meta::put_installing(&mut batch, name)?;
        for table in TABLES {
            batch.clear(table)?;
        }
        batch.commit(Durability::Synced)?;
        let mut batch = self.store.batch();
        let meta = file.visit(|row| {
            batch.put_raw(row.table, &row.key, &row.value)?;
            if batch.size_in_bytes() >= INSTALL_BATCH_BYTES {
                std::mem::replace(&mut batch, self.store.batch()).commit(Durability::Buffered)?;
            }
            Ok(())
        })?;
        if let Some(applied) = &meta.applied {
            Meta::put_applied(&mut batch, applied)?;
        }
        Meta::put_membership(&mut batch, &meta.membership)?;
        meta::delete_installing(&mut batch)?;
        batch.commit(Durability::Synced)?;
        self.applied.send_replace(meta.applied.map_or(0, |id| id.index));
        self.meta = meta;
        Ok(())
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.meta.applied, self.meta.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let mut chunks = entries.ready_chunks(ENTRIES_PER_WRITE);
        while let Some(chunk) = chunks.next().await {
            let chunk: Vec<_> = chunk.into_iter().collect::<io::Result<_>>()?;
            let (entries, responders): (Vec<Entry>, Vec<Option<ApplyResponder<TypeConfig>>>) =
                chunk.into_iter().unzip();
            let outcomes = self.apply_entries(&entries).map_err(io::Error::other)?;
            self.applied.send_replace(self.meta.applied.map_or(0, |id| id.index));
            for (responder, outcome) in responders.into_iter().zip(outcomes) {
                if let Some(responder) = responder {
                    responder.send(outcome);
                }
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        match self.snapshot_fits() {
            Err(error) if !force => {
                if !std::mem::replace(&mut self.snapshot_waits, true) {
                    tracing::warn!(target: "ledger", %error, "no room for a snapshot, so the log grows until there is");
                }
                None
            }
            _ => {
                self.snapshot_waits = false;
                Some(self.get_snapshot_builder().await)
            }
        }
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { store: self.store.clone(), dir: self.snapshots.clone() }
    }

    async fn install_snapshot(&mut self, _: &SnapshotMeta, snapshot: SnapshotFile) -> io::Result<()> {
        let (_, file) = snapshot::adopt(&self.snapshots, &snapshot).map_err(io::Error::other)?;
        self.install(&file).map_err(io::Error::other)
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(file) = snapshot::newest(&self.snapshots).map_err(io::Error::other)? else { return Ok(None) };
        let meta = file.meta().map_err(io::Error::other)?.snapshot_meta();
        Ok(Some(Snapshot { meta, snapshot: file }))
    }
}

/// Builds snapshots beside the state machine, which goes on applying.
#[derive(Debug)]
pub(crate) struct Builder {
    store: Store,
    dir: PathBuf,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (store, dir) = (self.store.clone(), self.dir.clone());
        let built =
            tokio::task::spawn_blocking(move || snapshot::build(&store, &dir)).await.map_err(io::Error::other)?;
        let (meta, file) = built.map_err(io::Error::other)?;
        metrics::snapshot(file.bytes());
        Ok(Snapshot { meta: meta.snapshot_meta(), snapshot: file })
    }
}
