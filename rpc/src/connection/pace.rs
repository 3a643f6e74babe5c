//! When a peer is too slow.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::PeerLimits;

/// How a transfer gets on: in every window that begins when there is something to wait for, a least number of bytes has to
/// move.
#[derive(Clone, Copy, Debug)]
struct Pace {
    limits: PeerLimits,
    /// Since when it has been waited for; `None` = it is not.
    since: Option<Instant>,
    /// What has moved since then, bytes.
    moved: u64,
}

impl Pace {
    const fn new(limits: PeerLimits) -> Self {
        Self { limits, since: None, moved: 0 }
    }

    /// It is waited for the peer; returns until when.
    fn wait(&mut self, now: Instant) -> Instant {
        *self.since.get_or_insert(now) + self.limits.idle
    }

    /// So much has moved.
    fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
        if self.moved >= self.limits.bytes_min {
            self.rest();
        }
    }

    /// Nothing is waited for.
    fn rest(&mut self) {
        self.since = None;
        self.moved = 0;
    }
}

/// A [`Pace`] with a clock.
#[derive(Debug)]
pub(super) struct Timer {
    pace: Pace,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(super) const fn new(limits: PeerLimits) -> Self {
        Self { pace: Pace::new(limits), sleep: None }
    }

    /// The peer is waited for: ready when it has been too slow.
    pub(super) fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = self.pace.wait(Instant::now());
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(context)
    }

    /// So much has moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.pace.moved(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Nothing is waited for.
    pub(super) fn rest(&mut self) {
        self.pace.rest();
    }

    /// Whether nothing is waited for, so that no time counts.
    #[cfg(test)]
    pub(super) const fn rests(&self) -> bool {
        self.pace.since.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(PeerLimits { idle: SECOND * 30, bytes_min: 1000, ..PeerLimits::default() })
    }

    #[test]
    fn the_window_begins_with_the_wait_and_ends_when_enough_has_moved() {
        let (mut pace, start) = (pace(), Instant::now());
        assert_eq!(pace.wait(start), start + SECOND * 30);
        assert_eq!(pace.wait(start + SECOND * 10), start + SECOND * 30, "still the same wait");
        pace.moved(999);
        assert_eq!(pace.wait(start + SECOND * 20), start + SECOND * 30, "too little to count");
        pace.moved(1);
        assert_eq!(pace.wait(start + SECOND * 25), start + SECOND * 55, "a new window");
    }

    #[test]
    fn time_in_which_nothing_is_waited_for_does_not_count() {
        let (mut pace, start) = (pace(), Instant::now());
        pace.wait(start);
        pace.moved(10);
        pace.rest();
        assert_eq!(pace.wait(start + SECOND * 100), start + SECOND * 130);
        pace.moved(999);
        assert_eq!(pace.wait(start + SECOND * 101), start + SECOND * 130, "what moved before is forgotten");
    }

    #[tokio::test]
    async fn a_peer_that_moves_too_little_is_late() {
        let idle = Duration::from_millis(20);
        let mut timer = Timer::new(PeerLimits { idle, bytes_min: 1000, ..PeerLimits::default() });
        let begun = Instant::now();
        poll_fn(|context| {
            timer.moved(1);
            timer.poll_late(context)
        })
        .await;
        assert!(begun.elapsed() >= idle);
        timer.moved(1000);
        let waits = poll_fn(|context| Poll::Ready(timer.poll_late(context).is_pending())).await;
        assert!(waits, "a new window");
    }
}
