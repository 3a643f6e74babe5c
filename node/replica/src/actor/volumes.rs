//! What the actor does with whole volumes: looks at them, gives them up, takes them back, tells the ledger of them.

use std::sync::Arc;
use std::time::Duration;

use primitives::VolumeId;
use primitives::ledger::VolumeInfo;

use super::{Actor, Done, or_pause};
use crate::look::{Found, look};
use crate::machine::{Input, Seen};
use crate::pending::{Begin, Job, When};
use crate::reopen::reopen;
use crate::slot::Slot;
use crate::{ReplicaError, ReplicaEvent, VolumeState, gone, metrics};

impl Actor {
    /// Looks at a volume, after a while.
    pub(super) fn look_after(&mut self, slot: Arc<Slot>, when: When, after: Duration) {
        let volume = slot.id;
        if !self.pending.look(volume, when) {
            return;
        }
        let shared = self.shared.clone();
        self.work.spawn(async move {
            tokio::time::sleep(after).await;
            Done::Looked { volume, when, found: look(&shared, slot).await }
        });
    }

    /// Disks with a read that hangs. Seen here and not by the readers, so that a stall counts once, however many wait for it.
    pub(super) fn notice_stalls(&mut self) {
        let patience = self.shared.config.read_timeout;
        for slot in self.shared.shelf.slots().into_iter().filter(|slot| slot.is_stalled(patience)) {
            if matches!(slot.state(), VolumeState::Up | VolumeState::ReadOnly) {
                let seconds = patience.as_secs_f64();
                tracing::warn!(
                    target: "replica", volume = slot.id.0, path = %slot.path.display(), seconds,
                    "volume does not answer in time: nothing more is asked of it until it does"
                );
            }
            self.step(Input::Observed { volume: slot.id, seen: Seen::Stalled });
        }
    }

    pub(super) fn looked(&mut self, volume: VolumeId, found: Found) {
        let slot = self.shared.shelf.slot(volume);
        let stalled = slot.as_ref().is_some_and(|slot| slot.is_stalled(self.shared.config.read_timeout));
        if let Some(slot) = slot.filter(|_| found != Found::Claim) {
            slot.clear_problem();
        }
        match found {
            // The system may know the marker by heart while the disk hangs.
            Found::Volume(Seen::Present | Seen::ReadOnly) if stalled => {
                self.step(Input::Observed { volume, seen: Seen::Stalled });
            }
            Found::Volume(seen) => self.step(Input::Observed { volume, seen }),
            Found::Claim => self.claim(volume),
            // It is there and not yet open. Once that has failed it counts as missed, and so gets lost and another chance.
            Found::Nothing if self.pending.is_returning(volume) => {}
            Found::Nothing => self.step(Input::Observed { volume, seen: Seen::Absent }),
        }
    }

    pub(super) fn lost(&mut self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        slot.set_announced(false);
        let shards = slot.shards();
        tracing::error!(target: "replica", volume = volume.0, path = %slot.path.display(), shards, "volume lost");
        metrics::volume_lost();
        self.shared.event(ReplicaEvent::VolumeLost { volume, shards });
        self.want(volume, Job::Report);
    }

    /// A lost volume is there again.
    pub(super) fn returned(&mut self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        tracing::info!(target: "replica", volume = volume.0, path = %slot.path.display(), "volume is back");
        self.shared.event(ReplicaEvent::VolumeReturned { volume });
        self.want(volume, Job::Reopen);
    }

    pub(super) fn want(&mut self, volume: VolumeId, job: Job) {
        if let Some(begin) = self.pending.want(volume, job) {
            self.begin(volume, begin);
        }
    }

    pub(super) fn begin(&mut self, volume: VolumeId, Begin { job, stop }: Begin) {
        let shared = self.shared.clone();
        match job {
            // A report that is dropped has told the ledger and kept the row, or not told it: nothing is forgotten.
            Job::Report => self.work.spawn(async move {
                let work = or_pause(gone::report_volume(&shared, volume));
                let complete = stop.run_until_cancelled(work).await;
                Done::VolumeReported { volume, complete: complete.map_or(Ok(false), |done| done.map(|()| true)) }
            }),
            Job::Reopen => self.work.spawn(async move {
                let result = match shared.shelf.slot(volume) {
                    Some(slot) => or_pause(reopen(&shared, &slot, &stop)).await,
                    None => Ok(()),
                };
                Done::Reopened { volume, result }
            }),
        };
    }

    /// All shards of a lost volume are reported: its slot goes when another volume has its place.
    pub(super) fn volume_reported(&self, volume: VolumeId) {
        let Some(slot) = self.shared.shelf.slot(volume) else { return };
        let replaced = self.shared.shelf.slots().iter().any(|other| other.id != volume && other.path == slot.path);
        if replaced && slot.state() == VolumeState::Lost {
            self.shared.shelf.remove(volume);
        }
    }

    /// The operator gave an empty disk in the place of a lost one.
    fn claim(&mut self, volume: VolumeId) {
        let Some(old) = self.shared.shelf.slot(volume) else { return };
        match self.shared.shelf.claim(&old.path, &self.shared.index) {
            Ok(slot) => {
                old.clear_problem();
                self.step(Input::Added { volume: slot.id, state: VolumeState::Up });
                self.volume_reported(volume);
            }
            // Tried again at each look; said once.
            Err(error) if old.set_problem(error.to_string()) => {
                tracing::warn!(target: "replica", path = %old.path.display(), %error, "cannot make the claimed directory a volume");
            }
            Err(_) => {}
        }
    }

    /// The ledger has heard of these volumes: those that are new to it take shards from now on, and shards of packs that have two
    /// on one volume move there.
    pub(super) fn announced(&mut self, volumes: &[VolumeId]) {
        let mut any_new = false;
        let slots = volumes.iter().filter_map(|volume| self.shared.shelf.slot(*volume));
        for slot in slots.filter(|slot| slot.state() != VolumeState::Lost && !slot.is_announced()) {
            slot.set_announced(true);
            any_new = true;
        }
        if any_new {
            self.census_of_changes();
        }
    }

    /// Tells the ledger which volumes there are, until it has heard.
    pub(super) fn announce(&mut self) {
        if !self.announce_due || self.announcing {
            return;
        }
        self.announce_due = false;
        self.announcing = true;
        let shared = self.shared.clone();
        let usable = |slot: &Arc<Slot>| slot.state() != VolumeState::Lost;
        let info = |slot: Arc<Slot>| VolumeInfo { volume: slot.id, weight: slot.weight() };
        let volumes: Vec<VolumeInfo> = shared.shelf.slots().into_iter().filter(usable).map(info).collect();
        self.work.spawn(async move {
            let ids: Vec<VolumeId> = volumes.iter().map(|info| info.volume).collect();
            let announced = async { shared.directory.announce(volumes).await.map_err(ReplicaError::from) };
            Done::Announced { volumes: ids, result: or_pause(announced).await }
        });
    }
}
