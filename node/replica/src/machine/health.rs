//! Whether a volume is there: quick to doubt, slower to give up, slower still to trust again.

use std::time::Duration;

use crate::status::VolumeState;

/// What somebody saw of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Its marker is in place.
    Present,
    /// Its marker is in place, and an fsync has failed.
    ReadOnly,
    /// Directory or marker is gone.
    Absent,
    /// A read failed in the disk.
    ReadFailed,
    /// A read or a write has been under way for longer than it may.
    Stalled,
    /// An fsync failed.
    SyncFailed,
}

/// What that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// Look again soon.
    Doubt,
    /// Whether it takes new shards changed.
    Settled,
    Lost,
    Returned,
}

/// Good looks in a row that make a suspect volume `Up` again.
const CALM: u32 = 2;
/// Good looks in a row after which a lost volume is used again.
const TRUST: u32 = 3;
/// Failed reads within [`FAILED_READS_WINDOW`] after which a disk is given up. One bad sector loses one shard; a dying
/// disk shows many.
const FAILED_READS: u32 = 8;
const FAILED_READS_WINDOW: Duration = Duration::from_secs(600);
/// A disk that has hung for this long is not waited for: meanwhile its packs bear fewer losses than they should. Overload ends
/// far sooner, because a disk that hangs is asked nothing more.
const STALL_MAX: Duration = Duration::from_secs(600);

/// One volume's health.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    pub(crate) state: VolumeState,
    // An fsync failed: never writable again in this run.
    read_only: bool,
    // Lost for its failed reads, although its marker is there: not used again in this run.
    given_up: bool,
    // When it was first missed, and when it was first seen to hang, since it was last in use.
    missed: Option<Duration>,
    stalled: Option<Duration>,
    good: u32,
    failed_reads: u32,
    failed_since: Duration,
}

impl Health {
    pub(crate) fn new(state: VolumeState, now: Duration) -> Self {
        Self {
            state,
            read_only: state == VolumeState::ReadOnly,
            given_up: false,
            missed: None,
            stalled: None,
            good: 0,
            failed_reads: 0,
            failed_since: now,
        }
    }

    /// Rules V1 to V9.
    pub(crate) fn observe(&mut self, now: Duration, seen: Seen, confirm_loss: Duration) -> Change {
        match (self.state, seen) {
            // V6, then what its being there means.
            (_, Seen::ReadOnly) => {
                let synced = self.observe(now, Seen::SyncFailed, confirm_loss);
                match self.observe(now, Seen::Present, confirm_loss) {
                    Change::None => synced,
                    // Another look or a return brings more than the news that it takes no writes.
                    present => present,
                }
            }
            // V1: a volume that is missed is suspect and looked at again.
            (VolumeState::Up | VolumeState::ReadOnly, Seen::Absent) => {
                self.state = VolumeState::Suspect;
                self.missed = Some(now);
                self.good = 0;
                Change::Doubt
            }
            // V2: still missed after `confirm_loss`: lost.
            (VolumeState::Suspect, Seen::Absent) => {
                self.good = 0;
                // It may be suspect for another reason until now.
                let since = *self.missed.get_or_insert(now);
                if now.saturating_sub(since) < confirm_loss {
                    return Change::Doubt;
                }
                self.lose(now)
            }
            // V3: there again, twice in a row: as before.
            (VolumeState::Suspect, Seen::Present) => {
                self.good += 1;
                if self.good < CALM {
                    return Change::Doubt;
                }
                (self.missed, self.stalled) = (None, None);
                self.state = self.usable();
                Change::None
            }
            // V5: given up: its marker being there is no news.
            (VolumeState::Lost, Seen::Present) if self.given_up => Change::None,
            // V4: a lost volume that is there three times in a row returns, read-only when it was.
            (VolumeState::Lost, Seen::Present) => {
                self.good += 1;
                if self.good < TRUST {
                    return Change::Doubt;
                }
                *self = Self { read_only: self.read_only, ..Self::new(self.usable(), now) };
                Change::Returned
            }
            (VolumeState::Lost, Seen::Absent) => {
                self.good = 0;
                Change::None
            }
            // V8, V9: a disk that hangs may be slow, or busy, and has lost nothing; until it has hung for too long.
            (_, Seen::Stalled) => self.stall(now),
            // V5: many failed reads in a short time: lost, although the marker is there.
            (_, Seen::ReadFailed) => self.read_failed(now),
            // V6: a failed fsync: no more writes.
            (VolumeState::Lost, Seen::SyncFailed) => {
                self.read_only = true;
                Change::None
            }
            (state, Seen::SyncFailed) => {
                let news = !self.read_only;
                self.read_only = true;
                if state == VolumeState::Up {
                    self.state = VolumeState::ReadOnly;
                }
                if news { Change::Settled } else { Change::None }
            }
            // V7: nothing new.
            (VolumeState::Up | VolumeState::ReadOnly, Seen::Present) => Change::None,
        }
    }

    fn stall(&mut self, now: Duration) -> Change {
        self.good = 0;
        let since = *self.stalled.get_or_insert(now);
        match self.state {
            VolumeState::Up | VolumeState::ReadOnly => {
                self.state = VolumeState::Suspect;
                Change::Doubt
            }
            // It returns by V4.
            VolumeState::Suspect if now.saturating_sub(since) >= STALL_MAX => self.lose(now),
            VolumeState::Suspect | VolumeState::Lost => Change::None,
        }
    }

    fn read_failed(&mut self, now: Duration) -> Change {
        if self.state == VolumeState::Lost {
            return Change::None;
        }
        if now.saturating_sub(self.failed_since) > FAILED_READS_WINDOW || self.failed_reads == 0 {
            self.failed_since = now;
            self.failed_reads = 0;
        }
        self.failed_reads += 1;
        if self.failed_reads < FAILED_READS {
            return Change::None;
        }
        self.given_up = true;
        self.lose(now)
    }

    fn lose(&mut self, now: Duration) -> Change {
        *self = Self { read_only: self.read_only, given_up: self.given_up, ..Self::new(VolumeState::Lost, now) };
        Change::Lost
    }

    /// The state of this volume when it is there.
    const fn usable(&self) -> VolumeState {
        if self.read_only { VolumeState::ReadOnly } else { VolumeState::Up }
    }
}
