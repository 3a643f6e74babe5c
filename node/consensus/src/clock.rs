//! This node's clock; the only place of this crate that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use primitives::TimestampMs;

/// Milliseconds since the Unix epoch; 0 on a clock before it.
pub(crate) fn now() -> TimestampMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs::new(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
