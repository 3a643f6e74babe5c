//! What the actor has under way, without tasks: so that nothing is begun twice, too often, or in the wrong order.
//!
//! Of each volume either the loss is being reported or its files are being compared with the index, never both: a report
//! takes rows away that the comparison has just seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use primitives::{ShardId, VolumeId};
use tokio_util::sync::CancellationToken;

/// Damaged shards that are reported to the ledger at a time.
const REPORTS_MAX: usize = 32;

/// What takes long with a whole volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Tell the ledger of each of its shards that it is lost.
    Report,
    /// Use it again: open it and compare its files with the index.
    Reopen,
}

/// A job that begins now.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    pub(crate) job: Job,
    /// Cancelled when the job has become pointless.
    pub(crate) stop: CancellationToken,
}

/// When a volume is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Now,
    /// After a pause, to confirm what was seen.
    Later,
}

/// The work under way.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    volumes: BTreeMap<VolumeId, Doing>,
    // At most one look of each kind at each volume: a disk that hangs does not gather threads.
    looks: BTreeSet<(VolumeId, When)>,
    // Damaged shards that wait to be reported. `Shared::mark_gone` lets each in once, so there are no more than rows.
    losses: VecDeque<(VolumeId, ShardId)>,
    reports: usize,
}

#[derive(Debug)]
struct Doing {
    begun: Begin,
    // What follows; the present job is then told to stop.
    next: Option<Job>,
}

impl Pending {
    /// The volume needs this job. What begins now; nothing while another job ends, which [`Self::ended`] then follows with
    /// this one.
    pub(crate) fn want(&mut self, volume: VolumeId, job: Job) -> Option<Begin> {
        match self.volumes.get_mut(&volume) {
            None => Some(self.begin(volume, job)),
            Some(doing) if doing.next.is_none() && doing.begun.job == job => None,
            Some(doing) => {
                doing.next = Some(job);
                doing.begun.stop.cancel();
                None
            }
        }
    }

    /// A volume's job ended; `again` when it has to be repeated unless something else is wanted by now. What begins.
    pub(crate) fn ended(&mut self, volume: VolumeId, again: bool) -> Option<Begin> {
        let doing = self.volumes.remove(&volume)?;
        let job = doing.next.or_else(|| again.then_some(doing.begun.job))?;
        Some(self.begin(volume, job))
    }

    /// Whether the volume is to be used again and may not be open yet.
    pub(crate) fn is_returning(&self, volume: VolumeId) -> bool {
        self.volumes.get(&volume).is_some_and(|doing| doing.next.unwrap_or(doing.begun.job) == Job::Reopen)
    }

    fn begin(&mut self, volume: VolumeId, job: Job) -> Begin {
        let begun = Begin { job, stop: CancellationToken::new() };
        self.volumes.insert(volume, Doing { begun: begun.clone(), next: None });
        begun
    }

    /// Whether to begin a look: not when one is under way.
    pub(crate) fn look(&mut self, volume: VolumeId, when: When) -> bool {
        self.looks.insert((volume, when))
    }

    /// A look ended.
    pub(crate) fn looked(&mut self, volume: VolumeId, when: When) {
        self.looks.remove(&(volume, when));
    }

    /// A damaged shard is to be reported lost.
    pub(crate) fn add_loss(&mut self, volume: VolumeId, shard: ShardId) {
        self.losses.push_back((volume, shard));
    }

    /// The next loss to report, if one more may be reported now.
    pub(crate) fn next_loss(&mut self) -> Option<(VolumeId, ShardId)> {
        if self.reports >= REPORTS_MAX {
            return None;
        }
        let loss = self.losses.pop_front()?;
        self.reports += 1;
        Some(loss)
    }

    /// The report of a loss ended.
    pub(crate) fn loss_ended(&mut self) {
        self.reports = self.reports.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: VolumeId = VolumeId(1);

    fn job(begin: Option<Begin>) -> Option<Job> {
        begin.map(|begin| begin.job)
    }

    #[test]
    fn a_volume_is_either_reported_or_opened_and_the_last_wish_wins() {
        use Job::{Reopen, Report};
        // what is wanted while the first job runs, whether that job has to be repeated, what follows
        let cases: [(Job, &[Job], bool, Option<Job>); 9] = [
            (Report, &[], false, None),
            (Report, &[], true, Some(Report)),
            (Report, &[Report], false, None),
            (Report, &[Reopen], true, Some(Reopen)),
            (Report, &[Reopen, Report], false, Some(Report)),
            (Report, &[Reopen, Report, Reopen], false, Some(Reopen)),
            (Reopen, &[], true, Some(Reopen)),
            (Reopen, &[Report], false, Some(Report)),
            (Reopen, &[Report, Reopen], false, Some(Reopen)),
        ];
        for (first, wanted, again, follows) in cases {
            let case = format!("{first:?} {wanted:?} {again}");
            let mut pending = Pending::default();
            let begun = pending.want(V, first).unwrap();
            assert_eq!((begun.job, begun.stop.is_cancelled()), (first, false), "{case}");
            for wish in wanted {
                assert_eq!(job(pending.want(V, *wish)), None, "{case}: one at a time");
            }
            let superseded = wanted.iter().any(|wish| *wish != first);
            assert_eq!(begun.stop.is_cancelled(), superseded, "{case}");
            let last = wanted.last().copied().unwrap_or(first);
            assert_eq!(pending.is_returning(V), last == Reopen, "{case}");
            let next = pending.ended(V, again);
            assert!(next.as_ref().is_none_or(|next| !next.stop.is_cancelled()), "{case}");
            assert_eq!(job(next), follows, "{case}");
            if follows.is_some() {
                assert_eq!(job(pending.ended(V, false)), None, "{case}");
            }
            assert!(!pending.is_returning(V), "{case}");
            assert_eq!(job(pending.want(V, first)), Some(first), "{case}: begins anew");
            assert_eq!(
                job(pending.want(VolumeId(2), first)),
                Some(first),
                "{case}: volumes do not wait for each other"
            );
        }
    }

    #[test]
    fn looks_and_reports_are_bounded() {
        let mut pending = Pending::default();
        assert!(pending.look(V, When::Now) && pending.look(V, When::Later) && pending.look(VolumeId(2), When::Now));
        assert!(!pending.look(V, When::Now) && !pending.look(V, When::Later));
        pending.looked(V, When::Now);
        assert!(pending.look(V, When::Now) && !pending.look(V, When::Later));

        let shard = |n| ShardId::new([n; 32]);
        for n in 0..40 {
            pending.add_loss(V, shard(n));
        }
        for n in 0..32 {
            assert_eq!(pending.next_loss(), Some((V, shard(n))), "in order");
        }
        assert_eq!(pending.next_loss(), None, "enough at a time");
        pending.loss_ended();
        assert_eq!(pending.next_loss(), Some((V, shard(32))));
        assert_eq!(pending.next_loss(), None);
    }
}
