//! The `Range` header (RFC 9110, section 14), as far as one range of bytes goes.

use std::ops::Range;

/// What a request wants of `total` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything: no `Range`, another unit, or several ranges, all of which a server may ignore.
    All,
    /// One range, within `total`.
    Part(Range<u64>),
    /// A range that begins behind the end.
    Unsatisfiable,
}

/// Reads the header against the length that there is.
pub(crate) fn wanted(header: Option<&str>, total: u64) -> Wanted {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Wanted::All };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::All };
    match (number(first), number(last)) {
        // bytes=a-b and bytes=a-
        (Some(first), last) if last.is_some() || spec.trim().ends_with('-') => {
            if last.is_some_and(|last| last < first) {
                return Wanted::All; // not a valid range: ignored
            }
            if first >= total {
                return Wanted::Unsatisfiable;
            }
            let end = last.map_or(total, |last| last.saturating_add(1).min(total));
            Wanted::Part(first..end)
        }
        // bytes=-n: the last n
        (None, Some(0)) if first.is_empty() => Wanted::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => match total {
            0 => Wanted::Unsatisfiable,
            _ => Wanted::Part(total.saturating_sub(count)..total),
        },
        _ => Wanted::All,
    }
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, wanted_now) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-99", Wanted::Part(0..100)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-1000", Wanted::Part(90..100)),
            ("bytes=0-18446744073709551615", Wanted::Part(0..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            (" bytes=5-5 ", Wanted::Part(5..6)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=100-200", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=20-10", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("bytes=", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=1-x", Wanted::All),
            ("items=0-1", Wanted::All),
            ("bytes=99999999999999999999-", Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), 100), wanted_now, "{header}");
        }
        assert_eq!(wanted(None, 100), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
    }
}
