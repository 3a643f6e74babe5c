//! Every metric of this crate.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// Calls and their time, for each method; the handles are made once, because a look-up by label costs more than many
/// a call.
#[derive(Clone)]
pub(crate) struct MethodMetrics {
    methods: HashMap<&'static str, OneMethod>,
    unknown: Counter,
}

#[derive(Clone)]
struct OneMethod {
    calls: Counter,
    failures: Counter,
    seconds: Histogram,
}

impl std::fmt::Debug for MethodMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MethodMetrics").field("methods", &self.methods.len()).finish_non_exhaustive()
    }
}

impl MethodMetrics {
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let one = |name| OneMethod {
            calls: counter!("rpc_calls_total", "method" => name),
            failures: counter!("rpc_failures_total", "method" => name),
            seconds: histogram!("rpc_call_seconds", "method" => name),
        };
        Self { methods: names.map(|name| (name, one(name))).collect(), unknown: counter!("rpc_unknown_methods_total") }
    }

    /// Whether there is such a method.
    pub(crate) fn knows(&self, method: &str) -> bool {
        self.methods.contains_key(method)
    }

    /// Counts one call.
    pub(crate) fn called(&self, method: &str, time: Duration, success: bool) {
        let Some(one) = self.methods.get(method) else {
            self.unknown.increment(1);
            return;
        };
        one.calls.increment(1);
        one.seconds.record(time.as_secs_f64());
        if !success {
            one.failures.increment(1);
        }
    }
}

/// A request or connection that was refused: `host`, `origin`, `size`, `slow`, `connections`, `sockets`, `memory`.
pub(crate) fn refused(reason: &'static str) {
    counter!("rpc_refused_total", "reason" => reason).increment(1);
}

/// A shard came in.
pub(crate) fn shard_received(bytes: usize) {
    counter!("rpc_shard_received_bytes_total").increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}

/// A shard or part of one goes out.
pub(crate) fn shard_sent(bytes: usize) {
    counter!("rpc_shard_sent_bytes_total").increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}
