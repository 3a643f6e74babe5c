//! A ledger in memory, packs to store, and a node on a temporary directory.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use primitives::ledger::{Holder, PackRecord, VolumeInfo};
use primitives::{NetworkId, PackHeader, PackId, Policy, ShardAck, ShardId, VaultId, VolumeId};
use replica::{Directory, DirectoryError, Replica, ReplicaConfig, ReplicaError};
use store::{Store, StoreConfig, Volume, VolumeError};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) const NETWORK: NetworkId = NetworkId::new([9; 32]);

/// The ledger's part: applies acks and losses by the ledger's rules, and can be out of reach.
#[derive(Default)]
pub(crate) struct MemoryDirectory {
    pub(crate) packs: Mutex<BTreeMap<PackId, PackRecord>>,
    pub(crate) volumes: Mutex<Vec<VolumeInfo>>,
    pub(crate) down: AtomicBool,
    /// Asking it for degraded packs panics.
    pub(crate) panics: AtomicBool,
    pub(crate) lost_calls: AtomicUsize,
    /// While it is stalled, the ledger still says so often whether a shard is needed.
    pub(crate) answers_left: AtomicUsize,
    /// Somebody waits for that answer.
    pub(crate) waiting: AtomicBool,
    // Whether losses are taken but not answered, and those that were.
    stalled: watch::Sender<bool>,
    unanswered: Mutex<Vec<(PackId, u8, VolumeId)>>,
}

impl MemoryDirectory {
    fn up(&self) -> Result<(), DirectoryError> {
        if self.down.load(Ordering::SeqCst) { Err(DirectoryError::new("no leader")) } else { Ok(()) }
    }

    pub(crate) fn record(&self, pack: &PackId) -> PackRecord {
        self.packs.lock().unwrap()[pack].clone()
    }

    pub(crate) fn is_whole(&self, pack: &PackId) -> bool {
        !self.record(pack).is_degraded()
    }

    /// From now on losses are taken and not answered, and shards are said to be needed only [`Self::answers_left`] times.
    pub(crate) fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Losses that were taken since [`Self::stall`].
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.lock().unwrap().len()
    }

    /// Applies the losses that were taken, also those that nobody waits for any more, and answers again.
    pub(crate) fn go_on(&self) {
        for (pack, index, volume) in std::mem::take(&mut *self.unanswered.lock().unwrap()) {
            self.take_off(pack, index, volume).unwrap();
        }
        self.stalled.send_replace(false);
    }

    fn take_off(&self, pack: PackId, index: u8, volume: VolumeId) -> Result<(), DirectoryError> {
        let mut packs = self.packs.lock().unwrap();
        let record = packs.get_mut(&pack).ok_or_else(|| DirectoryError::new("unknown pack"))?;
        record.holders.retain(|holder| (holder.index, holder.volume) != (index, volume));
        Ok(())
    }

    pub(crate) fn announced(&self) -> Vec<u16> {
        self.volumes.lock().unwrap().iter().map(|info| info.volume.0).collect()
    }
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn packs(&self, after: Option<PackId>, limit: usize) -> Result<Vec<(PackId, PackRecord)>, DirectoryError> {
        self.up()?;
        let packs = self.packs.lock().unwrap();
        let behind = packs.iter().filter(|(pack, _)| after.is_none_or(|after| **pack > after));
        Ok(behind.take(limit).map(|(pack, record)| (*pack, record.clone())).collect())
    }

    async fn pack(&self, pack: &PackId) -> Result<Option<PackRecord>, DirectoryError> {
        self.up()?;
        Ok(self.packs.lock().unwrap().get(pack).cloned())
    }

    async fn degraded(&self) -> Result<u64, DirectoryError> {
        self.up()?;
        assert!(!self.panics.load(Ordering::SeqCst), "the directory broke its word");
        let packs = self.packs.lock().unwrap();
        Ok(u64::try_from(packs.values().filter(|record| record.is_degraded()).count()).unwrap())
    }

    async fn recorded(&self) -> Result<u64, DirectoryError> {
        self.up()?;
        Ok(u64::try_from(self.packs.lock().unwrap().len()).unwrap())
    }

    async fn needed(&self, shard: &ShardId, besides: Option<PackId>) -> Result<bool, DirectoryError> {
        self.up()?;
        let has_answer = |left: usize| left.checked_sub(1);
        if *self.stalled.borrow()
            && self.answers_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, has_answer).is_err()
        {
            self.waiting.store(true, Ordering::SeqCst);
            self.stalled.subscribe().wait_for(|stalled| !stalled).await.map_err(DirectoryError::new)?;
        }
        let packs = self.packs.lock().unwrap();
        Ok(packs.iter().any(|(pack, record)| Some(*pack) != besides && record.header.shards.contains(shard)))
    }

    async fn held(&self, ack: ShardAck) -> Result<(), DirectoryError> {
        self.up()?;
        ack.verify(&NETWORK).map_err(DirectoryError::new)?;
        let mut packs = self.packs.lock().unwrap();
        let record = packs.get_mut(&ack.pack).ok_or_else(|| DirectoryError::new("unknown pack"))?;
        let holder = Holder { index: ack.index, node: ack.node, volume: ack.volume };
        assert_eq!(record.header.shards[usize::from(ack.index)], ack.shard);
        assert!(record.holders.iter().all(|other| other.index != ack.index || *other == holder), "one holder an index");
        let twin = |other: &Holder| other.volume == ack.volume && other.index != ack.index;
        assert!(
            !record.header.policy.is_copies() || !record.holders.iter().any(twin),
            "two copies on one volume are one copy"
        );
        if !record.holders.contains(&holder) {
            record.holders.push(holder);
            record.holders.sort_unstable();
        }
        Ok(())
    }

    async fn lost(&self, pack: PackId, index: u8, volume: VolumeId) -> Result<(), DirectoryError> {
        self.up()?;
        self.lost_calls.fetch_add(1, Ordering::SeqCst);
        if *self.stalled.borrow() {
            self.unanswered.lock().unwrap().push((pack, index, volume));
            let answered = self.stalled.subscribe().wait_for(|stalled| !stalled).await.map(drop);
            return answered.map_err(DirectoryError::new);
        }
        self.take_off(pack, index, volume)
    }

    async fn announce(&self, volumes: Vec<VolumeInfo>) -> Result<(), DirectoryError> {
        self.up()?;
        assert!(volumes.is_sorted_by_key(|info| info.volume));
        *self.volumes.lock().unwrap() = volumes;
        Ok(())
    }
}

/// A pack and all its shards.
#[derive(Clone)]
pub(crate) struct Pack {
    pub(crate) id: PackId,
    pub(crate) header: PackHeader,
    pub(crate) shards: Vec<Bytes>,
}

/// A pack of this policy whose shards have `shard_len` bytes, different for every seed.
pub(crate) fn pack(policy: Policy, shard_len: usize, seed: u64) -> Pack {
    let mut bytes = vec![0; shard_len * usize::from(policy.data_shards())];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let parity = coding::encode(policy, &bytes).unwrap();
    let shards = coding::Shards::new(policy, &bytes, &parity).unwrap();
    let header = shards.header();
    Pack { id: header.id(), header, shards: shards.iter().map(Bytes::copy_from_slice).collect() }
}

/// That many different packs of the usual policy.
pub(crate) fn packs(count: u64, shard_len: usize) -> Vec<Pack> {
    (0..count).map(|seed| pack(Policy::ERASURE, shard_len, seed)).collect()
}

/// A node's replica on a directory, and its ledger.
pub(crate) struct Node {
    pub(crate) root: PathBuf,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) config: ReplicaConfig,
    cancel: CancellationToken,
    // Removed with the node.
    temporary: Option<TempDir>,
}

impl Node {
    /// Not yet running, with `volumes` volumes `v0`, `v1`, ... in a temporary directory.
    pub(crate) fn new(volumes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Self::at(dir.path(), volumes);
        node.temporary = Some(dir);
        node
    }

    /// Running.
    pub(crate) async fn running(volumes: usize) -> (Self, Replica) {
        let mut node = Self::new(volumes);
        let replica = node.start().await;
        (node, replica)
    }

    /// Running on six volumes, with so many packs recorded.
    pub(crate) async fn with_packs(count: u64, shard_len: usize) -> (Self, Replica, Vec<Pack>) {
        let (node, replica) = Self::running(6).await;
        let packs = packs(count, shard_len);
        for pack in &packs {
            node.store(&replica, pack).await;
        }
        (node, replica, packs)
    }

    /// Not yet running, under `root`, which outlives the node.
    pub(crate) fn at(root: &Path, volumes: usize) -> Self {
        // With RUST_LOG=replica=debug a failing test tells its story.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let volumes = (0..volumes).map(|i| root.join(format!("v{i}"))).collect();
        let config = ReplicaConfig {
            volumes,
            check_interval: Duration::from_millis(100),
            confirm_loss: Duration::from_millis(50),
            // Full disks are tested on disks of their own; the machine's own may be nearly full.
            full_permille: 1000,
            repair_full_permille: 1000,
            ..ReplicaConfig::default()
        };
        let cancel = CancellationToken::new();
        Self { root: root.to_owned(), directory: Arc::default(), config, cancel, temporary: None }
    }

    pub(crate) async fn try_start(&mut self) -> Result<Replica, ReplicaError> {
        let store = Store::open(&self.root.join("db"), StoreConfig::default()).unwrap();
        self.cancel = CancellationToken::new();
        let key = SigningKey::from_bytes(&[5; 32]);
        let directory = self.directory.clone();
        replica::start(self.config.clone(), NETWORK, key, store, directory, self.cancel.clone()).await
    }

    pub(crate) async fn start(&mut self) -> Replica {
        self.try_start().await.unwrap()
    }

    /// Stops the node, of which this must be the last handle.
    pub(crate) async fn stop(&self, replica: Replica) {
        self.cancel.cancel();
        replica.stopped().await.unwrap();
        drop(replica);
        // Disk work that was under way lets go of them a moment after the tasks have ended.
        let in_use = |path: &PathBuf| matches!(Volume::open(path), Err(VolumeError::InUse { .. }));
        eventually("database and volumes are free", || {
            let store = Store::open(&self.root.join("db"), StoreConfig::default());
            store.is_ok() && !self.config.volumes.iter().any(in_use)
        })
        .await;
    }

    /// Stops the node and starts it again.
    pub(crate) async fn restart(&mut self, replica: Replica) -> Replica {
        self.stop(replica).await;
        self.start().await
    }

    /// A volume is gone at once, also while the node writes to it.
    pub(crate) fn lose_volume(&self, volume: usize) {
        self.unplug(volume);
        // What the node writes at that moment still finds the directory.
        while let Err(error) = std::fs::remove_dir_all(self.unplugged(volume)) {
            assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty);
        }
    }

    /// As [`Self::lose_volume`], and it can come back.
    pub(crate) fn unplug(&self, volume: usize) {
        std::fs::rename(self.volume_path(volume), self.unplugged(volume)).unwrap();
    }

    /// The volume that was unplugged is there again, as it was.
    pub(crate) fn plug_in(&self, volume: usize) {
        std::fs::rename(self.unplugged(volume), self.volume_path(volume)).unwrap();
    }

    fn unplugged(&self, volume: usize) -> PathBuf {
        self.volume_path(volume).with_extension("unplugged")
    }

    pub(crate) fn volume_path(&self, volume: usize) -> PathBuf {
        self.root.join(format!("v{volume}"))
    }

    /// Puts all shards of a pack and records it in the ledger, as a client does.
    pub(crate) async fn store(&self, replica: &Replica, pack: &Pack) -> Vec<ShardAck> {
        let mut acks = Vec::new();
        for (index, shard) in (0u8..).zip(&pack.header.shards) {
            let bytes = pack.shards[usize::from(index)].clone();
            match replica.put(pack.id, index, pack.header.policy.width(), *shard, bytes).await {
                Ok(ack) => {
                    ack.verify(&NETWORK).unwrap();
                    acks.push(ack);
                }
                Err(ReplicaError::NoVolume { .. } | ReplicaError::NoPlace { .. } | ReplicaError::Full { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.commit(pack, &acks);
        acks
    }

    pub(crate) fn commit(&self, pack: &Pack, acks: &[ShardAck]) {
        let holders = acks.iter().map(|ack| Holder { index: ack.index, node: ack.node, volume: ack.volume });
        let record =
            PackRecord { vault: VaultId::ZERO, header: pack.header.clone(), holders: holders.collect(), references: 1 };
        self.directory.packs.lock().unwrap().insert(pack.id, record);
    }

    /// The shard's file on this volume.
    pub(crate) fn file(&self, volume: VolumeId, shard: &ShardId) -> PathBuf {
        let name = shard.to_string();
        self.volume_path(usize::from(volume.0)).join("shards").join(&name[..2]).join(name)
    }

    /// The volume of a pack's shard, by the ledger.
    pub(crate) fn volume_of(&self, pack: &PackId, index: u8) -> VolumeId {
        self.volume_of_if(pack, index).unwrap()
    }

    /// As [`Self::volume_of`]; `None` while it has none.
    pub(crate) fn volume_of_if(&self, pack: &PackId, index: u8) -> Option<VolumeId> {
        let record = self.directory.record(pack);
        record.holders.iter().find(|holder| holder.index == index).map(|holder| holder.volume)
    }

    /// Reads every shard of the pack through the replica and compares it.
    pub(crate) async fn check(&self, replica: &Replica, pack: &Pack) {
        for (shard, bytes) in pack.header.shards.iter().zip(&pack.shards) {
            assert!(replica.get(shard, None).await.unwrap() == *bytes);
        }
    }

    /// Reads every shard of these packs.
    pub(crate) async fn check_all(&self, replica: &Replica, packs: &[Pack]) {
        for pack in packs {
            self.check(replica, pack).await;
        }
    }

    /// Waits until these packs are whole without these volumes, by the ledger.
    pub(crate) async fn repaired_without(&self, volumes: &[u16], packs: &[Pack]) {
        let is_off = |pack: &Pack| !self.volumes_of(&pack.id).iter().any(|volume| volumes.contains(volume));
        let is_repaired = |pack: &Pack| self.directory.is_whole(&pack.id) && is_off(pack);
        eventually("repaired onto the volumes that are left", || packs.iter().all(is_repaired)).await;
    }

    /// Volumes that hold the pack, by the ledger.
    pub(crate) fn volumes_of(&self, pack: &PackId) -> Vec<u16> {
        let mut volumes: Vec<u16> = self.directory.record(pack).holders.iter().map(|holder| holder.volume.0).collect();
        volumes.sort_unstable();
        volumes
    }
}

/// Waits until `holds`, for at most 20 s.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("did not happen within 20 s: {what}");
}
