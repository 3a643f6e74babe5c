//! A storage node in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use primitives::{Ed25519Signature, NodeKey, PackId, ShardAck, ShardId, VolumeId};
use rpc::{BackendError, Check, Readiness, ReplicaBackend, ShardError};
use rpc_api::replica::{RepairStatus, ReplicaStatus, ScrubStatus, VolumeStatus};
use tokio::sync::Notify;

use crate::node::Node;

pub(crate) struct MemoryReplica {
    pub(crate) key: SigningKey,
    pub(crate) shards: Mutex<HashMap<ShardId, Bytes>>,
    pub(crate) corrupt: Mutex<Vec<ShardId>>,
    /// Answers nothing before it is notified.
    pub(crate) gate: Option<Notify>,
    /// Shards that have come in whole.
    pub(crate) received: AtomicU32,
    pub(crate) full: AtomicBool,
    pub(crate) ready: AtomicBool,
    /// Takes ids on trust: hashing would be most of what a benchmark measures.
    pub(crate) trusting: AtomicBool,
}

impl MemoryReplica {
    pub(crate) fn new() -> Self {
        Self {
            key: SigningKey::from_bytes(&[9; 32]),
            shards: Mutex::default(),
            corrupt: Mutex::default(),
            gate: None,
            received: AtomicU32::new(0),
            full: AtomicBool::new(false),
            ready: AtomicBool::new(true),
            trusting: AtomicBool::new(false),
        }
    }

    pub(crate) fn node(&self) -> NodeKey {
        NodeKey::new(self.key.verifying_key().to_bytes())
    }
}

#[async_trait]
impl ReplicaBackend for Node {
    async fn shard_put(
        &self,
        pack: PackId,
        index: u8,
        _width: u8,
        shard: ShardId,
        bytes: Bytes,
    ) -> Result<ShardAck, ShardError> {
        let replica = &self.replica;
        replica.received.fetch_add(1, Ordering::Relaxed);
        if let Some(gate) = &replica.gate {
            gate.notified().await;
        }
        if replica.full.load(Ordering::Relaxed) {
            return Err(ShardError::Full { reason: format!("no volume takes {} bytes more", bytes.len()) });
        }
        assert_eq!(bytes.as_ptr().align_offset(4096), 0, "direct I/O needs this");
        if !replica.trusting.load(Ordering::Relaxed) {
            let found = ShardId::of(&bytes);
            if found != shard {
                return Err(ShardError::Mismatch { expected: shard, found });
            }
        }
        // A copy: the bytes themselves hold a share of the server's memory until they are on a disk.
        replica.shards.lock().unwrap().insert(shard, Bytes::copy_from_slice(&bytes));
        let (node, volume) = (replica.node(), VolumeId(2));
        let hash = ShardAck::sign_hash(&self.spec.network, &pack, index, &shard, &node, volume);
        let signature = Ed25519Signature::new(replica.key.sign(hash.as_ref()).to_bytes());
        Ok(ShardAck { pack, index, shard, node, volume, signature })
    }

    async fn shard_len(&self, shard: ShardId) -> Result<u64, ShardError> {
        if self.replica.corrupt.lock().unwrap().contains(&shard) {
            return Err(ShardError::Corrupt { shard });
        }
        let shards = self.replica.shards.lock().unwrap();
        shards.get(&shard).map(|bytes| u64::try_from(bytes.len()).unwrap()).ok_or(ShardError::Unknown { shard })
    }

    async fn shard_get(&self, shard: ShardId, range: Range<u64>) -> Result<Bytes, ShardError> {
        let shards = self.replica.shards.lock().unwrap();
        let bytes = shards.get(&shard).ok_or(ShardError::Unknown { shard })?;
        Ok(bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()))
    }

    async fn replica_status(&self) -> Result<ReplicaStatus, BackendError> {
        let shards = u64::try_from(self.replica.shards.lock().unwrap().len()).unwrap();
        Ok(ReplicaStatus {
            node: self.replica.node(),
            volumes: vec![VolumeStatus {
                volume: 2.into(),
                path: "/volumes/2".to_owned(),
                state: "up".to_owned(),
                shards: shards.into(),
                used_bytes: 4096.into(),
                free_bytes: 8192.into(),
                problem: None,
            }],
            repairs: RepairStatus::default(),
            scrub: ScrubStatus::default(),
        })
    }

    async fn readiness(&self) -> Readiness {
        let ok = self.replica.ready.load(Ordering::Relaxed);
        let reason = if ok { "6 of 6 volumes are up" } else { "volume 2 is missing: is its disk mounted?" };
        Readiness { checks: vec![Check { name: "replica".to_owned(), ok, reason: reason.to_owned() }] }
    }
}
