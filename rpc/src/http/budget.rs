//! Memory for shards and requests on their way in, taken as they come.
//!
//! Whoever announces 32 MiB and sends nothing holds nothing. Shares grow by [`STEP`] with the bytes that are here, and when
//! the common part of the memory is used up, so that many hold a part each and none can have the rest, one after the
//! other is finished in a part of its own. Whoever is being finished and is slow makes room for those who wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::HttpBody;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// What a share grows by, bytes: what every connection may hold at the price of one byte sent.
const STEP: usize = 64 * 1024;
/// Whoever is being finished has at least so long, however little others wait.
const TURN_MIN: Duration = Duration::from_secs(1);

/// The memory of all that comes in.
#[derive(Debug)]
pub(super) struct Budget {
    /// In steps.
    common: Arc<Semaphore>,
    /// Who is finished in the other part of the memory, which is as long as anything that comes.
    turn: Arc<Semaphore>,
    /// Who waits for either.
    waiting: AtomicUsize,
    wait: Duration,
}

/// There was no memory in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Budget {
    /// `bytes` in all, of which `longest`, what the longest of them takes, are for the one that is being finished. Nobody
    /// waits longer than `wait` for more.
    pub(super) fn new(bytes: usize, longest: usize, wait: Duration) -> Self {
        let steps = bytes.saturating_sub(longest).checked_div(STEP).unwrap_or(0).min(Semaphore::MAX_PERMITS);
        Self {
            common: Arc::new(Semaphore::new(steps)),
            turn: Arc::new(Semaphore::new(1)),
            waiting: AtomicUsize::new(0),
            wait,
        }
    }

    /// A share of nothing.
    pub(super) const fn share(&self) -> Share {
        Share { bytes: 0, steps: None, turn: None }
    }

    /// Makes `share` at least so long.
    pub(super) async fn grow(&self, share: &mut Share, bytes: usize) -> Result<(), NoRoom> {
        while share.bytes < bytes && share.turn.is_none() {
            match Arc::clone(&self.common).try_acquire_owned() {
                Ok(step) => share.add(step),
                Err(_) => self.wait_for_more(share).await?,
            }
        }
        Ok(())
    }

    async fn wait_for_more(&self, share: &mut Share) -> Result<(), NoRoom> {
        let _one_of = Waiting::new(&self.waiting);
        let more = async {
            tokio::select! {
                biased;
                step = Arc::clone(&self.common).acquire_owned() => step.map(|step| share.add(step)),
                turn = Arc::clone(&self.turn).acquire_owned() => {
                    turn.map(|turn| share.turn = Some((turn, self.turn_ends())))
                }
            }
        };
        timeout(self.wait, more).await.map_err(|_| NoRoom)?.map_err(|_| NoRoom)
    }

    /// The next part of a body, as long as `share` keeps its turn; `None` at the end.
    pub(super) async fn part(
        &self,
        share: &mut Share,
        body: &mut HttpBody,
    ) -> Result<Option<Result<Bytes, BoxError>>, NoRoom> {
        let frame = loop {
            match share.until() {
                None => break body.frame().await,
                Some(until) => match timeout_at(until, body.frame()).await {
                    Ok(frame) => break frame,
                    Err(_) if self.may_stay(share) => {}
                    Err(_) => return Err(NoRoom),
                },
            }
        };
        Ok(frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default())))
    }

    /// Whether a share whose time is over keeps its turn, since nobody waits for it.
    fn may_stay(&self, share: &mut Share) -> bool {
        let stays = self.waiting.load(Ordering::Relaxed) == 0;
        if let Some((_, until)) = share.turn.as_mut().filter(|_| stays) {
            *until = self.turn_ends();
        }
        stays
    }

    fn turn_ends(&self) -> Instant {
        Instant::now() + self.wait.max(TURN_MIN)
    }
}

/// One more who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one transfer holds of the memory; it goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    /// Of the common part, bytes.
    bytes: usize,
    steps: Option<OwnedSemaphorePermit>,
    /// It is being finished: all that it still needs is there, until then at least.
    turn: Option<(OwnedSemaphorePermit, Instant)>,
}

impl Share {
    fn add(&mut self, step: OwnedSemaphorePermit) {
        self.bytes = self.bytes.saturating_add(STEP);
        match &mut self.steps {
            Some(steps) => steps.merge(step),
            none => *none = Some(step),
        }
    }

    /// Until when all of it must be here if others wait; `None` = there is no hurry.
    fn until(&self) -> Option<Instant> {
        self.turn.as_ref().map(|(_, until)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn shares_grow_in_steps_and_come_back() {
        let budget = Budget::new(10 * STEP, 2 * STEP, WAIT);
        let mut share = budget.share();
        budget.grow(&mut share, 0).await.unwrap();
        assert_eq!(budget.common.available_permits(), 8, "nothing is here, nothing is held");
        for (bytes, left) in [(1, 7), (STEP, 7), (STEP + 1, 6), (5 * STEP, 3), (3, 3)] {
            budget.grow(&mut share, bytes).await.unwrap();
            assert_eq!(budget.common.available_permits(), left, "{bytes}");
        }
        assert_eq!(share.until(), None);
        drop(share);
        assert_eq!(budget.common.available_permits(), 8);
    }

    #[tokio::test]
    async fn shares_that_cannot_all_grow_are_finished_one_after_the_other() {
        let budget = Budget::new(12 * STEP, 8 * STEP, WAIT);
        let mut shares: Vec<_> = (0..4).map(|_| budget.share()).collect();
        for share in &mut shares {
            budget.grow(share, STEP).await.unwrap();
        }
        let mut finished = shares.pop().unwrap();
        budget.grow(&mut finished, 8 * STEP).await.unwrap();
        assert!(finished.until().is_some_and(|until| until > Instant::now()));
        assert!(budget.may_stay(&mut finished), "nobody waits");
        let mut next = shares.pop().unwrap();
        {
            let mut grows = std::pin::pin!(budget.grow(&mut next, 8 * STEP));
            assert!(futures::poll!(grows.as_mut()).is_pending());
            assert!(!budget.may_stay(&mut finished), "another one waits");
            assert_eq!(grows.await, Err(NoRoom), "there is one turn");
        }
        assert!(budget.may_stay(&mut finished), "nobody waits any more");
        let waits = budget.grow(&mut next, 8 * STEP);
        let ends = async { drop(finished) };
        assert_eq!(tokio::join!(waits, ends).0, Ok(()), "it takes what the other gave back, or the turn");
    }
}
