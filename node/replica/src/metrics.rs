//! The replica's metric names, all of them.

use metrics::counter;

/// A shard of a client or a repair is durable.
pub(crate) fn written(bytes: u64) {
    counter!("strongroom_replica_written_bytes_total").increment(bytes);
}

/// Verified bytes were served.
pub(crate) fn read(bytes: usize) {
    counter!("strongroom_replica_read_bytes_total").increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}

/// A shard was rebuilt from others.
pub(crate) fn rebuilt(bytes: u64) {
    counter!("strongroom_replica_rebuilt_bytes_total").increment(bytes);
}

/// A shard moved to a volume of its own.
pub(crate) fn moved(bytes: u64) {
    counter!("strongroom_replica_moved_bytes_total").increment(bytes);
}

pub(crate) fn volume_lost() {
    counter!("strongroom_replica_lost_volumes_total").increment(1);
}

pub(crate) fn shard_damaged() {
    counter!("strongroom_replica_damaged_shards_total").increment(1);
}

pub(crate) fn orphan_removed(bytes: u64) {
    counter!("strongroom_replica_orphan_shards_removed_total").increment(1);
    counter!("strongroom_replica_orphan_bytes_removed_total").increment(bytes);
}
