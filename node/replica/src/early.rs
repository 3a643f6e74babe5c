//! When all packs of the ledger are walked again before their time.

use std::time::Duration;

/// An early census rests this many times as long as the last one took: so it costs at most a twentieth of the time, however
/// many packs there are and however often one more is recorded degraded.
const REST: u32 = 20;
/// Shortest rest.
const REST_MIN: Duration = Duration::from_secs(1);

/// Census after census: at most one at a time. Times are durations since the actor began.
#[derive(Debug, Default)]
pub(crate) struct CensusTurn {
    running_since: Option<Duration>,
    not_before: Duration,
    again: bool,
}

impl CensusTurn {
    /// Whether one begins now: not while one runs.
    pub(crate) fn begin(&mut self, now: Duration) -> bool {
        let free = self.running_since.is_none();
        self.running_since.get_or_insert(now);
        free
    }

    /// Something has changed that one that runs now may have passed already: another one is to follow.
    pub(crate) fn changed(&mut self) {
        self.again = self.running_since.is_some();
    }

    /// It has ended; whether another one is to follow.
    pub(crate) fn ended(&mut self, now: Duration) -> bool {
        if let Some(since) = self.running_since.take() {
            let rest = now.saturating_sub(since).saturating_mul(REST).max(REST_MIN);
            self.not_before = now.saturating_add(rest);
        }
        std::mem::take(&mut self.again)
    }

    /// Whether the ledger knows of degraded packs that are not in the repair queue, as only a census finds out which these
    /// are. `degraded` by the ledger, `queued` here, whether they wait, run or are stuck.
    pub(crate) fn is_due(&self, now: Duration, degraded: u64, queued: u64) -> bool {
        degraded > queued && self.running_since.is_none() && now >= self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_census_comes_early_for_packs_that_the_queue_does_not_know_and_rests_twenty_times_as_long_as_it_took() {
        let at = Duration::from_millis;
        let mut turn = CensusTurn::default();
        assert!(turn.is_due(at(0), 1, 0));
        for (degraded, queued, due) in [(0, 0, false), (1, 1, false), (1, 2, false), (3, 2, true)] {
            assert_eq!(turn.is_due(at(0), degraded, queued), due, "{degraded} {queued}");
        }
        assert!(turn.begin(at(1000)) && !turn.begin(at(1001)), "one at a time");
        assert!(!turn.is_due(at(1100), 1, 0), "while one runs");
        assert!(!turn.ended(at(1100)), "nothing has changed");
        assert!(!turn.is_due(at(3099), 1, 0) && turn.is_due(at(3100), 1, 0), "100 ms, 20 times");
        assert!(turn.begin(at(1200)), "the periodic one does not rest");
        turn.changed();
        assert!(turn.ended(at(1200)), "another one for what has changed");
        turn.changed();
        assert!(turn.begin(at(1200)) && !turn.ended(at(1200)), "what changed before it began it has seen");
        assert!(!turn.is_due(at(2199), 1, 0) && turn.is_due(at(2200), 1, 0), "at least a second");
    }
}
