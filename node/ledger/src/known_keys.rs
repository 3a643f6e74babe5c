//! Ed25519 keys that come often get a table of their multiples, with which a check costs half.
//!
//! Storage nodes acknowledge every shard and root members say much: few keys, many signatures. A table replaces the
//! doublings of the general multiplication and the decoding of the key; the equation stays the one of
//! `primitives/src/ed25519.rs`, and so does every answer.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsBasepointTable};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::BasepointTable;
use primitives::{Ed25519Signature, SignatureError};
use sha2::{Digest as _, Sha512};

/// Places for keys. A table takes 30 KiB: 15 MiB when all places have one.
const SLOTS: usize = 512;
/// Good signatures after which a key gets its table: making one costs as much as it saves on about sixty.
const OFTEN: u32 = 64;

/// Bounded: each key has one place, and a place belongs to whose good signatures came most often.
pub(crate) struct KnownKeys {
    slots: Box<[RwLock<Slot>]>,
    /// Keyed at random, so that nobody can choose keys that share a place.
    places: RandomState,
}

#[derive(Clone, Default)]
struct Slot {
    key: [u8; 32],
    good: u32,
    table: Option<Arc<KeyTable>>,
}

impl std::fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownKeys").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| RwLock::default()).collect(), places: RandomState::new() }
    }
}

impl KnownKeys {
    /// As [`Ed25519Signature::verify`].
    pub(crate) fn verify(
        &self,
        signature: &Ed25519Signature,
        key: &[u8; 32],
        message: &[u8],
    ) -> Result<(), SignatureError> {
        let Some(slot) = self.slot(key) else { return signature.verify(key, message) };
        // A thread that panicked while it held the lock left a whole slot: fields are replaced together.
        let known = slot.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = known.table.as_ref().filter(|_| known.key == *key) {
            let table = Arc::clone(table);
            drop(known);
            return table.verify(signature, key, message);
        }
        drop(known);
        signature.verify(key, message)?;
        if slot.write().unwrap_or_else(PoisonError::into_inner).count(key) {
            // Made outside the lock; two threads may both do it, with the same result.
            let table = KeyTable::new(key).map(Arc::new);
            let mut slot = slot.write().unwrap_or_else(PoisonError::into_inner);
            if slot.key == *key {
                slot.table = table;
            }
        }
        Ok(())
    }

    /// The answer of a table made for this key now; `None` where the key can have none.
    #[cfg(test)]
    pub(crate) fn always(key: &[u8; 32], signature: &Ed25519Signature, message: &[u8]) -> Option<bool> {
        KeyTable::new(key).map(|table| table.verify(signature, key, message).is_ok())
    }

    fn slot(&self, key: &[u8; 32]) -> Option<&RwLock<Slot>> {
        let slots = u64::try_from(self.slots.len()).ok()?;
        let place = self.places.hash_one(key).checked_rem(slots)?;
        self.slots.get(usize::try_from(place).ok()?)
    }
}

impl Slot {
    /// Notes a good signature; whether the key has earned its table with it. (Misra and Gries, 1982: whoever signs more
    /// than half of what falls on this place ends up owning it.)
    fn count(&mut self, key: &[u8; 32]) -> bool {
        if self.key == *key {
            self.good = self.good.saturating_add(1);
            return self.good == OFTEN;
        }
        match self.good.checked_sub(1) {
            Some(fewer) => self.good = fewer,
            None => *self = Self { key: *key, good: 1, table: None },
        }
        false
    }
}

/// Multiples of −A for a public key A of no small order.
struct KeyTable(Box<EdwardsBasepointTable>);

impl KeyTable {
    /// `None` for a key that no signature holds under.
    fn new(key: &[u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(*key).decompress()?;
        (!point.is_small_order()).then(|| Self(Box::new(EdwardsBasepointTable::create(&-point))))
    }

    /// `key` is the encoding that the table was made from: it is hashed as it was given.
    fn verify(&self, signature: &Ed25519Signature, key: &[u8; 32], message: &[u8]) -> Result<(), SignatureError> {
        let (r, s) = signature.as_bytes().split_at(32);
        let s = s.first_chunk().copied().and_then(|s| Option::<Scalar>::from(Scalar::from_canonical_bytes(s)));
        let s = s.ok_or(SignatureError::Invalid)?;
        let challenge = Scalar::from_hash(Sha512::new().chain_update(r).chain_update(key).chain_update(message));
        let expected = &*self.0 * &challenge + ED25519_BASEPOINT_TABLE * &s;
        if signature.has_small_order_commitment() || expected.compress().as_bytes() != r {
            return Err(SignatureError::Invalid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    #[test]
    fn a_key_that_comes_often_gets_a_table_and_keeps_it_against_rarer_ones() {
        let keys = KnownKeys { slots: [RwLock::default()].into(), places: RandomState::new() };
        let [often, rare] = [1, 2].map(|byte| SigningKey::from_bytes(&[byte; 32]));
        let check = |signer: &SigningKey| {
            let signature = Ed25519Signature::new(signer.sign(b"message").to_bytes());
            let key = signer.verifying_key().to_bytes();
            keys.verify(&signature, &key, b"message").unwrap();
            assert_eq!(keys.verify(&signature, &key, b"massage"), Err(SignatureError::Invalid));
            let slot = keys.slots[0].read().unwrap().clone();
            slot.table.map(|_| slot.key)
        };
        for round in 1..=OFTEN {
            assert_eq!(check(&often), (round == OFTEN).then(|| often.verifying_key().to_bytes()));
        }
        for _ in 0..OFTEN - 1 {
            assert_eq!(check(&rare), Some(often.verifying_key().to_bytes()));
        }
        // The place falls to whoever comes more often in the end.
        for _ in 0..OFTEN * 2 {
            check(&rare);
        }
        assert_eq!(check(&rare), Some(rare.verifying_key().to_bytes()));
    }

    #[test]
    fn no_table_is_made_for_what_is_no_key() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(KeyTable::new(&identity).is_none());
        let off_curve = (0..=255).map(|byte| [byte; 32]).find(|key| CompressedEdwardsY(*key).decompress().is_none());
        assert!(KeyTable::new(&off_curve.unwrap()).is_none());
    }
}
