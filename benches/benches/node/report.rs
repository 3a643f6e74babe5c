//! Tables for people.

use std::time::Duration;

/// Prints rows under a header, columns aligned.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let all = || std::iter::once(header.iter().map(ToString::to_string).collect()).chain(rows.iter().cloned());
    let widths: Vec<usize> = (0..header.len())
        .map(|column| all().filter_map(|row: Vec<String>| Some(row.get(column)?.chars().count())).max().unwrap_or(0))
        .collect();
    for (number, row) in all().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            println!("|{}|", widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|"));
        }
    }
}

/// A part of sorted times: `percent(&times, 99)`.
pub(crate) fn percent(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

/// Operations a second.
pub(crate) fn rate(operations: u64, took: Duration) -> u64 {
    let rate = u128::from(operations) * 1_000_000 / took.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// Microseconds of one operation.
pub(crate) fn micros_each(total: Duration, operations: u64) -> f64 {
    total.as_secs_f64() * 1e6 / f64::from(u32::try_from(operations.max(1)).unwrap_or(u32::MAX))
}
