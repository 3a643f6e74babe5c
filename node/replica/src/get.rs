//! Serving a shard: from the fastest volume that has it, and from the next one when that takes long or fails.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use primitives::ShardId;

use crate::read::{Fault, read};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::{ReplicaError, gone, metrics};

/// Longest wait before a second volume is asked too (Dean and Barroso, "The Tail at Scale", 2013).
const HEDGE_MAX: Duration = Duration::from_millis(50);
/// Shortest wait: below it a second read costs more than it saves.
const HEDGE_MIN: Duration = Duration::from_millis(2);

/// Bytes `range` of a shard, verified.
pub(crate) async fn get(
    shared: &Arc<Shared>,
    shard: &ShardId,
    range: Option<Range<u64>>,
) -> Result<Bytes, ReplicaError> {
    let holders = shared.holders(shard)?;
    let Some((_, len)) = holders.first() else {
        let damaged = shared.shelf.slots().iter().any(|slot| shared.is_gone(slot.id, shard));
        return Err(if damaged {
            ReplicaError::Corrupt { shard: *shard }
        } else {
            ReplicaError::Unknown { shard: *shard }
        });
    };
    if let Some(range) = &range
        && (range.start >= range.end || range.end > *len)
    {
        return Err(ReplicaError::Range { start: range.start, end: range.end, len: *len });
    }
    let mut waiting = holders.into_iter();
    let mut reads = FuturesUnordered::new();
    let mut last = ReplicaError::Corrupt { shard: *shard };
    // The reader's patience, whatever it is that takes so long. What it says of the disk the actor sees, not the reader: the
    // time may have gone by in the queue for a thread.
    let deadline = tokio::time::sleep(shared.config.read_timeout);
    tokio::pin!(deadline);
    loop {
        let mut hedge = None;
        if let Some((slot, len)) = waiting.next() {
            hedge = (waiting.len() > 0).then(|| hedge_after(&slot));
            reads.push(read_one(shared.clone(), slot, *shard, len, range.clone()));
        } else if reads.is_empty() {
            return Err(last);
        }
        let pause = async move {
            match hedge {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(read) = reads.next() => match read {
                Ok(bytes) => {
                    metrics::read(bytes.len());
                    return Ok(bytes);
                }
                Err(error) => last = error,
            },
            () = pause => {}
            () = &mut deadline => return Err(ReplicaError::Slow { shard: *shard }),
        }
    }
}

async fn read_one(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    shard: ShardId,
    len: u64,
    range: Option<Range<u64>>,
) -> Result<Bytes, ReplicaError> {
    let fault = match read(&shared, &slot, &shard, len, range).await? {
        Ok(bytes) => return Ok(bytes),
        Err(Fault::Store(error)) => return Err(error.into()),
        Err(fault) => fault,
    };
    gone::fault(&shared, &slot, &shard, &fault).await?;
    Err(match fault {
        Fault::Volume(error) => error.into(),
        Fault::Stalled => ReplicaError::Slow { shard },
        _ => ReplicaError::Corrupt { shard },
    })
}

/// Twice the volume's usual read time, within bounds.
fn hedge_after(slot: &Slot) -> Duration {
    Duration::from_micros(slot.latency_us().saturating_mul(2)).clamp(HEDGE_MIN, HEDGE_MAX)
}
