//! The loop: one task owns the machine, feeds it what happened and carries out what it answers.

mod volumes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::{PackId, ShardId, VolumeId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::early::CensusTurn;
use crate::ingress::Message;
use crate::look::Found;
use crate::machine::{Effect, Input, Machine, Outcome, Seen};
use crate::pending::{Job, Pending, When};
use crate::shared::Shared;
use crate::{
    Class, DirectoryError, OrphanReport, RepairStatus, ReplicaError, VolumeState, census, gone, high_water, orphans,
    repair,
};

/// Pause before something that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often waiting repairs are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often the ledger is asked for degraded packs, and how many packs it has.
const DEGRADED_CHECK: Duration = Duration::from_secs(1);
/// Bounds of the time between two passes over orphans.
const ORPHAN_PASS_MIN: Duration = Duration::from_secs(1);
const ORPHAN_PASS_MAX: Duration = Duration::from_secs(3 * 3600);
/// Most packs named in the status.
const UNREPAIRABLE_MAX: usize = 1000;

/// What the status shows of the machine.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) repairs: RepairStatus,
    pub(crate) unrepairable: Vec<PackId>,
}

/// Work that ended.
enum Done {
    Looked { volume: VolumeId, when: When, found: Result<Found, ReplicaError> },
    Reported { volume: VolumeId, shard: ShardId, packs: Result<Vec<(PackId, i16)>, ReplicaError> },
    VolumeReported { volume: VolumeId, complete: Result<bool, ReplicaError> },
    Reopened { volume: VolumeId, result: Result<(), ReplicaError> },
    Repaired { pack: PackId, result: Result<Outcome, ReplicaError> },
    Announced { volumes: Vec<VolumeId>, result: Result<(), ReplicaError> },
    Census { result: Result<(), ReplicaError> },
    Orphans { report: Result<OrphanReport, ReplicaError> },
    Noted { result: Result<(), ReplicaError> },
    Degraded { packs: Result<u64, DirectoryError> },
}

/// The task's state.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    machine: Machine,
    began: Instant,
    work: JoinSet<Done>,
    pending: Pending,
    view: Arc<Mutex<View>>,
    // The ledger has not yet heard of the present volumes.
    announce_due: bool,
    announcing: bool,
    census: CensusTurn,
    asking: bool,
    noting: bool,
    removing_orphans: bool,
}

impl Actor {
    pub(crate) fn new(shared: Arc<Shared>, machine: Machine, view: Arc<Mutex<View>>) -> Self {
        Self {
            shared,
            machine,
            began: Instant::now(),
            work: JoinSet::new(),
            pending: Pending::default(),
            view,
            announce_due: true,
            announcing: false,
            census: CensusTurn::default(),
            asking: false,
            noting: false,
            removing_orphans: false,
        }
    }

    /// Runs until cancelled, until the database fails, or until work panics.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Message>,
        cancel: CancellationToken,
    ) -> Result<(), ReplicaError> {
        for slot in self.shared.shelf.slots() {
            self.step(Input::Added { volume: slot.id, state: slot.state() });
            if slot.state() == VolumeState::Lost {
                self.want(slot.id, Job::Report);
            }
        }
        let mut tick = every(TICK);
        let mut check = every(self.shared.config.check_interval);
        let mut census = every(self.shared.config.census_interval);
        let mut degraded = every(DEGRADED_CHECK);
        let mut orphans = every(orphan_pass(self.shared.config.orphan_grace));
        loop {
            self.view().repairs = self.machine.repairs();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(done) = self.work.join_next() => self.done(done.map_err(ReplicaError::unfinished)?)?,
                Some(message) = mailbox.recv() => self.message(message),
                _ = tick.tick() => {
                    self.announce();
                    self.notice_stalls();
                    self.step(Input::Tick);
                    let unrepairable = self.machine.unrepairable(UNREPAIRABLE_MAX);
                    self.view().unrepairable = unrepairable;
                }
                _ = check.tick() => {
                    for slot in self.shared.shelf.slots() {
                        self.look_after(slot, When::Now, Duration::ZERO);
                    }
                }
                _ = census.tick() => self.census(),
                _ = degraded.tick() => {
                    self.ask_for_degraded();
                    self.note_recorded();
                }
                _ = orphans.tick() => self.remove_orphans(),
            }
        }
        // A repair that is under way writes nothing that the next start would not find.
        self.work.shutdown().await;
        Ok(())
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Observed { volume, seen } => {
                // What a failed operation suggests is checked before it counts.
                if seen == Seen::Absent {
                    if let Some(slot) = self.shared.shelf.slot(volume) {
                        self.look_after(slot, When::Now, Duration::ZERO);
                    }
                } else {
                    self.step(Input::Observed { volume, seen });
                }
            }
            Message::Gone { volume, shard } => {
                self.pending.add_loss(volume, shard);
                self.report_losses();
            }
            Message::Damaged { pack, margin } => self.step(Input::Damaged { pack, margin }),
        }
    }

    fn done(&mut self, done: Done) -> Result<(), ReplicaError> {
        match done {
            Done::Looked { volume, when, found } => {
                self.pending.looked(volume, when);
                if let Some(found) = fatal(found)? {
                    self.looked(volume, found);
                }
            }
            Done::Reported { volume, shard, packs } => {
                self.pending.loss_ended();
                match fatal(packs)? {
                    Some(packs) => {
                        packs.into_iter().for_each(|(pack, margin)| self.step(Input::Damaged { pack, margin }));
                    }
                    None => self.pending.add_loss(volume, shard),
                }
                self.report_losses();
            }
            Done::VolumeReported { volume, complete } => {
                let complete = fatal(complete)?.unwrap_or(false);
                match self.pending.ended(volume, !complete) {
                    Some(begin) => self.begin(volume, begin),
                    None => self.volume_reported(volume),
                }
            }
            Done::Reopened { volume, result } => {
                let again = fatal(result)?.is_none();
                // Its weight is known only now.
                self.announce_due = true;
                match self.pending.ended(volume, again) {
                    Some(begin) => self.begin(volume, begin),
                    None => self.census_of_changes(),
                }
            }
            Done::Repaired { pack, result } => {
                let outcome = fatal(result)?.unwrap_or(Outcome::Failed { shards: 0, bytes: 0 });
                self.step(Input::Repaired { pack, outcome });
            }
            Done::Announced { volumes, result } => {
                self.announcing = false;
                let heard = fatal(result)?.is_some();
                self.announce_due |= !heard;
                if heard {
                    self.announced(&volumes);
                }
            }
            Done::Census { result } => {
                let again = self.census.ended(self.began.elapsed());
                fatal(result)?;
                if again {
                    self.census();
                }
            }
            Done::Orphans { report } => {
                self.removing_orphans = false;
                fatal(report)?;
            }
            Done::Noted { result } => {
                self.noting = false;
                fatal(result)?;
            }
            Done::Degraded { packs } => {
                self.asking = false;
                self.degraded(packs);
            }
        }
        Ok(())
    }

    /// One transition and its effects.
    fn step(&mut self, input: Input) {
        let effects = self.machine.step(self.began.elapsed(), input);
        for slot in self.shared.shelf.slots() {
            if let Some(state) = self.machine.volume(slot.id)
                && state != slot.state()
            {
                slot.set_state(state);
            }
        }
        for effect in effects {
            match effect {
                Effect::Lost(volume) => self.lost(volume),
                Effect::Returned(volume) => self.returned(volume),
                Effect::CheckAgain(volume, after) => {
                    if let Some(slot) = self.shared.shelf.slot(volume) {
                        self.look_after(slot, When::Later, after);
                    }
                }
                Effect::Announce => self.announce_due = true,
                Effect::Repair(pack) => {
                    let shared = self.shared.clone();
                    self.work
                        .spawn(async move { Done::Repaired { pack, result: repair::repair(&shared, pack).await } });
                }
            }
        }
    }

    /// Reports damaged shards, as many at a time as may be.
    fn report_losses(&mut self) {
        while let Some((volume, shard)) = self.pending.next_loss() {
            let shared = self.shared.clone();
            self.work.spawn(async move {
                let packs = or_pause(gone::report(&shared, volume, &shard)).await;
                Done::Reported { volume, shard, packs }
            });
        }
    }

    /// A census that sees what has just changed, also when one is under way.
    pub(super) fn census_of_changes(&mut self) {
        self.census.changed();
        self.census();
    }

    fn census(&mut self) {
        if !self.census.begin(self.began.elapsed()) {
            return;
        }
        let shared = self.shared.clone();
        self.work.spawn(async move {
            let mut result = census::of_ledger(&shared).await;
            while matches!(&result, Err(ReplicaError::Directory(_))) {
                tokio::time::sleep(RETRY).await;
                result = census::of_ledger(&shared).await;
            }
            Done::Census { result }
        });
    }

    fn remove_orphans(&mut self) {
        let Some(grace) = self.shared.config.orphan_grace else { return };
        if self.removing_orphans {
            return;
        }
        self.removing_orphans = true;
        let shared = self.shared.clone();
        self.work.spawn(async move { Done::Orphans { report: orphans::remove(&shared, grace).await } });
    }

    /// Keeps up how many packs were ever recorded.
    fn note_recorded(&mut self) {
        if self.noting {
            return;
        }
        self.noting = true;
        let shared = self.shared.clone();
        self.work.spawn(async move { Done::Noted { result: high_water::keep_up(&shared).await } });
    }

    fn ask_for_degraded(&mut self) {
        if self.asking {
            return;
        }
        self.asking = true;
        let shared = self.shared.clone();
        self.work.spawn(async move { Done::Degraded { packs: shared.directory.degraded().await } });
    }

    /// Packs that were recorded with too few holders are repaired at once. Which ones they are a census finds out.
    fn degraded(&mut self, packs: Result<u64, DirectoryError>) {
        match packs {
            Ok(packs) => {
                let RepairStatus { queued, running, failed, .. } = self.machine.repairs();
                if self.census.is_due(self.began.elapsed(), packs, queued + running + failed) {
                    self.census();
                }
            }
            // Asked again in a second; whoever needs the ledger more has said so louder.
            Err(error) => tracing::debug!(target: "replica", %error, "cannot ask for degraded packs"),
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Splits off failures of the database and panics, which end the actor; others are logged and tried again.
fn fatal<T>(result: Result<T, ReplicaError>) -> Result<Option<T>, ReplicaError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.class() == Class::Fatal => Err(error),
        Err(error) => {
            tracing::warn!(target: "replica", %error, "background work failed");
            Ok(None)
        }
    }
}

/// Does the work; pauses when it failed, because it will be tried again.
async fn or_pause<T>(work: impl Future<Output = Result<T, ReplicaError>>) -> Result<T, ReplicaError> {
    let result = work.await;
    if result.is_err() {
        tokio::time::sleep(RETRY).await;
    }
    result
}

/// How often orphans are looked for: they stay an eighth of the grace period longer than they must.
fn orphan_pass(grace: Option<Duration>) -> Duration {
    let pass = grace.unwrap_or(ORPHAN_PASS_MAX) / 8;
    pass.clamp(ORPHAN_PASS_MIN, ORPHAN_PASS_MAX)
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
