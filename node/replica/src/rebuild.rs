//! Computing the lost shards of a pack, within a bound of memory.

use bytes::Bytes;
use coding::{CheckedShard, CodingError};
use primitives::ledger::PackRecord;
use primitives::{PackHeader, ShardId};
use tokio::sync::SemaphorePermit;

use crate::ReplicaError;
use crate::shared::{Shared, blocking};

/// A shard that is to be written.
pub(crate) struct Rebuilt {
    pub(crate) index: u8,
    pub(crate) shard: ShardId,
    pub(crate) bytes: Bytes,
    pub(crate) outboard: Vec<u8>,
}

/// Computes the missing shards and their outboards on a blocking thread.
pub(crate) async fn rebuild(
    record: PackRecord,
    sources: Vec<CheckedShard<Bytes>>,
    missing: Vec<u8>,
) -> Result<Vec<Rebuilt>, ReplicaError> {
    blocking(move || {
        if let (true, Some(source)) = (record.header.policy.is_copies(), sources.first()) {
            // Copies are the same bytes: one in memory is enough.
            let (shard, bytes) = (source.id(), source.clone().into_bytes());
            let (_, outboard) = coding::range::outboard(&bytes);
            let copy = |index| Rebuilt { index, shard, bytes: bytes.clone(), outboard: outboard.clone() };
            return Ok(missing.into_iter().map(copy).collect());
        }
        let rebuilt = coding::rebuild_all(&record.header, &sources, &missing).map_err(inconsistent)?;
        let with_outboard = |shard: CheckedShard| {
            let (index, id) = (shard.index(), shard.id());
            let (_, outboard): (ShardId, _) = coding::range::outboard(shard.bytes());
            Rebuilt { index, shard: id, bytes: Bytes::from(shard.into_bytes()), outboard }
        };
        Ok(rebuilt.into_iter().map(with_outboard).collect())
    })
    .await?
}

/// Waits for the memory that a repair takes. One that takes more than all repairs may runs alone.
pub(crate) async fn memory<'a>(
    shared: &'a Shared,
    record: &PackRecord,
    missing: usize,
) -> Result<SemaphorePermit<'a>, ReplicaError> {
    let permits = memory_kib(&record.header, missing).min(shared.config.repair_memory_kib());
    shared.repair_memory.acquire_many(permits).await.map_err(|_| ReplicaError::Stopped)
}

/// Memory of a repair's sources and of what it rebuilds, KiB.
fn memory_kib(header: &PackHeader, missing: usize) -> u32 {
    let coded = usize::from(header.policy.data_shards()).saturating_add(missing);
    let shards = if header.policy.is_copies() { 1 } else { coded };
    let bytes = u64::from(header.shard_len).saturating_mul(u64::try_from(shards).unwrap_or(u64::MAX));
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// A pack that its maker encoded wrongly cannot be repaired by anybody.
pub(crate) fn inconsistent(error: CodingError) -> ReplicaError {
    ReplicaError::NoVolume { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use primitives::Policy;

    use super::*;

    #[test]
    fn a_repair_takes_its_sources_and_what_it_rebuilds() {
        // policy, shard length, missing, KiB
        let cases = [
            ("4+2", 8 << 20, 2, 48 << 10),
            ("8+4", 4 << 20, 4, 48 << 10),
            ("1+4", 32 << 20, 4, 32 << 10),
            ("4+2", 64, 1, 1),
            ("64+64", 32 << 20, 64, 4 << 20),
        ];
        for (policy, shard_len, missing, kib) in cases {
            let policy: Policy = policy.parse().unwrap();
            let header = PackHeader { policy, shard_len, shards: Vec::new() };
            assert_eq!(memory_kib(&header, missing), kib, "{policy}");
        }
        let most = crate::ReplicaConfig::default().repair_memory_kib();
        assert_eq!(most, 2 * (48 << 10), "two full packs of the default policy with two volumes lost");
    }
}
