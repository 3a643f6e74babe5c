//! Which keys are unlocked and until when: the rules of the agent, without clock, socket or process.

use std::time::Duration;

use primitives::Address;

use super::page::{Page, SLOTS};
use super::wire::{Reply, Request, Secret};

/// Longest time that a key stays unlocked.
pub(crate) const TTL_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The unlocked keys. Times are since the machine started, sleep included.
pub(super) struct Keys {
    held: Vec<Held>,
    page: Page,
}

/// One unlocked key; its secret is in the page.
struct Held {
    address: Address,
    expires: Duration,
    slot: usize,
}

impl Keys {
    /// None.
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), page: Page::new() }
    }

    /// When the next key expires.
    pub(super) fn next_expiry(&self) -> Option<Duration> {
        self.held.iter().map(|held| held.expires).min()
    }

    /// Answers a request at `now`; what has expired by then is gone.
    pub(super) fn step(&mut self, now: Duration, request: &Request) -> Reply {
        self.expire(now);
        match request {
            Request::Keep { address, secret, ttl } => self.keep(now, *address, secret, *ttl),
            Request::Secret { address } => {
                let found = self.held.iter().find(|held| held.address == *address);
                match found.and_then(|held| self.page.read(held.slot)) {
                    Some(secret) => Reply::Secret(Secret::new(secret)),
                    None => Reply::NotUnlocked,
                }
            }
            Request::List => {
                Reply::Unlocked(self.held.iter().map(|held| (held.address, held.expires.saturating_sub(now))).collect())
            }
            Request::Lock { address } => self.lock(|held| held.address == *address),
            Request::LockAll => self.lock(|_| true),
        }
    }

    /// Forgets what has expired.
    pub(super) fn expire(&mut self, now: Duration) {
        self.lock(|held| held.expires <= now);
    }

    fn keep(&mut self, now: Duration, address: Address, secret: &Secret, ttl: Duration) -> Reply {
        let expires = now.saturating_add(ttl.min(TTL_MAX));
        if let Some(held) = self.held.iter_mut().find(|held| held.address == address) {
            held.expires = expires;
            self.page.write(held.slot, secret.expose());
            return self.kept();
        }
        let Some(slot) = (0..SLOTS).find(|slot| self.held.iter().all(|held| held.slot != *slot)) else {
            return Reply::Full;
        };
        self.page.write(slot, secret.expose());
        self.held.push(Held { address, expires, slot });
        self.kept()
    }

    const fn kept(&self) -> Reply {
        Reply::Kept { memory_locked: self.page.is_locked() }
    }

    fn lock(&mut self, which: impl Fn(&Held) -> bool) -> Reply {
        let (gone, stay): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held).into_iter().partition(which);
        self.held = stay;
        for held in &gone {
            self.page.wipe(held.slot);
        }
        Reply::Unlocked(gone.into_iter().map(|held| (held.address, Duration::ZERO)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(byte: u8) -> Address {
        Address::new([byte; 20])
    }

    fn keep(byte: u8, seconds: u32) -> Request {
        Request::Keep { address: address(byte), secret: Secret::new(&[byte; 32]), ttl: SECOND * seconds }
    }

    fn secret(keys: &mut Keys, now: u32, byte: u8) -> Reply {
        keys.step(SECOND * now, &Request::Secret { address: address(byte) })
    }

    fn kept(reply: &Reply) -> bool {
        matches!(reply, Reply::Kept { .. })
    }

    #[test]
    fn keys_are_given_until_they_expire_or_are_locked() {
        let mut keys = Keys::new();
        assert_eq!(secret(&mut keys, 0, 1), Reply::NotUnlocked);
        assert!(kept(&keys.step(SECOND * 10, &keep(1, 60))));
        assert!(kept(&keys.step(SECOND * 10, &keep(2, 30))));
        assert_eq!(keys.next_expiry(), Some(SECOND * 40));
        assert_eq!(secret(&mut keys, 39, 2), Reply::Secret(Secret::new(&[2; 32])));
        assert_eq!(secret(&mut keys, 40, 2), Reply::NotUnlocked, "the end of its time is not within it");
        assert_eq!(secret(&mut keys, 40, 1), Reply::Secret(Secret::new(&[1; 32])));
        assert_eq!(
            keys.step(SECOND * 41, &Request::List),
            Reply::Unlocked(vec![(address(1), SECOND * 29)]),
            "what is left of its time"
        );
        let lock = Request::Lock { address: address(1) };
        assert_eq!(keys.step(SECOND * 42, &lock), Reply::Unlocked(vec![(address(1), Duration::ZERO)]));
        assert_eq!(keys.step(SECOND * 42, &lock), Reply::Unlocked(Vec::new()), "nothing left to lock");
        assert_eq!(keys.next_expiry(), None);
    }

    #[test]
    fn unlocking_again_starts_the_time_anew_and_no_key_stays_longer_than_a_day() {
        let mut keys = Keys::new();
        keys.step(SECOND, &keep(1, 10));
        keys.step(SECOND * 5, &keep(1, 10));
        assert_eq!(keys.next_expiry(), Some(SECOND * 15));
        keys.step(Duration::ZERO, &keep(1, u32::MAX));
        assert_eq!(keys.next_expiry(), Some(TTL_MAX));
    }

    #[test]
    fn there_is_room_for_a_page_of_keys_and_locking_makes_room() {
        let mut keys = Keys::new();
        for byte in 0..64 {
            assert!(kept(&keys.step(SECOND, &keep(byte, 10))));
        }
        assert_eq!(keys.step(SECOND, &keep(64, 10)), Reply::Full);
        keys.step(SECOND, &Request::Lock { address: address(7) });
        assert!(kept(&keys.step(SECOND, &keep(64, 10))));
        for byte in (0..65).filter(|byte| *byte != 7) {
            assert_eq!(secret(&mut keys, 2, byte), Reply::Secret(Secret::new(&[byte; 32])));
        }
        let Reply::Unlocked(gone) = keys.step(SECOND * 2, &Request::LockAll) else { panic!("not a list") };
        assert_eq!(gone.len(), 64);
        assert!((0..SLOTS).all(|slot| keys.page.read(slot) == Some(&[0; 32])), "wiped");
    }
}
