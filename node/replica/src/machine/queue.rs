//! Which pack is repaired next: the one with the least margin, then the one that waits longest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use primitives::PackId;

/// First pause after a failed repair; doubles with every failure.
const PAUSE_MIN: Duration = Duration::from_secs(2);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// A stuck pack is tried again after this, even when no volume came.
const STUCK_RETRY: Duration = Duration::from_secs(600);

/// Where a pack stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Reported again while it was running: runs once more.
    Running {
        again: bool,
    },
    Stuck {
        unrepairable: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    phase: Phase,
    margin: i16,
    since: Duration,
    not_before: Duration,
    failures: u32,
}

/// All packs that need repair.
#[derive(Debug, Default)]
pub(crate) struct RepairQueue {
    entries: BTreeMap<PackId, Entry>,
    // Waiting packs that may start: (margin, since, pack).
    ready: BTreeSet<(i16, Duration, PackId)>,
    // Waiting and stuck packs that may start later: (not before, pack).
    later: BTreeSet<(Duration, PackId)>,
    running: usize,
    stuck: usize,
}

impl RepairQueue {
    /// Adds a pack, or lowers its margin. One that runs will run once more; one that is stuck gets another chance, because
    /// something has changed: the loss of a bad copy frees the volume that held it.
    pub(crate) fn add(&mut self, now: Duration, pack: PackId, margin: i16) {
        match self.entries.get_mut(&pack) {
            Some(Entry { phase: phase @ Phase::Stuck { .. }, since, margin: known, not_before, .. }) => {
                *phase = Phase::Waiting;
                *known = margin.min(*known);
                self.stuck -= 1;
                self.later.remove(&(*not_before, pack));
                self.ready.insert((*known, *since, pack));
            }
            None => {
                let entry =
                    Entry { phase: Phase::Waiting, margin, since: now, not_before: Duration::ZERO, failures: 0 };
                self.entries.insert(pack, entry);
                self.ready.insert((margin, now, pack));
            }
            Some(entry) => {
                if let Phase::Running { again } = &mut entry.phase {
                    *again = true;
                }
                if margin < entry.margin {
                    let was = (entry.margin, entry.since, pack);
                    entry.margin = margin;
                    if self.ready.remove(&was) {
                        self.ready.insert((margin, was.1, pack));
                    }
                }
            }
        }
    }

    /// The next pack to repair; it runs now.
    pub(crate) fn start(&mut self, now: Duration) -> Option<PackId> {
        self.wake(now);
        let (_, _, pack) = self.ready.pop_first()?;
        if let Some(entry) = self.entries.get_mut(&pack) {
            entry.phase = Phase::Running { again: false };
            self.running += 1;
        }
        Some(pack)
    }

    /// A running pack is whole. Whether it is off the queue: `false` when it was reported again meanwhile and waits
    /// for another look.
    pub(crate) fn finished(&mut self, pack: PackId) -> bool {
        let Some(entry) = self.entries.get_mut(&pack) else { return false };
        let Phase::Running { again } = entry.phase else { return false };
        self.running -= 1;
        if again {
            entry.phase = Phase::Waiting;
            entry.failures = 0;
            self.ready.insert((entry.margin, entry.since, pack));
            return false;
        }
        self.entries.remove(&pack);
        true
    }

    /// A running pack failed: it waits, twice as long each time.
    pub(crate) fn postpone(&mut self, now: Duration, pack: PackId) {
        let Some(entry) = self.entries.get_mut(&pack) else { return };
        if !matches!(entry.phase, Phase::Running { .. }) {
            return;
        }
        self.running -= 1;
        let pause = PAUSE_MIN.saturating_mul(1 << entry.failures.min(16)).min(PAUSE_MAX);
        entry.failures += 1;
        entry.phase = Phase::Waiting;
        entry.not_before = now.saturating_add(pause);
        self.later.insert((entry.not_before, pack));
    }

    /// A running pack cannot be repaired with what is here.
    pub(crate) fn stick(&mut self, now: Duration, pack: PackId, unrepairable: bool) {
        let Some(entry) = self.entries.get_mut(&pack) else { return };
        if !matches!(entry.phase, Phase::Running { .. }) {
            return;
        }
        self.running -= 1;
        if entry.phase == (Phase::Running { again: true }) {
            entry.phase = Phase::Waiting;
            self.ready.insert((entry.margin, entry.since, pack));
            return;
        }
        self.stuck += 1;
        entry.phase = Phase::Stuck { unrepairable };
        entry.not_before = now.saturating_add(STUCK_RETRY);
        self.later.insert((entry.not_before, pack));
    }

    /// A volume came: stuck packs may have a chance now.
    pub(crate) fn retry_stuck(&mut self, now: Duration) {
        let stuck = self.entries.iter().filter(|(_, entry)| matches!(entry.phase, Phase::Stuck { .. }));
        let stuck: Vec<(PackId, Duration)> = stuck.map(|(pack, entry)| (*pack, entry.not_before)).collect();
        for (pack, not_before) in stuck {
            self.later.remove(&(not_before, pack));
            self.later.insert((now, pack));
            if let Some(entry) = self.entries.get_mut(&pack) {
                entry.not_before = now;
            }
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.entries.len() - self.running - self.stuck
    }

    pub(crate) const fn running(&self) -> usize {
        self.running
    }

    pub(crate) const fn stuck(&self) -> usize {
        self.stuck
    }

    pub(crate) fn unrepairable(&self) -> impl Iterator<Item = PackId> + '_ {
        let lost = |entry: &Entry| matches!(entry.phase, Phase::Stuck { unrepairable: true });
        self.entries.iter().filter(move |(_, entry)| lost(entry)).map(|(pack, _)| *pack)
    }

    /// Moves packs whose time has come to the ready ones.
    fn wake(&mut self, now: Duration) {
        while let Some((not_before, pack)) = self.later.first().copied() {
            if not_before > now {
                break;
            }
            self.later.pop_first();
            if let Some(entry) = self.entries.get_mut(&pack) {
                if matches!(entry.phase, Phase::Stuck { .. }) {
                    self.stuck -= 1;
                }
                entry.phase = Phase::Waiting;
                self.ready.insert((entry.margin, entry.since, pack));
            }
        }
    }
}
