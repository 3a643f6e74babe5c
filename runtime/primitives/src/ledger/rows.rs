//! A list of records, as far as one answer goes.

use parity_scale_codec::Encode;

/// How much one read of a list returns. A list that has anything left returns at least one row, however long that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsMax {
    /// Rows.
    pub rows: usize,
    /// Their SCALE encodings together, bytes: a snapshot's record is as long as a command may be, so that a thousand of
    /// them fit into no memory.
    pub bytes: usize,
}

impl From<usize> for RowsMax {
    /// So many rows, however long.
    fn from(rows: usize) -> Self {
        Self { rows, bytes: usize::MAX }
    }
}

/// The rows of a list that one read returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// Whether the list goes on after them.
    pub more: bool,
}

impl<T> Rows<T> {
    /// Takes rows while they fit; `record` is what is counted of each. One row more is looked at, and no further one.
    ///
    /// # Errors
    /// The first that `found` has.
    pub fn collect<R: Encode, E>(
        found: impl IntoIterator<Item = Result<T, E>>,
        max: RowsMax,
        record: impl Fn(&T) -> &R,
    ) -> Result<Self, E> {
        let (mut rows, mut bytes) = (Vec::new(), 0usize);
        for row in found {
            let row = row?;
            bytes = bytes.saturating_add(record(&row).encoded_size());
            if rows.len() >= max.rows || (bytes > max.bytes && !rows.is_empty()) {
                return Ok(Self { rows, more: true });
            }
            rows.push(row);
        }
        Ok(Self { rows, more: false })
    }

    /// The same rows in another form.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Rows<U> {
        Rows { rows: self.rows.into_iter().map(change).collect(), more: self.more }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn rows_end_with_their_count_or_their_bytes_and_say_whether_there_is_more() {
        // A vector of 9 bytes is 10 when encoded.
        let list = |lens: &[usize]| lens.iter().map(|len| Ok::<_, Infallible>(vec![0u8; *len])).collect::<Vec<_>>();
        for (lens, rows, bytes, taken, more) in [
            (&[9, 9, 9][..], 3, 30, 3, false),
            (&[9, 9, 9], 2, 30, 2, true),
            (&[9, 9, 9], 3, 29, 2, true),
            (&[9, 9, 9], 3, 10, 1, true),
            (&[60, 9, 9], 3, 10, 1, true),
            (&[9, 60, 9], 3, 10, 1, true),
            (&[60], 3, 0, 1, false),
            (&[], 3, 0, 0, false),
        ] {
            let Ok(found) = Rows::collect(list(lens), RowsMax { rows, bytes }, |row| row);
            assert_eq!((found.rows.len(), found.more), (taken, more), "{lens:?}, {rows} rows, {bytes} bytes");
        }
        let read = std::cell::Cell::new(0);
        let endless = std::iter::repeat_with(|| Ok::<_, Infallible>(vec![0u8; read.replace(read.get() + 1)]));
        let Ok(found) = Rows::collect(endless, RowsMax { rows: 1000, bytes: 20 }, |row| row);
        assert_eq!((found.rows.len(), read.get()), (5, 6), "1 + 2 + 3 + 4 + 5 bytes, and one row more was read");
        let failing = [Ok(1u8), Err("no disk"), Ok(2)];
        assert_eq!(Rows::collect(failing, 10.into(), |row| row), Err("no disk"));
    }
}
