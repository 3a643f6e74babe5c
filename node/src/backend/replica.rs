//! The storage node, as the RPC server sees it.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use ledger::Consistency;
use primitives::{PackId, ShardAck, ShardId};
use replica::{Class, ReplicaError, VolumeState};
use rpc::{BackendError, Check, Readiness, ReplicaBackend, ShardError};
use rpc_api::Quantity;
use rpc_api::replica::{RepairStatus, ReplicaStatus, ScrubStatus, VolumeStatus};

use super::NodeBackend;

fn shard_error(error: ReplicaError) -> ShardError {
    match error {
        ReplicaError::Unknown { shard } => ShardError::Unknown { shard },
        ReplicaError::Corrupt { shard, .. } => ShardError::Corrupt { shard },
        ReplicaError::Mismatch { expected, found } => ShardError::Mismatch { expected, found },
        full @ ReplicaError::Full { .. } => ShardError::Full { reason: full.to_string() },
        other => match other.class() {
            Class::Invalid => ShardError::Invalid { reason: other.to_string() },
            Class::NotFound | Class::NotYet => ShardError::NotYet { reason: other.to_string() },
            Class::Fatal => ShardError::Internal { reason: other.to_string() },
        },
    }
}

fn state_text(state: VolumeState, full: bool) -> &'static str {
    match state {
        VolumeState::Up if full => "full",
        VolumeState::Up => "up",
        VolumeState::ReadOnly => "readOnly",
        VolumeState::Suspect => "suspect",
        VolumeState::Lost => "lost",
    }
}

#[async_trait]
impl ReplicaBackend for NodeBackend {
    async fn shard_put(
        &self,
        pack: PackId,
        index: u8,
        width: u8,
        shard: ShardId,
        bytes: Bytes,
    ) -> Result<ShardAck, ShardError> {
        // Its pack could not be recorded, and the room may be the same disk's.
        self.ledger.room().map_err(|error| ShardError::Full { reason: error.to_string() })?;
        self.replica.put(pack, index, width, shard, bytes).await.map_err(shard_error)
    }

    async fn shard_len(&self, shard: ShardId) -> Result<u64, ShardError> {
        match self.replica.stat(&shard).await.map_err(shard_error)? {
            Some(stat) => Ok(stat.len),
            None => Err(ShardError::Unknown { shard }),
        }
    }

    async fn shard_get(&self, shard: ShardId, range: Range<u64>) -> Result<Bytes, ShardError> {
        self.replica.get(&shard, Some(range)).await.map_err(shard_error)
    }

    async fn replica_status(&self) -> Result<ReplicaStatus, BackendError> {
        let status = self.replica.status();
        let volumes = status
            .volumes
            .into_iter()
            .map(|volume| VolumeStatus {
                volume: Quantity::new(volume.id.0.into()),
                path: volume.path.display().to_string(),
                state: state_text(volume.state, volume.full).to_owned(),
                shards: volume.shards.into(),
                used_bytes: volume.used.into(),
                free_bytes: volume.free.into(),
                problem: volume.problem,
            })
            .collect();
        let repairs = RepairStatus {
            queued: status.repairs.queued.into(),
            running: status.repairs.running.into(),
            done: status.repairs.shards.into(),
            failed: status.repairs.failed.into(),
        };
        let scrub = ScrubStatus {
            checked: status.scrub.checked.into(),
            checked_bytes: status.scrub.bytes.into(),
            corrupt: status.scrub.damaged.into(),
            last_pass_ms: status.scrub.completed.map(|at| at.get().into()),
        };
        Ok(ReplicaStatus { node: self.replica.node(), volumes, repairs, scrub })
    }

    async fn readiness(&self) -> Readiness {
        let up = self.replica.status().volumes.iter().filter(|volume| volume.state == VolumeState::Up).count();
        let ledger = self.ledger.read(Consistency::Linearizable).await.map(drop);
        let head = self.consensus.chain().head();
        Readiness {
            checks: vec![
                Check {
                    name: "chain".to_owned(),
                    ok: head.is_some(),
                    reason: head
                        .map_or_else(|| "no genesis block yet".to_owned(), |head| format!("height {}", head.height)),
                },
                Check {
                    name: "ledger".to_owned(),
                    ok: ledger.is_ok(),
                    // Without room for more it still answers.
                    reason: ledger
                        .and_then(|()| self.ledger.room())
                        .map_or_else(|error| error.to_string(), |()| "answers".to_owned()),
                },
                Check { name: "replica".to_owned(), ok: up > 0, reason: format!("{up} volumes up") },
            ],
        }
    }
}
