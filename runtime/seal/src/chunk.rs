//! Cuts files into content-defined chunks and names them (`docs/spec/chunking.md`).
//!
//! FastCDC 2020 with a secret seed (Xia et al., 2020) decides the cuts, so that an insertion changes one or two
//! chunks and not all that follow. Runs of zeros are cut first, so that holes never have to be read.

use std::borrow::Cow;

use fastcdc::v2020::{Normalization, cut_gear, get_gear_with_seed, select_masks};
use primitives::ChunkId;

/// Shortest chunk, bytes, but for the last of a file: 512 KiB.
pub const CHUNK_MIN: usize = 512 * 1024;
/// Length that chunks are normalised to, bytes: 1 MiB.
pub const CHUNK_AVG: usize = 1024 * 1024;
/// Longest chunk, bytes: 4 MiB.
pub const CHUNK_MAX: usize = 4 * 1024 * 1024;
/// Length of one run of zeros that is never stored, bytes: as long as the longest chunk.
pub const ZERO_RUN: usize = CHUNK_MAX;

/// Where the piece at the front of a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A chunk of this many bytes, at least 1.
    Chunk(usize),
    /// [`ZERO_RUN`] bytes of zeros: not a chunk, only counted.
    Zeros,
    /// The window ends too early to tell: read more and ask again from the same start.
    NeedMore,
}

/// Finds cut points; the same seed and bytes give the same cuts, however the bytes arrive.
///
/// ```
/// use seal::chunk::{Chunker, Cut};
/// let chunker = Chunker::new(7);
/// assert_eq!(chunker.cut(b"a small file", true), Cut::Chunk(12));
/// assert_eq!(chunker.cut(b"the start of a file", false), Cut::NeedMore);
/// ```
#[derive(Clone)]
pub struct Chunker {
    gear: Cow<'static, [u64]>,
    gear_ls: Cow<'static, [u64]>,
    mask_s: u64,
    mask_l: u64,
}

impl Chunker {
    /// A chunker for this secret seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (gear, gear_ls) = get_gear_with_seed(seed);
        let (mask_s, mask_l) = select_masks(CHUNK_AVG, Normalization::Level2);
        Self { gear, gear_ls, mask_s, mask_l }
    }

    /// Where the piece that starts at the window's first byte ends. `last` says that the file ends with the window.
    ///
    /// An empty window needs more bytes; an empty file has no pieces.
    #[must_use]
    pub fn cut(&self, window: &[u8], last: bool) -> Cut {
        if window.is_empty() {
            return Cut::NeedMore;
        }
        if !last && window.len() < CHUNK_MAX {
            // A cut below the minimum cannot be known, and whether a run of zeros starts here neither.
            if window.len() <= CHUNK_MIN || is_zero(window) {
                return Cut::NeedMore;
            }
        }
        if window.get(..ZERO_RUN).is_some_and(is_zero) {
            return Cut::Zeros;
        }
        let (_, len) = cut_gear(
            window,
            CHUNK_MIN,
            CHUNK_AVG,
            CHUNK_MAX,
            self.mask_s,
            self.mask_l,
            self.mask_s << 1,
            self.mask_l << 1,
            &self.gear,
            &self.gear_ls,
        );
        if last || len < window.len() || len == CHUNK_MAX { Cut::Chunk(len) } else { Cut::NeedMore }
    }
}

impl std::fmt::Debug for Chunker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunker").finish_non_exhaustive()
    }
}

/// Whether all bytes are zero; the first non-zero byte ends the search.
fn is_zero(bytes: &[u8]) -> bool {
    const STEP: usize = 4096;
    static ZEROS: [u8; STEP] = [0; STEP];
    bytes.first() == Some(&0) && bytes.chunks(STEP).all(|part| ZEROS.get(..part.len()) == Some(part))
}

/// The id of a chunk: BLAKE3 keyed with the vault's secret id key.
#[must_use]
pub fn chunk_id(key: &[u8; 32], plain: &[u8]) -> ChunkId {
    ChunkId::new(*blake3::keyed_hash(key, plain).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    fn bytes(seed: u64, len: usize) -> Vec<u8> {
        let mut data = vec![0; len];
        ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut data);
        data
    }

    fn cuts(chunker: &Chunker, data: &[u8]) -> Vec<(Cut, usize)> {
        let mut at = 0;
        let mut out = Vec::new();
        while at < data.len() {
            let cut = chunker.cut(&data[at..], true);
            let len = match cut {
                Cut::Chunk(len) => len,
                Cut::Zeros => ZERO_RUN,
                Cut::NeedMore => panic!("the last window needs no more"),
            };
            out.push((cut, len));
            at += len;
        }
        out
    }

    /// Feeds the data through windows that grow by `step`, as a reader with a buffer does.
    fn windowed(chunker: &Chunker, data: &[u8], step: usize) -> Vec<(Cut, usize)> {
        let (mut at, mut end) = (0, step.min(data.len()));
        let mut out = Vec::new();
        while at < data.len() {
            match chunker.cut(&data[at..end], end == data.len()) {
                Cut::NeedMore => end = (end + step).min(data.len()),
                cut => {
                    let len = if let Cut::Chunk(len) = cut { len } else { ZERO_RUN };
                    out.push((cut, len));
                    at += len;
                    end = end.max(at).max((at + 1).min(data.len()));
                }
            }
        }
        out
    }

    #[test]
    fn cuts_do_not_depend_on_how_the_bytes_arrive() {
        let chunker = Chunker::new(0x1234_5678_9abc_def0);
        let mut data = bytes(1, 17_000_001);
        data[3_000_000..13_500_000].fill(0);
        let whole = cuts(&chunker, &data);
        assert!(whole.iter().any(|(cut, _)| *cut == Cut::Zeros));
        for step in [65_536, 1_000_003, 4_194_304, 9_000_000] {
            assert_eq!(windowed(&chunker, &data, step), whole, "step {step}");
        }
    }

    #[test]
    fn lengths_stay_within_their_limits() {
        let data = bytes(2, 40 << 20);
        let chunker = Chunker::new(99);
        let lengths: Vec<usize> = cuts(&chunker, &data).into_iter().map(|(_, len)| len).collect();
        let (last, others) = lengths.split_last().unwrap();
        assert!(others.iter().all(|len| (CHUNK_MIN..=CHUNK_MAX).contains(len)), "{lengths:?}");
        assert!(*last <= CHUNK_MAX);
        let mean = data.len() / lengths.len();
        assert!((CHUNK_MIN..2 * CHUNK_AVG).contains(&mean), "mean {mean}");
    }

    #[test]
    fn an_insertion_changes_few_chunks() {
        let chunker = Chunker::new(5);
        let key = [1; 32];
        let data = bytes(3, 32 << 20);
        let mut changed = data.clone();
        changed.splice(10_000_000..10_000_000, *b"seventeen bytes..");
        let ids = |data: &[u8]| {
            let mut at = 0;
            cuts(&chunker, data)
                .into_iter()
                .map(|(_, len)| {
                    at += len;
                    chunk_id(&key, &data[at - len..at])
                })
                .collect::<std::collections::HashSet<_>>()
        };
        let (before, after) = (ids(&data), ids(&changed));
        assert!(after.difference(&before).count() <= 3);
    }

    #[test]
    fn another_seed_cuts_elsewhere() {
        let data = bytes(4, 16 << 20);
        assert_ne!(cuts(&Chunker::new(1), &data), cuts(&Chunker::new(2), &data));
    }
}
