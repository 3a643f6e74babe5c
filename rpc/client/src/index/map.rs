//! Which chunk is where.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use primitives::ChunkId;
use seal::pack::FrameEntry;

/// Number of a pack in the index; from [`RUN`] on: of a pack that this run fills and that has no number yet.
pub(crate) type PackNumber = u32;

/// First number of packs that are not recorded yet.
pub(crate) const RUN: PackNumber = 1 << 31;

const PENDING: PackNumber = u32::MAX;
const SHARDS: usize = 64;

/// Where a chunk's frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) pack: PackNumber,
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) plain_len: u32,
}

/// Whether a chunk must be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is in this pack, or another thread puts it there.
    Known(PackNumber),
    /// The caller has to store it and then call [`ChunkMap::stored`].
    Mine,
}

/// Chunk ids are keyed hashes: their first bytes are as good as any hash of them.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
    fn write_usize(&mut self, _: usize) {}
    fn finish(&self) -> u64 {
        self.0
    }
}

type Shard = HashMap<ChunkId, Location, BuildHasherDefault<IdHasher>>;

/// All chunks of a vault, in 64 parts with a lock each. About 60 bytes a chunk.
pub(crate) struct ChunkMap {
    shards: Vec<Mutex<Shard>>,
    chunks: AtomicUsize,
    /// Packs that a chunk is only sought in when no other has it.
    last: HashSet<PackNumber>,
}

impl ChunkMap {
    pub(crate) fn new(last: HashSet<PackNumber>) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), chunks: AtomicUsize::new(0), last }
    }

    fn shard(&self, id: &ChunkId) -> std::sync::MutexGuard<'_, Shard> {
        // Not one of the bytes that the map inside hashes by.
        let part = usize::from(id.as_bytes()[31]) % SHARDS;
        self.shards[part].lock().expect("no thread panics while it holds the map")
    }

    pub(crate) fn insert(&self, pack: PackNumber, entry: &FrameEntry) {
        let location = Location { pack, offset: entry.offset, len: entry.len, plain_len: entry.plain_len };
        match self.shard(&entry.chunk).entry(entry.chunk) {
            std::collections::hash_map::Entry::Occupied(mut found) => {
                if !self.last.contains(&pack) {
                    found.insert(location);
                }
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(location);
                self.chunks.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn get(&self, id: &ChunkId) -> Option<Location> {
        self.shard(id).get(id).copied()
    }

    /// Forgets the chunks of these packs.
    pub(crate) fn forget(&self, packs: &HashSet<PackNumber>) {
        if packs.is_empty() {
            return;
        }
        for shard in &self.shards {
            let mut shard = shard.lock().expect("no thread panics while it holds the map");
            shard.retain(|_, location| !packs.contains(&location.pack));
        }
    }

    /// Takes a chunk for the calling thread, unless it is known; waits for another thread that is storing it just now.
    pub(crate) fn claim(&self, id: &ChunkId) -> Claim {
        loop {
            match self.shard(id).entry(*id) {
                std::collections::hash_map::Entry::Occupied(found) => {
                    if found.get().pack != PENDING {
                        return Claim::Known(found.get().pack);
                    }
                }
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(Location { pack: PENDING, offset: 0, len: 0, plain_len: 0 });
                    return Claim::Mine;
                }
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Says where a claimed chunk was stored.
    pub(crate) fn stored(&self, pack: PackNumber, entry: &FrameEntry) {
        self.insert(pack, entry);
    }

    /// Gives a claim back that could not be kept.
    pub(crate) fn abandon(&self, id: &ChunkId) {
        self.shard(id).remove(id);
    }
}
