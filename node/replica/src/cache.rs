//! Group hashes of recently read shards.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use primitives::ShardId;

use crate::groups::GroupHashes;

/// Most memory for group hashes, bytes: those of 32 GiB of shards.
const WEIGHT_MAX: usize = 64 << 20;

/// A cache that forgets what was not asked for since its last turn (second chance). Group hashes are facts about a
/// shard id, never about a file, so nothing makes an entry wrong.
#[derive(Debug, Default)]
pub(crate) struct GroupCache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<ShardId, (Arc<GroupHashes>, bool)>,
    turns: VecDeque<ShardId>,
    weight: usize,
}

impl GroupCache {
    pub(crate) fn get(&self, shard: &ShardId) -> Option<Arc<GroupHashes>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (hashes, asked) = inner.entries.get_mut(shard)?;
        *asked = true;
        Some(hashes.clone())
    }

    pub(crate) fn insert(&self, shard: ShardId, hashes: Arc<GroupHashes>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = hashes.weight();
        if inner.entries.insert(shard, (hashes, false)).is_none() {
            inner.turns.push_back(shard);
            inner.weight += weight;
        }
        while inner.weight > WEIGHT_MAX {
            let Some(oldest) = inner.turns.pop_front() else { break };
            let asked = inner.entries.get_mut(&oldest).is_some_and(|(_, asked)| std::mem::take(asked));
            if asked {
                inner.turns.push_back(oldest);
            } else if let Some((hashes, _)) = inner.entries.remove(&oldest) {
                inner.weight -= hashes.weight();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_asked_for_stays() {
        let bytes = vec![1u8; 1 << 20];
        let (id, outboard) = coding::range::outboard(&bytes);
        let hashes = Arc::new(GroupHashes::from_outboard(&id, 1 << 20, &outboard).unwrap());
        let cache = GroupCache::default();
        let name = |i: u32| ShardId::of(&i.to_le_bytes());
        let fits = u32::try_from(WEIGHT_MAX / hashes.weight()).unwrap();
        for i in 0..fits * 2 {
            cache.insert(name(i), hashes.clone());
            assert!(cache.get(&name(0)).is_some(), "asked for every time, lost at {i}");
        }
        let inner = cache.0.lock().unwrap();
        assert!(inner.weight <= WEIGHT_MAX);
        assert_eq!(inner.entries.len(), inner.turns.len());
    }
}
