//! How results look: one JSON document, or text for people; sizes, times and progress bars.

use std::path::Path;
use std::time::{Duration, SystemTime};

use client::Note;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::Global;

/// Prints `document` with `--json`, runs `text` otherwise.
pub(crate) fn print(global: &Global, document: &Value, text: impl FnOnce()) {
    if global.json {
        println!("{document}");
    } else {
        text();
    }
}

/// Notes at the end of a report that are told again, when all of them were told on the way.
const NOTES_MAX: usize = 20;

/// What went wrong with single files, on standard error; the first ones only when the progress bar has told them all.
pub(crate) fn notes(global: &Global, what: &str, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    eprintln!("\n{what} ({}):", notes.len());
    let told = if global.quiet { notes.len() } else { NOTES_MAX };
    for note in notes.iter().take(told) {
        let whole = note.path.as_os_str().is_empty();
        let name = if whole { "(the whole snapshot)".to_owned() } else { path(&note.path) };
        eprintln!("  {name}: {}", note.reason);
    }
    if let Some(more) = notes.len().checked_sub(told).filter(|more| *more > 0) {
        eprintln!("  and {more} more, named above");
    }
}

/// A path for a terminal: control characters, which could move the cursor or forge lines, are escaped.
pub(crate) fn path(path: &Path) -> String {
    text(&path.to_string_lossy())
}

/// A text of a stranger for a terminal: control characters are escaped.
pub(crate) fn text(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// `1.5 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}

/// `12.3 s`, `4 min 02 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// `1 pack`, `2 packs`.
pub(crate) fn count(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `2026-11-20 10:03:07` in UTC, from milliseconds since 1970.
pub(crate) fn time(ms: u64) -> String {
    time_of_file(i64::try_from(ms / 1000).unwrap_or(i64::MAX))
}

/// The same from seconds since 1970, which are negative for files that are older.
pub(crate) fn time_of_file(seconds: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `2026-11-20T10-03-07.000000000Z`, as geth names key files.
pub(crate) fn file_time(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (year, month, day, hour, minute, second) = civil(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{:09}Z", since.subsec_nanos())
}

/// Days to civil date: Howard Hinnant's algorithm ("chrono-Compatible Low-Level Date Algorithms").
fn civil(seconds: i64) -> (i64, i64, i64, i64, i64, i64) {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day, rest / 3_600, rest % 3_600 / 60, rest % 60)
}

/// A bar over bytes with rate and ETA, on a terminal; silent otherwise.
pub(crate) fn bar(global: &Global, verb: &str) -> ProgressBar {
    if global.quiet {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(
        "{prefix:>10} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta} {wide_msg}",
    )
    .map(|style| style.progress_chars("=> "))
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style).with_prefix(verb.to_owned())
}

/// Notes for people, on standard error.
pub(crate) fn note(global: &Global, text: &str) {
    if !global.quiet && !global.json {
        eprintln!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_168_987, "2026-11-20 10:03:07"),
            (4_102_444_799, "2099-12-31 23:59:59"),
            (-1, "1969-12-31 23:59:59"),
            (-86_400, "1969-12-31 00:00:00"),
            (-11_676_096_000, "1600-01-01 00:00:00"),
            (-62_167_219_201, "-001-12-31 23:59:59"),
        ] {
            assert_eq!(time_of_file(seconds), expected);
            if let Ok(seconds) = u64::try_from(seconds) {
                assert_eq!(time(seconds * 1000), expected);
            }
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert!(time_of_file(extreme).ends_with(|last: char| last.is_ascii_digit()), "no overflow");
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(0, "pack", "packs"), "0 packs");
        assert_eq!(count(1, "pack", "packs"), "1 pack");
        assert_eq!(count(2, "pack", "packs"), "2 packs");
    }

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(path(Path::new("a\x1b[31m\nb")), "a\\u{1b}[31m\\nb");
        assert_eq!(path(Path::new("plain name é")), "plain name é");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(seconds(Duration::from_secs(242)), "4 min 02 s");
    }
}
