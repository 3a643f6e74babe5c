//! When to let the engine start the next height.
//!
//! The engine makes blocks as fast as it can and knows no "only when there is work". A node therefore withholds its
//! answer to "what next" until one of these holds; nothing is lost meanwhile, because the engine queues what comes for
//! later heights.

use std::time::Duration;

use primitives::{Height, TimestampMs};

/// What a node knows about reasons to go on from `tip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reasons {
    /// A transaction can go into the next block.
    pub work: bool,
    /// A block for the next height is stored, or this validator signed something for it, before a restart.
    pub unfinished: bool,
    /// Highest height that a peer was seen at or working on; 0 without peers.
    pub seen: Height,
    /// The last block came through block sync.
    pub catching_up: bool,
}

/// Whether to start the height after `tip`, whose block has time `tip_time`; otherwise how long to wait at most.
pub(crate) fn decide(
    tip: Height,
    tip_time: TimestampMs,
    now: TimestampMs,
    heartbeat: Duration,
    reasons: &Reasons,
) -> Result<(), Duration> {
    if reasons.work || reasons.unfinished || reasons.catching_up || reasons.seen > tip {
        return Ok(());
    }
    let heartbeat_ms = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
    let due = tip_time.get().saturating_add(heartbeat_ms);
    match due.checked_sub(now.get()) {
        // A clock that was set back must not stop the heartbeat for longer than one period.
        Some(wait) if wait > 0 => Err(Duration::from_millis(wait.min(heartbeat_ms))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Reasons = Reasons { work: false, unfinished: false, seen: Height::new(5), catching_up: false };
    const BEAT: Duration = Duration::from_secs(30);

    fn at(now: u64, reasons: Reasons) -> Result<(), Duration> {
        decide(Height::new(5), TimestampMs::new(100_000), TimestampMs::new(now), BEAT, &reasons)
    }

    #[test]
    fn idle_waits_for_the_heartbeat_and_any_reason_ends_the_wait() {
        let table = [
            (101_000, NONE, Err(Duration::from_secs(29))),
            (129_999, NONE, Err(Duration::from_millis(1))),
            (130_000, NONE, Ok(())),
            (500_000, NONE, Ok(())),
            (101_000, Reasons { work: true, ..NONE }, Ok(())),
            (101_000, Reasons { unfinished: true, ..NONE }, Ok(())),
            (101_000, Reasons { catching_up: true, ..NONE }, Ok(())),
            (101_000, Reasons { seen: Height::new(6), ..NONE }, Ok(())),
            (101_000, Reasons { seen: Height::new(4), ..NONE }, Err(Duration::from_secs(29))),
            // The clock was set back by an hour: one period, not an hour.
            (0, NONE, Err(BEAT)),
        ];
        for (now, reasons, expected) in table {
            assert_eq!(at(now, reasons), expected, "now {now}, {reasons:?}");
        }
    }
}
