//! The rules of the replica, without clock, disk or task: observations in, effects out.
//!
//! ```text
//!   Observed ──► Health (per volume) ──► Lost, Returned, CheckAgain, Announce
//!   Damaged  ──► RepairQueue ──────────► Repair        (least margin first, as the byte allowance permits)
//!   Repaired ─┘
//! ```
//!
//! Times are durations since the machine began. `docs/spec/placement.md` numbers the rules.

mod allowance;
mod health;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use primitives::{PackId, VolumeId};

use crate::status::{RepairStatus, VolumeState};
use allowance::Allowance;
use health::{Change, Health};
use queue::RepairQueue;

pub(crate) use health::Seen;

/// The machine's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A missing volume is looked at again after this.
    pub(crate) confirm_loss: Duration,
    /// Bytes a second of repair.
    pub(crate) repair_bytes_per_second: u64,
    /// Repairs at a time.
    pub(crate) repairs_max: usize,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A volume takes part from now on.
    Added { volume: VolumeId, state: VolumeState },
    /// A volume was looked at or used.
    Observed { volume: VolumeId, seen: Seen },
    /// A pack may lack shards; `margin` = shards known to be left − `k`.
    Damaged { pack: PackId, margin: i16 },
    /// A repair ended.
    Repaired { pack: PackId, outcome: Outcome },
    /// Time passed.
    Tick,
}

/// How a repair ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The pack has all its shards, `shards` of which were rebuilt.
    Complete { shards: u64, bytes: u64 },
    /// Too few shards are left, or no volume can take a rebuilt one. Waits for a volume to come.
    Stuck { unrepairable: bool, shards: u64, bytes: u64 },
    /// Something failed on the way: try again later.
    Failed { shards: u64, bytes: u64 },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Report all shards of the volume lost.
    Lost(VolumeId),
    /// Compare the volume's files with the index and use it again.
    Returned(VolumeId),
    /// Look at the volume after this time.
    CheckAgain(VolumeId, Duration),
    /// Tell the ledger which volumes there are.
    Announce,
    /// Repair the pack now.
    Repair(PackId),
}

/// The state behind the rules.
#[derive(Debug)]
pub(crate) struct Machine {
    limits: Limits,
    health: BTreeMap<VolumeId, Health>,
    queue: RepairQueue,
    allowance: Allowance,
    done: RepairStatus,
}

impl Machine {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            health: BTreeMap::new(),
            queue: RepairQueue::default(),
            allowance: Allowance::new(limits.repair_bytes_per_second),
            done: RepairStatus::default(),
        }
    }

    /// One transition.
    pub(crate) fn step(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        let mut effects = match input {
            Input::Added { volume, state } => {
                self.health.insert(volume, Health::new(state, now));
                self.queue.retry_stuck(now);
                vec![Effect::Announce]
            }
            Input::Observed { volume, seen } => self.observe(now, volume, seen),
            Input::Damaged { pack, margin } => {
                self.queue.add(now, pack, margin);
                Vec::new()
            }
            Input::Repaired { pack, outcome } => {
                self.repaired(now, pack, &outcome);
                Vec::new()
            }
            Input::Tick => Vec::new(),
        };
        effects.extend(self.start_repairs(now));
        effects
    }

    /// Health of a volume; `None` for one that was never added.
    pub(crate) fn volume(&self, volume: VolumeId) -> Option<VolumeState> {
        self.health.get(&volume).map(|health| health.state)
    }

    /// Counts for the status.
    pub(crate) fn repairs(&self) -> RepairStatus {
        RepairStatus {
            queued: count(self.queue.waiting()),
            running: count(self.queue.running()),
            failed: count(self.queue.stuck()),
            ..self.done
        }
    }

    /// Packs with too few shards left.
    pub(crate) fn unrepairable(&self, limit: usize) -> Vec<PackId> {
        self.queue.unrepairable().take(limit).collect()
    }

    fn observe(&mut self, now: Duration, volume: VolumeId, seen: Seen) -> Vec<Effect> {
        let Some(health) = self.health.get_mut(&volume) else { return Vec::new() };
        match health.observe(now, seen, self.limits.confirm_loss) {
            Change::None => Vec::new(),
            Change::Doubt => vec![Effect::CheckAgain(volume, self.limits.confirm_loss)],
            Change::Settled => vec![Effect::Announce],
            Change::Lost => vec![Effect::Lost(volume), Effect::Announce],
            Change::Returned => {
                self.queue.retry_stuck(now);
                vec![Effect::Returned(volume), Effect::Announce]
            }
        }
    }

    fn repaired(&mut self, now: Duration, pack: PackId, outcome: &Outcome) {
        let (shards, bytes) = match *outcome {
            Outcome::Complete { shards, bytes } => {
                if self.queue.finished(pack) && shards > 0 {
                    self.done.done += 1;
                }
                (shards, bytes)
            }
            Outcome::Stuck { unrepairable, shards, bytes } => {
                self.queue.stick(now, pack, unrepairable);
                (shards, bytes)
            }
            Outcome::Failed { shards, bytes } => {
                self.queue.postpone(now, pack);
                (shards, bytes)
            }
        };
        self.done.shards += shards;
        self.done.bytes += bytes;
        self.allowance.spend(now, bytes);
    }

    fn start_repairs(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.queue.running() < self.limits.repairs_max && self.allowance.permits(now) {
            match self.queue.start(now) {
                Some(pack) => effects.push(Effect::Repair(pack)),
                None => break,
            }
        }
        effects
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "machine_test.rs"]
mod tests;
