//! The loop: one task owns the machine, feeds it what happened and carries out what it answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::ledger::VolumeInfo;
use primitives::{PackId, ShardId, VolumeId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::ingress::Message;
use crate::machine::{Effect, Input, Machine, Outcome, Seen};
use crate::shared::{Shared, blocking};
use crate::shelf::is_claimed;
use crate::slot::Slot;
use crate::{RepairStatus, ReplicaError, ReplicaEvent, VolumeState, census, gone, repair};

/// Pause before something that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often waiting repairs are looked at.
const TICK: Duration = Duration::from_millis(200);
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
    Looked { volume: VolumeId, seen: Seen, claimed: bool },
    Reported { volume: VolumeId, shard: ShardId, packs: Result<Vec<(PackId, i16)>, ReplicaError> },
    VolumeReported { volume: VolumeId, result: Result<(), ReplicaError> },
    Returned { result: Result<(), ReplicaError> },
    Repaired { pack: PackId, result: Result<Outcome, ReplicaError> },
    Announced { result: Result<(), ReplicaError> },
    Census { result: Result<(), ReplicaError> },
}

/// The task's state.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    machine: Machine,
    began: Instant,
    work: JoinSet<Done>,
    view: Arc<Mutex<View>>,
    // The ledger has not yet heard of the present volumes.
    announce_due: bool,
    announcing: bool,
    census_running: bool,
}

impl Actor {
    pub(crate) fn new(shared: Arc<Shared>, machine: Machine, view: Arc<Mutex<View>>) -> Self {
        Self {
            shared,
            machine,
            began: Instant::now(),
            work: JoinSet::new(),
            view,
            announce_due: true,
            announcing: false,
            census_running: false,
        }
    }

    /// Runs until cancelled, or until the database fails.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Message>,
        cancel: CancellationToken,
    ) -> Result<(), ReplicaError> {
        for slot in self.shared.shelf.slots() {
            self.step(Input::Added { volume: slot.id, state: slot.state() });
            if slot.state() == VolumeState::Lost {
                self.report_volume(slot.id);
            }
        }
        let mut tick = every(TICK);
        let mut check = every(self.shared.config.check_interval);
        let mut census = every(self.shared.config.census_interval);
        loop {
            self.view().repairs = self.machine.repairs();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(done) = self.work.join_next() => match done {
                    Ok(done) => self.done(done)?,
                    Err(error) => tracing::error!(target: "replica", %error, "background work did not finish"),
                },
                Some(message) = mailbox.recv() => self.message(message),
                _ = tick.tick() => {
                    self.announce();
                    self.step(Input::Tick);
                    let unrepairable = self.machine.unrepairable(UNREPAIRABLE_MAX);
                    self.view().unrepairable = unrepairable;
                }
                _ = check.tick() => {
                    for slot in self.shared.shelf.slots() {
                        self.look(slot, Duration::ZERO);
                    }
                }
                _ = census.tick() => self.census(),
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
                        self.look(slot, Duration::ZERO);
                    }
                } else {
                    self.step(Input::Observed { volume, seen });
                }
            }
            Message::Gone { volume, shard } => self.report(volume, shard, Duration::ZERO),
            Message::Damaged { pack, margin } => self.step(Input::Damaged { pack, margin }),
            Message::Census => self.census(),
        }
    }

    fn done(&mut self, done: Done) -> Result<(), ReplicaError> {
        match done {
            Done::Looked { volume, claimed: true, .. } => self.claim(volume),
            Done::Looked { volume, seen, .. } => self.step(Input::Observed { volume, seen }),
            Done::Reported { volume, shard, packs } => match fatal(packs)? {
                Some(packs) => packs.into_iter().for_each(|(pack, margin)| self.step(Input::Damaged { pack, margin })),
                None => self.report(volume, shard, RETRY),
            },
            Done::VolumeReported { volume, result } => match fatal(result)? {
                Some(()) => self.volume_reported(volume),
                None => self.report_volume(volume),
            },
            Done::Returned { result } => {
                fatal(result)?;
                self.census();
            }
            Done::Repaired { pack, result } => {
                let outcome = fatal(result)?.unwrap_or(Outcome::Failed { shards: 0, bytes: 0 });
                self.step(Input::Repaired { pack, outcome });
            }
            Done::Announced { result } => {
                self.announcing = false;
                self.announce_due |= fatal(result)?.is_none();
            }
            Done::Census { result } => {
                self.census_running = false;
                fatal(result)?;
            }
        }
        Ok(())
    }

    /// One transition and its effects.
    fn step(&mut self, input: Input) {
        for effect in self.machine.step(self.began.elapsed(), input) {
            match effect {
                Effect::Lost(volume) => self.lost(volume),
                Effect::Returned(volume) => self.returned(volume),
                Effect::CheckAgain(volume, after) => {
                    if let Some(slot) = self.shared.shelf.slot(volume) {
                        self.look(slot, after);
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
        for slot in self.shared.shelf.slots() {
            if let Some(state) = self.machine.volume(slot.id)
                && state != slot.state()
            {
                slot.set_state(state);
            }
        }
    }

    /// Looks at a volume, after a while.
    fn look(&mut self, slot: Arc<Slot>, after: Duration) {
        let shared = self.shared.clone();
        let volume = slot.id;
        self.work.spawn(async move {
            tokio::time::sleep(after).await;
            let looked = blocking(move || match slot.volume() {
                Some(volume) if volume.read_only().is_some() && volume.is_present() => (Seen::SyncFailed, false),
                Some(volume) if volume.is_present() => {
                    slot.admits(&volume, 0, crate::fill::Purpose::Write, &shared.config);
                    (Seen::Present, false)
                }
                Some(_) => (Seen::Absent, false),
                // Up and empty: opening it again failed. It counts as missed, and so gets lost and another chance.
                None if slot.state() == VolumeState::Lost && shared.shelf.is_back(&slot) => (Seen::Present, false),
                None => (Seen::Absent, is_claimed(&slot.path)),
            });
            let (seen, claimed) = looked.await.unwrap_or((Seen::Absent, false));
            Done::Looked { volume, seen, claimed }
        });
    }

    fn lost(&mut self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        let shards = slot.shards();
        tracing::error!(target: "replica", volume = volume.0, path = %slot.path.display(), shards, "volume lost");
        metrics::counter!("strongroom_replica_lost_volumes_total").increment(1);
        slot.set_state(VolumeState::Lost);
        self.shared.event(ReplicaEvent::VolumeLost { volume, shards });
        self.report_volume(volume);
    }

    fn report_volume(&mut self, volume: VolumeId) {
        let shared = self.shared.clone();
        self.work.spawn(async move {
            let result = gone::report_volume(&shared, volume).await;
            if result.is_err() {
                tokio::time::sleep(RETRY).await;
            }
            Done::VolumeReported { volume, result }
        });
    }

    /// All shards of a lost volume are reported: its slot goes when another volume has its place.
    fn volume_reported(&self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        let replaced = self.shared.shelf.slots().iter().any(|other| other.id != volume && other.path == slot.path);
        if replaced && slot.state() == VolumeState::Lost {
            self.shared.shelf.remove(volume);
        }
    }

    fn report(&mut self, volume: VolumeId, shard: ShardId, after: Duration) {
        let shared = self.shared.clone();
        self.work.spawn(async move {
            tokio::time::sleep(after).await;
            let packs = gone::report(&shared, volume, &shard).await;
            Done::Reported { volume, shard, packs }
        });
    }

    /// A lost volume is there again: its files are hashed and become holdings again where the ledger lacks them.
    fn returned(&mut self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        let shared = self.shared.clone();
        tracing::info!(target: "replica", volume = volume.0, path = %slot.path.display(), "volume is back");
        self.shared.event(ReplicaEvent::VolumeReturned { volume });
        self.work.spawn(async move {
            let result = async {
                let (found, again) = (shared.clone(), slot.clone());
                let Some(volume) = blocking(move || found.shelf.find_again(&again)).await? else {
                    return Ok(());
                };
                slot.reopen(volume);
                let found = census::run(&shared, &slot).await?;
                census::take(&shared, &slot, found).await
            };
            Done::Returned { result: result.await }
        });
    }

    /// The operator gave an empty disk in the place of a lost one.
    fn claim(&mut self, volume: VolumeId) {
        let Some(old) = self.shared.shelf.slot(volume) else { return };
        match self.shared.shelf.claim(&old.path, &self.shared.index) {
            Ok(slot) => {
                self.step(Input::Added { volume: slot.id, state: VolumeState::Up });
                self.volume_reported(volume);
            }
            Err(error) => {
                tracing::warn!(target: "replica", path = %old.path.display(), %error, "cannot make the claimed directory a volume");
            }
        }
    }

    /// Tells the ledger which volumes there are, until it has heard.
    fn announce(&mut self) {
        if !self.announce_due || self.announcing {
            return;
        }
        self.announce_due = false;
        self.announcing = true;
        let shared = self.shared.clone();
        let usable = |slot: &Arc<Slot>| slot.state() != VolumeState::Lost;
        let info = |slot: Arc<Slot>| VolumeInfo { volume: slot.id, weight: slot.weight };
        let volumes: Vec<VolumeInfo> = shared.shelf.slots().into_iter().filter(usable).map(info).collect();
        self.work.spawn(async move {
            let result = shared.directory.announce(volumes).await.map_err(ReplicaError::from);
            if result.is_err() {
                tokio::time::sleep(RETRY).await;
            }
            Done::Announced { result }
        });
    }

    fn census(&mut self) {
        if self.census_running {
            return;
        }
        self.census_running = true;
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

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Splits off failures of the database, which end the actor; others are logged and tried again.
fn fatal<T>(result: Result<T, ReplicaError>) -> Result<Option<T>, ReplicaError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ ReplicaError::Store(_)) => Err(error),
        Err(error) => {
            tracing::warn!(target: "replica", %error, "background work failed");
            Ok(None)
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
