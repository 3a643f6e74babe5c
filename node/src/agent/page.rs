//! Memory for secrets: kept out of swap where the system allows it, wiped before it is given back.

use zeroize::Zeroize;

/// Secrets that one agent holds at most: half a page of them.
pub(super) const SLOTS: usize = 64;

/// Its own pages, because locking and unlocking concern whole pages and whatever else is on them.
#[repr(align(4096))]
struct Slots([[u8; 32]; SLOTS]);

/// A fixed number of 32-byte secrets that never move.
pub(super) struct Page {
    // Before `slots`: unlocked before the memory goes.
    lock: Option<region::LockGuard>,
    slots: Box<Slots>,
}

impl Page {
    /// An empty page. Whether it could be locked: [`Self::is_locked`].
    pub(super) fn new() -> Self {
        let slots = Box::new(Slots([[0; 32]; SLOTS]));
        let lock = region::lock(std::ptr::from_ref(&*slots), size_of::<Slots>()).ok();
        Self { lock, slots }
    }

    /// Whether the memory stays out of swap.
    pub(super) const fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Keeps a secret.
    pub(super) fn write(&mut self, slot: usize, secret: &[u8; 32]) {
        if let Some(place) = self.slots.0.get_mut(slot) {
            place.copy_from_slice(secret);
        }
    }

    /// The secret in a slot.
    pub(super) fn read(&self, slot: usize) -> Option<&[u8; 32]> {
        self.slots.0.get(slot)
    }

    /// Forgets a secret.
    pub(super) fn wipe(&mut self, slot: usize) {
        if let Some(place) = self.slots.0.get_mut(slot) {
            place.zeroize();
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.slots.0.zeroize();
    }
}
