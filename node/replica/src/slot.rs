//! One volume as the running node sees it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::VolumeId;
use store::{Space, Volume};

use crate::ReplicaConfig;
use crate::calls::DiskCalls;
use crate::fill::{Fill, Purpose};
use crate::status::{VolumeState, VolumeStatus};

/// A place for a volume; empty while the volume is lost.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: VolumeId,
    pub(crate) path: PathBuf,
    inner: Mutex<Inner>,
    weight: AtomicU32,
    /// The ledger may not know of this volume: it would refuse acknowledgements that name it.
    unannounced: AtomicBool,
    shards: AtomicU64,
    used: AtomicU64,
    /// Moving average of read times, microseconds.
    latency: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    volume: Option<Arc<Volume>>,
    /// Of this opening: what an earlier one still waits for says nothing of the disk that is here now.
    calls: Arc<DiskCalls>,
    state: VolumeState,
    fill: Fill,
    space: Space,
    note: Note,
    problem: Option<String>,
}

/// The volume's note of how many packs are recorded, as far as this opening has read or written it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// What it says, zero when there is none; `None` when it was not read.
    pub(crate) packs: Option<u64>,
    /// This opening has written it.
    pub(crate) written: bool,
    /// It is being written.
    pub(crate) writing: bool,
    /// The last attempt to write it failed.
    pub(crate) failed: bool,
}

impl Inner {
    fn is_on(&self, volume: &Arc<Volume>) -> bool {
        self.volume.as_ref().is_some_and(|here| Arc::ptr_eq(here, volume))
    }
}

impl Slot {
    pub(crate) fn new(id: VolumeId, path: PathBuf, volume: Option<Volume>) -> Self {
        let space = volume.as_ref().map_or(Space { free: 0, total: 0 }, space_of);
        let state = if volume.is_some() { VolumeState::Up } else { VolumeState::Lost };
        Self {
            id,
            path,
            inner: Mutex::new(Inner {
                volume: volume.map(Arc::new),
                calls: Arc::default(),
                state,
                fill: Fill::Open,
                space,
                note: Note::default(),
                problem: None,
            }),
            weight: AtomicU32::new(weight_of(space)),
            unannounced: AtomicBool::new(state == VolumeState::Lost),
            shards: AtomicU64::new(0),
            used: AtomicU64::new(0),
            latency: AtomicU64::new(0),
        }
    }

    /// The open volume; `None` while it is lost.
    pub(crate) fn volume(&self) -> Option<Arc<Volume>> {
        self.inner().volume.clone()
    }

    /// Whether this opening of the volume is the one in use: another disk may have come into its place since.
    pub(crate) fn is_on(&self, volume: &Arc<Volume>) -> bool {
        self.inner().is_on(volume)
    }

    pub(crate) fn note(&self) -> Note {
        self.inner().note
    }

    /// Takes down what the note of this opening of the volume says; what was there before, unless another is in use now.
    pub(crate) fn change_note(&self, volume: &Arc<Volume>, change: impl FnOnce(Note) -> Note) -> Option<Note> {
        let mut inner = self.inner();
        let before = inner.is_on(volume).then_some(inner.note)?;
        inner.note = change(before);
        Some(before)
    }

    pub(crate) fn state(&self) -> VolumeState {
        self.inner().state
    }

    pub(crate) fn set_state(&self, state: VolumeState) {
        let mut inner = self.inner();
        inner.state = state;
        if state == VolumeState::Lost {
            // Closes the directory, so that the disk can be unmounted.
            inner.volume = None;
            inner.calls = Arc::default();
            inner.note = Note::default();
        }
    }

    /// Puts a returned volume back, unless it was lost again meanwhile. Whether it is there now.
    pub(crate) fn reopen(&self, volume: Volume) -> bool {
        let space = space_of(&volume);
        let mut inner = self.inner();
        if inner.state == VolumeState::Lost {
            return false;
        }
        // The slot knows nothing of a disk that was away at the start.
        inner.space = space;
        self.weight.store(weight_of(space), Ordering::Relaxed);
        inner.volume = Some(Arc::new(volume));
        true
    }

    /// Placement weight: capacity in GiB, at least 1. That of a volume that was never here is 1.
    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// The volume, when it takes shards for this purpose as far as is known.
    pub(crate) fn writable(&self, purpose: Purpose) -> Option<Arc<Volume>> {
        let inner = self.inner();
        let takes = (purpose == Purpose::Repair || self.is_announced())
            && inner.state == VolumeState::Up
            && inner.fill.admits(purpose);
        inner.volume.clone().filter(|_| takes)
    }

    /// Whether the ledger has heard of this volume. Until then it takes no shards from clients, whose acknowledgements they would
    /// send at once; a repair that is refused is tried again.
    pub(crate) fn is_announced(&self) -> bool {
        !self.unannounced.load(Ordering::Acquire)
    }

    /// The ledger has, or has not, heard of this volume.
    pub(crate) fn set_announced(&self, announced: bool) {
        self.unannounced.store(!announced, Ordering::Release);
    }

    /// Why what the operator wants of it cannot be done; whether that is new.
    pub(crate) fn set_problem(&self, problem: String) -> bool {
        let mut inner = self.inner();
        let is_new = inner.problem.as_ref() != Some(&problem);
        inner.problem = Some(problem);
        is_new
    }

    /// Nothing is wanted of it, or it can be done.
    pub(crate) fn clear_problem(&self) {
        self.inner().problem = None;
    }

    /// Looks at the disk's room with `more` bytes about to be written; whether they may be.
    pub(crate) fn admits(&self, volume: &Volume, more: u64, purpose: Purpose, config: &ReplicaConfig) -> bool {
        let Ok(space) = volume.space() else { return true };
        let mut inner = self.inner();
        inner.space = space;
        inner.fill = inner.fill.next(space, more, config);
        inner.fill.admits(purpose)
    }

    /// A write met a full disk.
    pub(crate) fn close(&self) {
        self.inner().fill = Fill::Closed;
    }

    pub(crate) fn added(&self, bytes: u64) {
        self.shards.fetch_add(1, Ordering::Relaxed);
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn removed(&self, bytes: u64) {
        let less = |from: &AtomicU64, by: u64| {
            let _ = from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| Some(value.saturating_sub(by)));
        };
        less(&self.shards, 1);
        less(&self.used, bytes);
    }

    pub(crate) fn set_counts(&self, shards: u64, bytes: u64) {
        self.shards.store(shards, Ordering::Relaxed);
        self.used.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn shards(&self) -> u64 {
        self.shards.load(Ordering::Relaxed)
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn latency_us(&self) -> u64 {
        self.latency.load(Ordering::Relaxed)
    }

    /// Whether the volume is in use and answers: something that can wait leaves others alone.
    pub(crate) fn answers(&self, patience: Duration) -> bool {
        matches!(self.state(), VolumeState::Up | VolumeState::ReadOnly) && !self.is_stalled(patience)
    }

    /// What is being asked of the disk.
    pub(crate) fn calls(&self) -> Arc<DiskCalls> {
        Arc::clone(&self.inner().calls)
    }

    /// Whether a read of the disk has been under way for at least `patience`, or a write for six times as long.
    pub(crate) fn is_stalled(&self, patience: Duration) -> bool {
        self.calls().are_stalled(patience)
    }

    /// Takes a read's time into the average, with weight 1/8.
    pub(crate) fn took(&self, time: Duration) {
        let sample = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let _ = self.latency.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |average| {
            Some(average.saturating_sub(average / 8).saturating_add(sample / 8))
        });
    }

    pub(crate) fn status(&self) -> VolumeStatus {
        let inner = self.inner();
        // One that is back is not used before it is open.
        let state = match inner.state {
            VolumeState::Lost => VolumeState::Lost,
            _ if inner.volume.is_none() => VolumeState::Suspect,
            state => state,
        };
        VolumeStatus {
            id: self.id,
            path: self.path.clone(),
            state,
            shards: self.shards(),
            used: self.used(),
            free: inner.space.free,
            total: inner.space.total,
            full: inner.fill != Fill::Open,
            announced: self.is_announced(),
            problem: inner.problem.clone().filter(|_| state == VolumeState::Lost),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn space_of(volume: &Volume) -> Space {
    volume.space().unwrap_or(Space { free: 0, total: 0 })
}

fn weight_of(space: Space) -> u32 {
    u32::try_from(space.total >> 30).unwrap_or(u32::MAX).max(1)
}
