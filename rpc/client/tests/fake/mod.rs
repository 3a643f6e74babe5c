//! A node in memory, with the ledger's rules as far as a client meets them, and with faults on demand.

#![allow(unreachable_pub, reason = "each test file is a crate of its own")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a mock of small sizes, whose surprises should end the test"
)]

mod tree;
pub mod world;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use client::{NetworkInfo, Node, NodeError, Page, ShardPart, ShardPlace};
use ed25519_dalek::{Signer, SigningKey};
use primitives::ledger::{
    Applied, Command, Holder, ObjectRecord, PackRecord, Refusal, SignedCommand, SnapshotRecord, Speaker, VaultRecord,
};
use primitives::{
    Address, ChainId, CommitmentHash, Ed25519Signature, Hash32, NetworkId, NodeKey, ObjectKey, PackId, ShardAck,
    ShardId, VaultId, VolumeId,
};
#[allow(unused_imports, reason = "each test file uses some")]
pub use tree::{Seen, descend, short, tree_of, tree_of_incomplete};

type Hook = Box<dyn Fn() + Send>;

/// A node in memory.
pub struct FakeNode {
    key: SigningKey,
    state: Mutex<State>,
    /// Bytes of shards taken so far.
    pub put_bytes: AtomicU64,
    /// Bytes of shards served so far.
    pub got_bytes: AtomicU64,
    /// From now on so many PUTs work; then none.
    pub puts_left: AtomicUsize,
    /// Called when a snapshot has been recorded.
    after_snapshot: Mutex<Hook>,
    /// Shards that do not come before a caller's patience runs out.
    pub slow: Mutex<HashSet<ShardId>>,
    /// Reads that ended for want of patience.
    pub slow_reads: AtomicU64,
    /// Answers `NotNow` so many times before every kind of request works.
    pub hiccups: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// Shard, and the indices (volumes) that hold it.
    shards: HashMap<ShardId, HeldShard>,
    vaults: BTreeMap<VaultId, VaultRecord>,
    packs: HashMap<PackId, PackRecord>,
    order: HashMap<VaultId, Vec<PackId>>,
    snapshots: BTreeMap<(VaultId, u64), SnapshotRecord>,
    objects: BTreeMap<(VaultId, ObjectKey), ObjectRecord>,
}

/// A pack that is lost, and its shards.
pub struct Gone {
    whole: PackRecord,
    shards: Vec<(ShardId, HeldShard)>,
}

/// Its bytes, and the indices under which it is held.
type HeldShard = (Vec<u8>, HashSet<u8>);

pub const NETWORK: NetworkId = NetworkId::new([7; 32]);

impl Default for FakeNode {
    fn default() -> Self {
        Self {
            key: SigningKey::from_bytes(&[5; 32]),
            state: Mutex::default(),
            put_bytes: AtomicU64::new(0),
            got_bytes: AtomicU64::new(0),
            puts_left: AtomicUsize::new(usize::MAX),
            after_snapshot: Mutex::new(Box::new(|| ())),
            slow: Mutex::default(),
            slow_reads: AtomicU64::new(0),
            hiccups: AtomicUsize::new(0),
        }
    }
}

#[allow(dead_code, reason = "each test file uses some")]
impl FakeNode {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// All shards at these indices of all erasure packs are gone.
    pub fn lose_volumes(&self, lost: &[u8]) {
        let mut state = self.state();
        let packs: Vec<PackRecord> = state.packs.values().cloned().collect();
        for pack in packs {
            for index in lost {
                let Some(id) = pack.header.shards.get(usize::from(*index)) else { continue };
                let empty = state.shards.get_mut(id).is_some_and(|(_, holders)| {
                    holders.remove(index);
                    holders.is_empty()
                });
                if empty {
                    state.shards.remove(id);
                }
            }
        }
    }

    /// From now on the shards at these indices of all erasure packs come only to those who wait long.
    pub fn slow_volumes(&self, indices: &[u8]) {
        let state = self.state();
        let erasure = state.packs.values().filter(|pack| !pack.header.policy.is_copies());
        let slow = erasure.flat_map(|pack| indices.iter().map(|index| pack.header.shards[usize::from(*index)]));
        self.slow.lock().unwrap().extend(slow);
    }

    /// One byte in every so many of the shards at this index is flipped.
    pub fn rot(&self, index: u8, every: usize) {
        let mut state = self.state();
        let erasure = state.packs.values().filter(|pack| !pack.header.policy.is_copies());
        let ids: Vec<ShardId> =
            erasure.filter_map(|pack| pack.header.shards.get(usize::from(index)).copied()).collect();
        for id in ids {
            if let Some((bytes, _)) = state.shards.get_mut(&id) {
                bytes.iter_mut().step_by(every).for_each(|byte| *byte ^= 1);
            }
        }
    }

    /// Every shard of this pack is gone; what it takes to have it back.
    pub fn lose_pack(&self, pack: &PackId) -> Gone {
        let mut state = self.state();
        let record = state.packs.get_mut(pack).unwrap();
        let whole = record.clone();
        record.holders.clear();
        let shards = whole.header.shards.iter().filter_map(|id| state.shards.remove(id).map(|shard| (*id, shard)));
        Gone { shards: shards.collect(), whole }
    }

    /// A pack that was lost is there again.
    pub fn bring_back(&self, gone: Gone) {
        let mut state = self.state();
        state.shards.extend(gone.shards);
        state.packs.insert(gone.whole.header.id(), gone.whole);
    }

    pub fn packs_of(&self, vault: &VaultId) -> Vec<PackRecord> {
        let state = self.state();
        state.order.get(vault).into_iter().flatten().map(|id| state.packs[id].clone()).collect()
    }

    /// All bytes that the node holds, for looking for what must not be there.
    pub fn everything(&self) -> Vec<u8> {
        let state = self.state();
        let mut all: Vec<u8> = state.shards.values().flat_map(|(bytes, _)| bytes.clone()).collect();
        all.extend(state.vaults.values().flat_map(|vault| vault.sealed.clone()));
        all.extend(state.objects.values().flat_map(|object| object.sealed.clone()));
        all
    }

    /// Does this whenever a snapshot has been recorded.
    pub fn on_snapshot(&self, hook: impl Fn() + Send + 'static) {
        *self.after_snapshot.lock().unwrap() = Box::new(hook);
    }

    /// Forgets everything, as another network's node under the same address would.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    fn hiccup(&self) -> Result<(), NodeError> {
        let left = self.hiccups.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err(NodeError::NotNow { what: "anything".to_owned(), reason: "a hiccup".to_owned() }),
            Err(_) => Ok(()),
        }
    }

    fn apply(state: &mut State, signed: &SignedCommand) -> Result<Applied, Refusal> {
        let Ok(Speaker::Account(account)) = signed.speaker(&NETWORK) else { return Err(Refusal::BadSignature) };
        let owned = |state: &State, vault: &VaultId| match state.vaults.get(vault) {
            None => Err(Refusal::UnknownVault { vault: *vault }),
            Some(record) if record.terms.owner != account => Err(Refusal::NotAllowed { needs: "the owner".to_owned() }),
            Some(_) => Ok(()),
        };
        match &signed.command {
            Command::VaultRegister { terms, sealed, consent } => {
                assert_eq!(consent.recover(&terms.consent_hash(&NETWORK)).unwrap(), terms.owner);
                let record = VaultRecord {
                    terms: terms.clone(),
                    sealed: sealed.clone(),
                    consent: *consent,
                    head_seq: 0,
                    head: CommitmentHash::ZERO,
                    on_chain: None,
                    packs: 0,
                    stored_bytes: 0,
                };
                state.vaults.entry(terms.vault()).or_insert(record);
                Ok(Applied::Done)
            }
            Command::PackCommit { vault, header, acks } => {
                owned(state, vault)?;
                header.check().unwrap();
                for ack in acks {
                    ack.verify(&NETWORK).unwrap();
                    assert_eq!((ack.pack, ack.shard), (header.id(), header.shards[usize::from(ack.index)]));
                }
                if acks.len() < usize::from(header.policy.data_shards()) {
                    let found = u8::try_from(acks.len()).unwrap();
                    return Err(Refusal::TooFewHolders { found, needed: header.policy.data_shards() });
                }
                let id = header.id();
                let holders: Vec<Holder> =
                    acks.iter().map(|ack| Holder { index: ack.index, node: ack.node, volume: ack.volume }).collect();
                let degraded = holders.len() < usize::from(header.policy.write_quorum());
                let record = PackRecord { vault: *vault, header: header.clone(), holders, references: 0 };
                if state.packs.insert(id, record).is_none() {
                    state.order.entry(*vault).or_default().push(id);
                    let record = state.vaults.get_mut(vault).unwrap();
                    record.packs += 1;
                    record.stored_bytes += header.stored_bytes();
                }
                Ok(Applied::Pack { pack: id, degraded })
            }
            Command::ObjectCommit { vault, key, version, sealed, packs } => {
                owned(state, vault)?;
                let expected = state.objects.get(&(*vault, *key)).map_or(1, |object| object.version + 1);
                if *version != expected {
                    return Err(Refusal::Sequence { expected, found: *version });
                }
                if let Some(pack) = packs.iter().find(|pack| !state.packs.contains_key(*pack)) {
                    return Err(Refusal::UnknownPack { pack: *pack });
                }
                let record =
                    ObjectRecord { key: *key, version: *version, sealed: sealed.clone(), packs: packs.clone() };
                state.objects.insert((*vault, *key), record);
                Ok(Applied::Done)
            }
            Command::SnapshotCommit { commitment, packs, manifest_pack } => {
                owned(state, &commitment.vault)?;
                let record = &state.vaults[&commitment.vault];
                if commitment.seq != record.head_seq + 1 {
                    return Err(Refusal::Sequence { expected: record.head_seq + 1, found: commitment.seq });
                }
                if commitment.prev != record.head {
                    return Err(Refusal::Prev { expected: record.head, found: commitment.prev });
                }
                assert!(packs.is_sorted() && merkle::tree::root(packs) == commitment.packs_root);
                for pack in packs.iter().chain([manifest_pack]) {
                    if !state.packs.contains_key(pack) {
                        return Err(Refusal::UnknownPack { pack: *pack });
                    }
                }
                let record = state.vaults.get_mut(&commitment.vault).unwrap();
                (record.head_seq, record.head) = (commitment.seq, commitment.hash());
                let snapshot = SnapshotRecord {
                    commitment: commitment.clone(),
                    packs: packs.clone(),
                    manifest_pack: *manifest_pack,
                    finality: None,
                };
                state.snapshots.insert((commitment.vault, commitment.seq), snapshot);
                Ok(Applied::Snapshot { commitment: commitment.hash() })
            }
            other => panic!("a client does not send {other:?}"),
        }
    }
}

fn page<T: Clone>(all: &[T], cursor: Option<&[u8]>, limit: u32) -> Page<T> {
    let start = cursor.map_or(0, |cursor| u64::from_le_bytes(cursor.try_into().unwrap()) as usize);
    let end = (start + limit as usize).min(all.len());
    let next = (end < all.len()).then(|| (end as u64).to_le_bytes().to_vec());
    Page { items: all[start..end].to_vec(), next }
}

impl Node for FakeNode {
    fn network(&self) -> Result<NetworkInfo, NodeError> {
        Ok(NetworkInfo {
            name: "fake".to_owned(),
            network: NETWORK,
            chain_id: ChainId::new(1337),
            cluster: Hash32::new([9; 32]),
        })
    }

    fn put_shard(&self, place: &ShardPlace, bytes: &[u8]) -> Result<ShardAck, NodeError> {
        self.hiccup()?;
        let left = self.puts_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(NodeError::Refused { what: "store".to_owned(), reason: "the disk is full".to_owned() });
        }
        let ShardPlace { pack, index, width, shard } = place;
        assert!(index < width);
        assert!(bytes.len().is_multiple_of(4096), "{} bytes", bytes.len());
        assert_eq!(ShardId::of(bytes), *shard);
        self.put_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.state().shards.entry(*shard).or_insert_with(|| (bytes.to_vec(), HashSet::new())).1.insert(*index);
        let (node, volume) = (NodeKey::new(self.key.verifying_key().to_bytes()), VolumeId(u16::from(*index)));
        let hash = ShardAck::sign_hash(&NETWORK, pack, *index, shard, &node, volume);
        let signature = Ed25519Signature::new(self.key.sign(hash.as_ref()).to_bytes());
        Ok(ShardAck { pack: *pack, index: *index, shard: *shard, node, volume, signature })
    }

    fn get_shard(&self, part: &ShardPart, target: &mut [u8]) -> Result<(), NodeError> {
        let ShardPart { shard, range, patience } = part;
        if let Some(patience) = patience.filter(|_| self.slow.lock().unwrap().contains(shard)) {
            let waited_ms = u64::try_from(patience.as_millis()).unwrap();
            self.slow_reads.fetch_add(1, Ordering::Relaxed);
            return Err(NodeError::Slow { what: format!("serve shard {shard}"), waited_ms });
        }
        let state = self.state();
        let Some((bytes, _)) = state.shards.get(shard) else {
            return Err(NodeError::NotFound { what: format!("shard {shard}") });
        };
        target.copy_from_slice(&bytes[range.start as usize..range.end as usize]);
        self.got_bytes.fetch_add(range.end - range.start, Ordering::Relaxed);
        Ok(())
    }

    fn submit(&self, commands: &[SignedCommand]) -> Result<Vec<Result<Applied, Refusal>>, NodeError> {
        self.hiccup()?;
        let mut state = self.state();
        let outcomes = commands.iter().map(|command| Self::apply(&mut state, command)).collect();
        if commands.iter().any(|signed| matches!(signed.command, Command::SnapshotCommit { .. })) {
            (self.after_snapshot.lock().unwrap())();
        }
        Ok(outcomes)
    }

    fn vault(&self, vault: &VaultId) -> Result<Option<VaultRecord>, NodeError> {
        Ok(self.state().vaults.get(vault).cloned())
    }

    fn vaults_of(&self, owner: &Address) -> Result<Vec<VaultRecord>, NodeError> {
        Ok(self.state().vaults.values().filter(|record| record.terms.owner == *owner).cloned().collect())
    }

    fn packs(&self, packs: &[PackId]) -> Result<Vec<Option<PackRecord>>, NodeError> {
        let state = self.state();
        Ok(packs.iter().map(|id| state.packs.get(id).cloned()).collect())
    }

    fn pack_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<PackRecord>, NodeError> {
        Ok(page(&self.packs_of(vault), cursor, limit.min(3)))
    }

    fn degraded_packs(&self) -> Result<u64, NodeError> {
        Ok(self.state().packs.values().filter(|pack| pack.is_degraded()).count() as u64)
    }

    fn volumes(&self) -> Result<u64, NodeError> {
        Ok(6)
    }

    fn snapshot(&self, vault: &VaultId, seq: Option<u64>) -> Result<Option<SnapshotRecord>, NodeError> {
        let state = self.state();
        let seq = seq.unwrap_or_else(|| state.vaults.get(vault).map_or(0, |record| record.head_seq));
        Ok(state.snapshots.get(&(*vault, seq)).cloned())
    }

    fn snapshot_page(
        &self,
        vault: &VaultId,
        cursor: Option<&[u8]>,
        limit: u32,
    ) -> Result<Page<SnapshotRecord>, NodeError> {
        let state = self.state();
        let all: Vec<_> = state.snapshots.range((*vault, 0)..=(*vault, u64::MAX)).map(|(_, it)| it.clone()).collect();
        Ok(page(&all, cursor, limit.min(2)))
    }

    fn object(&self, vault: &VaultId, key: &ObjectKey) -> Result<Option<ObjectRecord>, NodeError> {
        Ok(self.state().objects.get(&(*vault, *key)).cloned())
    }

    fn object_page(&self, vault: &VaultId, cursor: Option<&[u8]>, limit: u32) -> Result<Page<ObjectRecord>, NodeError> {
        let state = self.state();
        let all: Vec<_> = state.objects.values().filter(|_| true).cloned().collect();
        let _ = vault;
        Ok(page(&all, cursor, limit.min(2)))
    }

    fn receipt(&self, _: &CommitmentHash) -> Result<Option<String>, NodeError> {
        Ok(None)
    }
}
