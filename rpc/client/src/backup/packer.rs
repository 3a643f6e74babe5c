//! Puts chunks into open packs and hands full ones on.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use coding::{Encoder, parity_bytes};
use crossbeam_channel::Sender;
use primitives::{ChunkId, Policy};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use seal::frame::{FrameKeys, FrameSealer};
use seal::pack::{FooterKeys, FrameEntry, PackBuilder, PackKind, pack_capacity};

use crate::ClientError;
use crate::buffers::{Pool, Pooled};
use crate::index::{PackNumber, RUN};
use crate::stage::{Encoded, Sealed};

/// Open data packs; which of them takes a chunk is random, so that lengths of chunks cannot be told from packs.
const OPEN: usize = 2;
/// Packs that are encoded and on their way at the same time.
const IN_FLIGHT: usize = 2;
/// Another open pack is used for every so many bytes, so that a small backup does not pad three packs.
const SPREAD: u64 = 8 * 1024 * 1024;

/// What one thread needs to seal and encode.
pub(crate) struct Tools {
    pub(crate) sealer: FrameSealer,
    pub(crate) encoder: Encoder,
    pub(crate) rng: StdRng,
    pub(crate) buffer: Vec<u8>,
}

impl Tools {
    pub(crate) fn new(keys: &FrameKeys) -> Result<Self, ClientError> {
        let failed = ClientError::internal("starting a worker");
        let sealer = FrameSealer::new(keys.clone()).map_err(|error| failed(&error))?;
        Ok(Self { sealer, encoder: Encoder::new(), rng: StdRng::from_os_rng(), buffer: Vec::new() })
    }
}

/// Takes shards: a pack, and which of its shards.
type ShardSender = Sender<(Arc<Encoded>, u8)>;

struct Open {
    number: PackNumber,
    builder: PackBuilder<Pooled>,
}

/// The open packs of a run.
pub(crate) struct Packer {
    /// Policy of data packs.
    policy: Policy,
    /// Policy of tree packs.
    metadata: Policy,
    keys: FooterKeys,
    data: Vec<Mutex<Option<Open>>>,
    tree: Mutex<Option<Open>>,
    packs: Pool,
    parity: Pool,
    next: AtomicU32,
    bytes: AtomicU64,
    /// Where shards go; `None` after the last one.
    out: Mutex<Option<ShardSender>>,
}

impl Packer {
    /// Open packs of a vault with this policy, on a network with so many volumes.
    pub(crate) fn new(policy: Policy, volumes: u64, keys: FooterKeys, out: ShardSender) -> Self {
        let metadata = policy.of_metadata(volumes);
        let capacity = pack_capacity(policy).max(pack_capacity(metadata));
        let parity_len = parity_bytes(policy, capacity).unwrap_or(0);
        // Much parity (2+4, say) makes packs on their way large: fewer of them then.
        let in_flight = if parity_len > capacity { 1 } else { IN_FLIGHT };
        Self {
            policy,
            metadata,
            keys,
            data: (0..OPEN).map(|_| Mutex::default()).collect(),
            tree: Mutex::default(),
            packs: Pool::new(OPEN + 1 + in_flight, capacity),
            parity: Pool::new(in_flight, parity_len),
            next: AtomicU32::new(RUN),
            bytes: AtomicU64::new(0),
            out: Mutex::new(Some(out)),
        }
    }

    /// Seals a chunk into an open pack. The caller owns the claim on the chunk.
    pub(crate) fn store(
        &self,
        tools: &mut Tools,
        kind: PackKind,
        chunk: ChunkId,
        plain: &[u8],
    ) -> Result<(PackNumber, FrameEntry), ClientError> {
        loop {
            let slot = match kind {
                PackKind::Tree => &self.tree,
                PackKind::Data => self.choose(tools, plain.len()),
            };
            let mut guard = slot.lock().expect("no thread panics while it holds a pack");
            if guard.as_ref().is_some_and(|open| !open.builder.has_room(plain.len())) {
                let full = guard.take();
                drop(guard);
                if let Some(full) = full {
                    self.close(tools, full)?;
                }
                continue;
            }
            let open = match guard.as_mut() {
                Some(open) => open,
                None => guard.insert(self.open(kind)?),
            };
            let stored = open.builder.push(&mut tools.sealer, chunk, plain, &mut tools.rng);
            let entry = stored.map_err(|error| ClientError::internal("sealing a chunk")(&error))?;
            self.bytes.fetch_add(u64::from(entry.len), Ordering::Relaxed);
            return Ok((open.number, entry));
        }
    }

    /// A random open pack, preferring one that is free and has room.
    fn choose(&self, tools: &mut Tools, plain_len: usize) -> &Mutex<Option<Open>> {
        let more = usize::try_from(self.bytes.load(Ordering::Relaxed) / SPREAD).unwrap_or(OPEN);
        let active = (more + 1).min(OPEN);
        let start = tools.rng.random_range(0..active);
        for step in 0..active {
            let slot = &self.data[(start + step) % active];
            if let Ok(guard) = slot.try_lock()
                && guard.as_ref().is_none_or(|open| open.builder.has_room(plain_len))
            {
                return slot;
            }
        }
        &self.data[start]
    }

    /// Policy of directories, lists and manifests.
    pub(crate) const fn metadata(&self) -> Policy {
        self.metadata
    }

    const fn policy_of(&self, kind: PackKind) -> Policy {
        match kind {
            PackKind::Data => self.policy,
            PackKind::Tree => self.metadata,
        }
    }

    fn open(&self, kind: PackKind) -> Result<Open, ClientError> {
        let builder = PackBuilder::new(kind, self.policy_of(kind), self.packs.take());
        let builder = builder.map_err(|error| ClientError::internal("opening a pack")(&error))?;
        Ok(Open { number: self.next.fetch_add(1, Ordering::Relaxed), builder })
    }

    fn close(&self, tools: &mut Tools, open: Open) -> Result<(), ClientError> {
        let pack = open.builder.finish(&self.keys, &mut tools.rng);
        let pack = pack.map_err(|error| ClientError::internal("sealing a pack")(&error))?;
        let policy = self.policy_of(pack.kind());
        let encoded = Sealed { number: open.number, pack }.encode(policy, &mut tools.encoder, &self.parity)?;
        let out = self.out.lock().expect("no thread panics while it holds the channel").clone();
        let (out, pack) = (out.ok_or(ClientError::Cancelled)?, Arc::new(encoded));
        let last = pack.width() - 1;
        for index in 0..last {
            out.send((Arc::clone(&pack), index)).map_err(|_| ClientError::Cancelled)?;
        }
        // This reference too: the last sender to let go goes on with the pack.
        out.send((pack, last)).map_err(|_| ClientError::Cancelled)
    }

    /// No pack follows: whoever sends shards may end.
    pub(crate) fn end(&self) {
        self.out.lock().expect("no thread panics while it holds the channel").take();
    }

    /// Closes open packs until none is left; several threads may do so together.
    pub(crate) fn flush(&self, tools: &mut Tools) -> Result<(), ClientError> {
        for slot in self.data.iter().chain([&self.tree]) {
            let open = slot.lock().expect("no thread panics while it holds a pack").take();
            if let Some(open) = open
                && !open.builder.is_empty()
            {
                self.close(tools, open)?;
            }
        }
        Ok(())
    }
}
