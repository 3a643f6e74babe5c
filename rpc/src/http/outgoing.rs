//! Memory for what is on its way out, and who holds it.
//!
//! A shard or a long answer is in memory as a whole, which is in use until its reader has taken the last byte. A slow
//! reader harms nobody as long as there is memory for others too; when somebody waits for it, whoever has had it for
//! longer than a reader needs that keeps the pace is cut off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

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
    readers: Arc<Readers>,
}

impl Outgoing {
    pub(super) fn new(limits: ShardLimits) -> Self {
        let units = limits.get_bytes_max.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), limits, readers: Arc::default() }
    }

    /// Memory for so many bytes; `None` when there is none in time.
    pub(super) async fn reserve(&self, len: usize) -> Option<Loan> {
        match self.at_once(len) {
            Some(loan) => Some(loan),
            None => self.wait_for(self.units_of(len)?).await.map(|permit| self.loan(permit)),
        }
    }

    /// Memory for so many bytes; `None` when there is none now.
    pub(super) fn at_once(&self, len: usize) -> Option<Loan> {
        let permit = Arc::clone(&self.units).try_acquire_many_owned(self.units_of(len)?).ok()?;
        Some(self.loan(permit))
    }

    /// A transfer larger than the whole budget runs alone.
    fn units_of(&self, len: usize) -> Option<u32> {
        u32::try_from(len.min(self.limits.get_bytes_max).div_ceil(UNIT).max(1)).ok()
    }

    fn loan(&self, permit: OwnedSemaphorePermit) -> Loan {
        Loan { permit, readers: Arc::clone(&self.readers), place: None }
    }

    async fn wait_for(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        let mut missing = self.readers.cut(units);
        let waits = timeout(self.limits.wait, Arc::clone(&self.units).acquire_many_owned(units));
        let mut waits = std::pin::pin!(waits);
        loop {
            let Some(next) = self.readers.next().filter(|_| missing > 0) else {
                return waits.await.ok()?.ok();
            };
            tokio::select! {
                biased;
                waited = waits.as_mut() => return waited.ok()?.ok(),
                () = sleep_until(next) => missing = self.readers.cut(missing),
            }
        }
    }

    /// Until when the reader of so many bytes has time if others wait.
    pub(super) fn ends(&self, len: usize) -> Instant {
        let pace = self.limits.get_pace.max(1);
        let time = Duration::from_secs(u64::try_from(len.div_ceil(pace)).unwrap_or(u64::MAX));
        Instant::now() + time.max(self.limits.wait).max(TIME_MIN)
    }
}

/// Those who hold memory, the one first whose time ends first.
#[derive(Debug, Default)]
struct Readers(Mutex<BTreeMap<Place, Reader>>);

/// When a reader's time ends, and a number that no other one has.
type Place = (Instant, usize);

#[derive(Debug)]
struct Reader {
    units: u32,
    connection: Cut,
}

impl Readers {
    fn enter(&self, until: Instant, reader: Reader) -> Place {
        let mut readers = self.lock();
        let number = (0..).find(|number| !readers.contains_key(&(until, *number))).unwrap_or_default();
        readers.insert((until, number), reader);
        (until, number)
    }

    /// When the next reader's time ends.
    fn next(&self) -> Option<Instant> {
        self.lock().first_key_value().map(|((until, _), _)| *until)
    }

    /// Cuts readers off whose time is over, until they make room for so many units; returns how many are still missing.
    fn cut(&self, mut missing: u32) -> u32 {
        let (mut readers, now) = (self.lock(), Instant::now());
        while missing > 0
            && let Some(over) = readers.first_entry().filter(|reader| reader.key().0 <= now)
        {
            let reader = over.remove();
            reader.connection.cut();
            missing = missing.saturating_sub(reader.units);
        }
        missing
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Reader>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one transfer holds of the memory; it goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Loan {
    permit: OwnedSemaphorePermit,
    readers: Arc<Readers>,
    place: Option<Place>,
}

impl Loan {
    /// From now on it is up to the reader: on `connection`, with time until then if others wait.
    pub(super) fn send(&mut self, connection: Cut, until: Instant) {
        let units = u32::try_from(self.permit.num_permits()).unwrap_or(u32::MAX);
        self.place = Some(self.readers.enter(until, Reader { units, connection }));
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.readers.lock().remove(&place);
        }
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
        assert!(out.readers.next().is_none(), "nobody is left");
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
        let time = |len| out.ends(len).duration_since(Instant::now()).as_secs_f64().round();
        assert_eq!([0, 1024, 10 * 1024, 10 * 1024 + 1].map(time), [1.0, 1.0, 10.0, 11.0]);
    }
}
