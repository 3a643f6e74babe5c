//! Names of consensus metrics, in one place. Units are seconds and bytes.

use std::time::Duration;

/// Height of the last final block.
pub const HEIGHT: &str = "strongroom_consensus_height";
/// Round that decided the last block; above 0 when a proposer was late.
pub const ROUND: &str = "strongroom_consensus_round";
/// Final blocks since the start.
pub const BLOCKS: &str = "strongroom_consensus_blocks_total";
/// Final transactions since the start.
pub const TRANSACTIONS: &str = "strongroom_consensus_transactions_total";
/// Time to execute a block and compute its roots.
pub const EXECUTE: &str = "strongroom_consensus_execute_seconds";
/// Time of the one synced write that commits a block.
pub const COMMIT: &str = "strongroom_consensus_commit_seconds";
/// Time from a transaction's arrival at this node to its finality.
pub const FINALITY: &str = "strongroom_consensus_finality_seconds";
/// Bytes of the last block's transactions.
pub const BLOCK_BYTES: &str = "strongroom_consensus_block_bytes";
/// Gas of the last block.
pub const BLOCK_GAS: &str = "strongroom_consensus_block_gas";
/// Transactions that wait.
pub const POOL_TRANSACTIONS: &str = "strongroom_consensus_pool_transactions";
/// Bytes of transactions that wait.
pub const POOL_BYTES: &str = "strongroom_consensus_pool_bytes";
/// Transactions refused, by reason.
pub const POOL_REFUSED: &str = "strongroom_consensus_pool_refused_total";
/// Signatures that the guard refused; any is an alarm.
pub const GUARD_REFUSED: &str = "strongroom_consensus_guard_refused_total";
/// Time of the guard's fsync before a signature.
pub const GUARD_SYNC: &str = "strongroom_consensus_guard_sync_seconds";
/// Validators seen signing two messages for one step; any is an alarm.
pub const EQUIVOCATIONS: &str = "strongroom_consensus_equivocations_total";

/// Records a duration.
pub(crate) fn observe(name: &'static str, elapsed: Duration) {
    metrics::histogram!(name).record(elapsed.as_secs_f64());
}

/// Sets a gauge to a whole number; gauges are floating point, so it is rounded above 2⁵³.
pub(crate) fn gauge(name: &'static str, value: u64) {
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    metrics::gauge!(name).set(f64::from(high).mul_add(4_294_967_296.0, f64::from(low)));
}
