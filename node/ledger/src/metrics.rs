//! The ledger's metric names, all of them.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use primitives::ledger::{Applied, Refusal};

pub(crate) fn outcomes(outcomes: &[Result<Applied, Refusal>]) {
    let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    counter!("strongroom_ledger_commands_total", "outcome" => "refused").increment(number(refused));
    counter!("strongroom_ledger_commands_total", "outcome" => "applied")
        .increment(number(outcomes.len().saturating_sub(refused)));
}

pub(crate) fn applied(entries: usize, took: Duration) {
    counter!("strongroom_ledger_entries_total").increment(number(entries));
    histogram!("strongroom_ledger_apply_seconds").record(took.as_secs_f64());
}

pub(crate) fn snapshot(bytes: u64) {
    counter!("strongroom_ledger_snapshots_total").increment(1);
    counter!("strongroom_ledger_snapshot_bytes_total").increment(bytes);
}

pub(crate) fn in_flight(commands: usize) {
    gauge!("strongroom_ledger_in_flight_commands").set(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
}

pub(crate) fn submitted(took: Duration) {
    histogram!("strongroom_ledger_submit_seconds").record(took.as_secs_f64());
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
