//! Memory for what is on its way out, and who holds it.
//!
//! A shard or a long answer is in memory as a whole, which is in use until its reader has taken the last byte. A slow
//! reader harms nobody as long as there is memory for others too; when somebody waits for it, whoever has had it for
//! longer than a reader needs that keeps the pace is cut off.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use super::claims::{Claim, Claims};
use crate::ShardLimits;
use crate::connection::Cut;

/// What is counted, bytes: large enough for a semaphore of 32 bits.
const UNIT: usize = 16 * 1024;
/// However short a shard is, its reader has so long.
const TIME_MIN: Duration = Duration::from_secs(1);

/// The memory of all that goes out.
#[derive(Debug)]
pub(super) struct Outgoing {
    units: Arc<Semaphore>,
    limits: ShardLimits,
    claims: Arc<Claims>,
}

impl Outgoing {
    pub(super) fn new(limits: ShardLimits) -> Self {
        let units = limits.get_bytes_max.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS);
        let total = u64::try_from(units).unwrap_or(u64::MAX);
        Self { units: Arc::new(Semaphore::new(units)), limits, claims: Claims::new(total) }
    }

    /// Memory for so many bytes; `None` when there is none in time.
    pub(super) async fn reserve(&self, len: usize) -> Option<Loan> {
        match self.at_once(len) {
            Some(loan) => Some(loan),
            None => self.wait_for(self.units_of(len)?).await,
        }
    }

    /// Memory for so many bytes; `None` when there is none now.
    pub(super) fn at_once(&self, len: usize) -> Option<Loan> {
        let units = self.units_of(len)?;
        // Both at once: otherwise somebody who waits would miss either too much or too little.
        let mut claims = self.claims.lock();
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).ok()?;
        let claim = Claim::new(&mut claims, units, &self.claims);
        Some(Loan { claim, _permit: permit })
    }

    /// A transfer larger than the whole budget runs alone.
    fn units_of(&self, len: usize) -> Option<u32> {
        u32::try_from(len.min(self.limits.get_bytes_max).div_ceil(UNIT).max(1)).ok()
    }

    async fn wait_for(&self, units: u32) -> Option<Loan> {
        let waits = timeout(self.limits.wait, Arc::clone(&self.units).acquire_many_owned(units));
        let mut waits = std::pin::pin!(waits);
        let claim = Claim::new(&mut self.claims.lock(), units, &self.claims);
        let permit = loop {
            match self.claims.make_room(Instant::now()) {
                Some(next) => tokio::select! {
                    biased;
                    waited = waits.as_mut() => break waited,
                    () = sleep_until(next) => {}
                },
                None => break waits.await,
            }
        };
        Some(Loan { claim, _permit: permit.ok()?.ok()? })
    }

    /// Until when the reader of so many bytes, who begins `now`, has time if others wait.
    pub(super) fn ends(&self, len: usize, now: Instant) -> Instant {
        let pace = self.limits.get_pace.max(1);
        let time = Duration::from_secs(u64::try_from(len.div_ceil(pace)).unwrap_or(u64::MAX));
        now + time.max(self.limits.wait).max(TIME_MIN)
    }
}

/// What one transfer holds of the memory; it goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Loan {
    // Dropped first: what comes back while it is still claimed would be missed by those who wait.
    claim: Claim,
    _permit: OwnedSemaphorePermit,
}

impl Loan {
    /// From now on it is up to the reader: on `connection`, with time until then if others wait.
    pub(super) fn send(&mut self, connection: Cut, until: Instant) {
        self.claim.send(connection, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(units: usize, wait: Duration) -> Outgoing {
        Outgoing::new(ShardLimits { get_bytes_max: units * UNIT, wait, get_pace: 1024, ..ShardLimits::default() })
    }

    #[tokio::test]
    async fn whoever_waits_cuts_off_whose_time_is_over_and_no_more_than_it_takes() {
        let out = outgoing(4, Duration::from_secs(20));
        let now = Instant::now();
        let mut loans = Vec::new();
        let connections = [now, now, now, now + Duration::from_secs(3600)].map(|until| (Cut::default(), until));
        for (connection, until) in &connections {
            let mut loan = out.reserve(UNIT).await.unwrap();
            loan.send(connection.clone(), *until);
            loans.push(loan);
        }
        let cut = || connections.each_ref().map(|(connection, _)| connection.is_cut());
        assert_eq!(cut(), [false; 4], "nobody waits");
        let mut waits = std::pin::pin!(out.reserve(2 * UNIT));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert_eq!(cut(), [true, true, false, false]);
        loans.drain(..2);
        let third = waits.await.unwrap();
        assert_eq!(cut(), [true, true, false, false]);
        drop(third);
        drop(loans);
        assert!(out.claims.lock().is_free(), "nobody is left");
        assert_eq!(out.units.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_reader_has_its_time_and_is_cut_off_at_its_end() {
        let out = outgoing(1, Duration::from_secs(20));
        let (connection, begun) = (Cut::default(), Instant::now());
        let mut loan = out.reserve(UNIT).await.unwrap();
        let until = begun + Duration::from_millis(50);
        loan.send(connection.clone(), until);
        let ends = async {
            connection.happens().await;
            drop(loan);
        };
        let (next, ended) = tokio::join!(out.reserve(UNIT), timeout(Duration::from_secs(10), ends));
        assert!(ended.is_ok() && next.is_some());
        assert!(Instant::now() >= until);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_time_goes_by_length() {
        let out = outgoing(1, Duration::ZERO);
        let mut loan = out.reserve(UNIT).await.unwrap();
        assert!(out.reserve(1).await.is_none(), "it has not begun to be sent");
        let connection = Cut::default();
        loan.send(connection.clone(), Instant::now() + Duration::from_secs(3600));
        assert!(out.reserve(1).await.is_none());
        assert!(!connection.is_cut());
        let now = Instant::now();
        let time = |len| out.ends(len, now).duration_since(now).as_secs();
        assert_eq!([0, 1024, 10 * 1024, 10 * 1024 + 1].map(time), [1, 1, 10, 11]);
    }

    /// A loan of one unit whose reader's time is over at `until`.
    fn unit(out: &Outgoing, until: Instant) -> (Loan, Cut) {
        let (mut loan, connection) = (out.at_once(UNIT).unwrap(), Cut::default());
        loan.send(connection.clone(), until);
        (loan, connection)
    }

    fn cut(loans: &[(Loan, Cut)]) -> usize {
        loans.iter().filter(|(_, connection)| connection.is_cut()).count()
    }

    #[tokio::test]
    async fn memory_that_is_free_is_used_before_readers_are_cut_off() {
        let out = outgoing(4, Duration::from_secs(20));
        let now = Instant::now();
        let mut loans: Vec<_> = (0..3).map(|_| unit(&out, now)).collect();
        let mut waits = std::pin::pin!(out.reserve(2 * UNIT));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert_eq!(cut(&loans), 1, "one unit is free");
        let mut second = std::pin::pin!(out.reserve(UNIT));
        assert!(futures::poll!(second.as_mut()).is_pending());
        assert_eq!(cut(&loans), 2, "the first gets what is free");
        loans.retain(|(_, connection)| !connection.is_cut());
        assert!(waits.await.is_some() && second.await.is_some());
        assert_eq!(cut(&loans), 0);
    }

    #[tokio::test]
    async fn what_comes_back_by_itself_is_not_taken_from_readers_as_well() {
        let out = outgoing(4, Duration::from_secs(20));
        let until = Instant::now() + Duration::from_millis(50);
        let mut loans: Vec<_> = (0..4).map(|_| unit(&out, until)).collect();
        let mut waits = std::pin::pin!(out.reserve(3 * UNIT));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        loans.truncate(2);
        let mut gone = None;
        let ends = async {
            let connections = loans.iter().map(|(_, connection)| Box::pin(connection.happens()));
            let (_, place, _) = futures::future::select_all(connections.collect::<Vec<_>>()).await;
            place
        };
        tokio::select! {
            place = ends => gone = Some(place),
            waited = waits.as_mut() => assert!(waited.is_none(), "there is not enough"),
        }
        assert_eq!(cut(&loans), 1, "two units came back, one is missing");
        loans.remove(gone.unwrap());
        assert!(waits.await.is_some());
        assert_eq!(cut(&loans), 0);
    }
}
