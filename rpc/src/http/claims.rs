//! Who holds memory for what goes out or waits for it, and who is cut off when there is too little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::connection::Cut;

/// Those who hold memory or wait for it.
#[derive(Debug)]
pub(super) struct Claims {
    /// All the memory, units.
    total: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// What is held or waited for, without what those hold who are cut off already, units.
    claimed: u64,
    /// Those who are being sent what they hold, the one first whose time ends first.
    readers: BTreeMap<Place, Reader>,
}

/// When a reader's time ends, and a number that no other one has.
type Place = (Instant, usize);

#[derive(Debug)]
struct Reader {
    units: u32,
    connection: Cut,
}

impl Claims {
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { total, state: Mutex::default() })
    }

    /// Cuts readers off whose time is over, until there is room for all who wait; returns when the next reader's time ends,
    /// if there is not.
    pub(super) fn make_room(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        while state.claimed > self.total {
            let next = state.readers.first_entry()?;
            let until = next.key().0;
            if until > now {
                return Some(until);
            }
            let over = next.remove();
            over.connection.cut();
            state.give_back(over.units);
        }
        None
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, until: Instant, reader: Reader) -> Place {
        let number = (0..).find(|number| !self.readers.contains_key(&(until, *number))).unwrap_or_default();
        self.readers.insert((until, number), reader);
        (until, number)
    }

    /// Whether nobody holds or waits for any.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        self.claimed == 0 && self.readers.is_empty()
    }

    fn give_back(&mut self, units: u32) {
        self.claimed = self.claimed.saturating_sub(units.into());
    }
}

/// One who waits for memory or holds it, until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    units: u32,
    place: Option<Place>,
    claims: Arc<Claims>,
}

impl Claim {
    pub(super) fn new(state: &mut State, units: u32, claims: &Arc<Claims>) -> Self {
        state.claimed = state.claimed.saturating_add(units.into());
        Self { units, place: None, claims: Arc::clone(claims) }
    }

    /// From now on it is up to a reader: on `connection`, with time until then if others wait.
    pub(super) fn send(&mut self, connection: Cut, until: Instant) {
        self.place = Some(self.claims.lock().enter(until, Reader { units: self.units, connection }));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.claims.lock();
        let was_cut = self.place.is_some_and(|place| state.readers.remove(&place).is_none());
        if !was_cut {
            state.give_back(self.units);
        }
    }
}
