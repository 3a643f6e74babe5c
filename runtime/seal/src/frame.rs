//! Seals one chunk into one frame and opens it again (`docs/spec/frame.md`).
//!
//! ```text
//! offset  0        12                                                        26              58
//!         nonce 12 | mask ⊕ (magic 4 | codec 1 | flags 1 | plain_len 4 | ct_len 4) | commitment 32 | ciphertext | tag 16
//! ```
//! The key is derived from the chunk's key and the nonce, so that no key seals twice and equal chunks in different
//! packs look unrelated.

use aws_lc_rs::aead::{Aad, Nonce};
use primitives::ChunkId;
use rand::RngCore;
use zeroize::Zeroizing;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::chunk::CHUNK_MAX;
use crate::unit::{COMMITMENT, Derivation, NONCE, TAG, UnitKeys};

/// Bytes before the ciphertext.
pub const FRAME_HEADER: usize = NONCE + FIELDS + COMMITMENT;
/// Bytes that a frame adds to what it holds.
pub const FRAME_OVERHEAD: usize = FRAME_HEADER + TAG;

const CONTEXT: &str = "strongroom 2026 v1 frame";
const MAGIC: [u8; 4] = *b"SRF1";
const FIELDS: usize = 14;
const AAD: usize = 10 + 32;
const LEVEL: i32 = 1;
const PROBE: usize = 16 * 1024;
const PROBE_FROM: usize = 128 * 1024;

/// Why a frame cannot be made or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More plaintext than a chunk may have.
    #[error("a chunk has at most {CHUNK_MAX} bytes, found {found}")]
    TooLong {
        /// Bytes given.
        found: usize,
    },
    /// The buffer is too short.
    #[error("the frame needs {needed} bytes, the buffer has {found}")]
    NoRoom {
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
    /// Not the frame of this chunk, or damaged in its header.
    #[error("the bytes are no frame of chunk {chunk}: damaged, or sealed with another key")]
    WrongKey {
        /// The chunk asked for.
        chunk: ChunkId,
    },
    /// A format that this program does not know.
    #[error("the frame of chunk {chunk} has a format that this version does not know")]
    Unknown {
        /// The chunk asked for.
        chunk: ChunkId,
    },
    /// A length other than the one expected.
    #[error("the frame of chunk {chunk} says {what} is {found} bytes, expected {expected}")]
    Length {
        /// The chunk asked for.
        chunk: ChunkId,
        /// Which length.
        what: &'static str,
        /// Length in the frame.
        found: u64,
        /// Length expected.
        expected: u64,
    },
    /// The ciphertext was changed.
    #[error("the ciphertext of chunk {chunk} was changed")]
    Changed {
        /// The chunk asked for.
        chunk: ChunkId,
    },
    /// Authentic, but it does not decompress to the stated length.
    #[error("chunk {chunk} does not decompress to {expected} bytes")]
    Decompress {
        /// The chunk asked for.
        chunk: ChunkId,
        /// Length stated, bytes.
        expected: usize,
    },
    /// The cipher or the compressor failed.
    #[error("{what} failed")]
    Library {
        /// Which.
        what: &'static str,
    },
}

/// Most bytes that the frame of a chunk of `plain_len` bytes takes; sealing needs this much room.
#[must_use]
pub const fn frame_len_max(plain_len: usize) -> usize {
    plain_len.saturating_add(FRAME_OVERHEAD)
}

/// Derives chunk keys and from them frame keys.
#[derive(Clone)]
pub struct FrameKeys {
    dedup: Zeroizing<[u8; 32]>,
    derivation: Derivation,
}

impl FrameKeys {
    /// Frame keys of a dedup epoch.
    #[must_use]
    pub fn new(dedup: &[u8; 32]) -> Self {
        Self { dedup: Zeroizing::new(*dedup), derivation: Derivation::new(CONTEXT) }
    }

    fn unit(&self, chunk: &ChunkId, nonce: &[u8; NONCE]) -> UnitKeys {
        let chunk_key = Zeroizing::new(*blake3::keyed_hash(&self.dedup, chunk.as_bytes()).as_bytes());
        self.derivation.keys(&chunk_key, nonce)
    }
}

impl std::fmt::Debug for FrameKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameKeys").finish_non_exhaustive()
    }
}

/// The header's fields in the clear.
struct Fields {
    codec: u8,
    plain_len: u32,
    ct_len: u32,
}

impl Fields {
    fn bytes(&self) -> [u8; FIELDS] {
        let mut bytes = [0u8; FIELDS];
        let parts = MAGIC.into_iter().chain([self.codec, 0]);
        let parts = parts.chain(self.plain_len.to_le_bytes()).chain(self.ct_len.to_le_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Magic, codec, flags and plain length, then the chunk id.
    fn aad(&self, chunk: &ChunkId) -> [u8; AAD] {
        let mut aad = [0u8; AAD];
        let parts = self.bytes().into_iter().take(AAD - ChunkId::LEN).chain(*chunk.as_bytes());
        aad.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        aad
    }
}

/// Seals chunks; one per thread, so that its compressor is reused.
pub struct FrameSealer {
    keys: FrameKeys,
    compressor: Compressor<'static>,
}

impl FrameSealer {
    /// A sealer with these keys; zstd level 1.
    ///
    /// # Errors
    /// [`FrameError::Library`] when zstd has no memory.
    pub fn new(keys: FrameKeys) -> Result<Self, FrameError> {
        let zstd = |_| FrameError::Library { what: "zstd" };
        let mut compressor = Compressor::new(LEVEL).map_err(zstd)?;
        for parameter in
            [CParameter::ChecksumFlag(false), CParameter::ContentSizeFlag(false), CParameter::DictIdFlag(false)]
        {
            compressor.set_parameter(parameter).map_err(zstd)?;
        }
        Ok(Self { keys, compressor })
    }

    /// Writes the frame of `plain` to the start of `target` and returns its length.
    ///
    /// Compresses straight into `target`; stores raw what would save less than 3 %.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], or [`FrameError::NoRoom`] when `target` is shorter than [`frame_len_max`].
    pub fn seal<R: RngCore + ?Sized>(
        &mut self,
        chunk: &ChunkId,
        plain: &[u8],
        target: &mut [u8],
        rng: &mut R,
    ) -> Result<usize, FrameError> {
        let plain_len = checked_len(plain.len())?;
        let (needed, found) = (frame_len_max(plain.len()), target.len());
        let no_room = FrameError::NoRoom { needed, found };
        let (header, body) = target.split_at_mut_checked(FRAME_HEADER).ok_or_else(|| no_room.clone())?;
        let body = body.get_mut(..plain.len().saturating_add(TAG)).ok_or(no_room)?;

        let mut nonce = [0u8; NONCE];
        rng.fill_bytes(&mut nonce);
        let keys = self.keys.unit(chunk, &nonce);
        let compressed = self.compress(plain, body);
        let ct_len = compressed.unwrap_or(plain.len());
        let fields = Fields { codec: u8::from(compressed.is_some()), plain_len, ct_len: checked_len(ct_len)? };
        let aad = Aad::from(fields.aad(chunk));
        let (ciphertext, rest) = body.split_at_mut_checked(ct_len).ok_or(FrameError::Library { what: "zstd" })?;
        let tag = rest.get_mut(..TAG).ok_or(FrameError::Library { what: "zstd" })?;
        let cipher = |_| FrameError::Library { what: "AES-256-GCM" };
        let once = Nonce::assume_unique_for_key(nonce);
        if compressed.is_some() {
            let made = keys.key.seal_in_place_separate_tag(once, aad, ciphertext).map_err(cipher)?;
            tag.copy_from_slice(made.as_ref());
        } else {
            keys.key.seal_out_of_place_scatter(once, aad, plain, ciphertext, &[], tag).map_err(cipher)?;
        }

        let mut masked = fields.bytes();
        keys.mask(&mut masked);
        let parts = nonce.into_iter().chain(masked).chain(keys.commitment);
        header.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Ok(ct_len.saturating_add(FRAME_OVERHEAD))
    }

    /// Compresses to the start of `body`; `None` when that saves less than 3 %.
    fn compress(&mut self, plain: &[u8], body: &mut [u8]) -> Option<usize> {
        if plain.len() >= PROBE_FROM && !self.probe(plain, body) {
            return None;
        }
        // A destination of 97 % makes zstd itself refuse what is not worth it.
        let limit = plain.len().saturating_sub(plain.len().div_ceil(32));
        self.compressor.compress_to_buffer(plain, body.get_mut(..limit)?).ok()
    }

    /// Whether three samples together save at least 3 %.
    fn probe(&mut self, plain: &[u8], body: &mut [u8]) -> bool {
        let last = plain.len().saturating_sub(PROBE);
        let mut total = 0usize;
        for start in [0, last / 2, last] {
            let sample = plain.get(start..).and_then(|rest| rest.get(..PROBE)).unwrap_or_default();
            let Some(room) = body.get_mut(..PROBE.saturating_mul(2)) else { return true };
            match self.compressor.compress_to_buffer(sample, room) {
                Ok(len) => total = total.saturating_add(len),
                Err(_) => return true,
            }
        }
        total.saturating_mul(32) < PROBE.saturating_mul(3).saturating_mul(31)
    }
}

impl std::fmt::Debug for FrameSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameSealer").finish_non_exhaustive()
    }
}

/// Opens frames; one per thread, so that its buffers are reused.
pub struct FrameOpener {
    keys: FrameKeys,
    decompressor: Decompressor<'static>,
    scratch: Vec<u8>,
}

impl FrameOpener {
    /// An opener with these keys.
    ///
    /// # Errors
    /// [`FrameError::Library`] when zstd has no memory.
    pub fn new(keys: FrameKeys) -> Result<Self, FrameError> {
        let decompressor = Decompressor::new().map_err(|_| FrameError::Library { what: "zstd" })?;
        Ok(Self { keys, decompressor, scratch: Vec::new() })
    }

    /// Opens the frame that `frame` is exactly, into `plain`, whose length is the chunk's.
    ///
    /// Never writes more than `plain.len()` bytes, whatever the frame says. On an error `plain` is unspecified.
    ///
    /// # Errors
    /// Any [`FrameError`] but `NoRoom`.
    pub fn open(&mut self, chunk: &ChunkId, frame: &[u8], plain: &mut [u8]) -> Result<(), FrameError> {
        let chunk_of = *chunk;
        let short = FrameError::Length { chunk: chunk_of, what: "the frame", found: len64(frame), expected: 0 };
        let (nonce, rest) = frame.split_first_chunk::<NONCE>().ok_or_else(|| short.clone())?;
        let (masked, rest) = rest.split_first_chunk::<FIELDS>().ok_or_else(|| short.clone())?;
        let (commitment, rest) = rest.split_first_chunk::<COMMITMENT>().ok_or_else(|| short.clone())?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(short)?;
        let keys = self.keys.unit(chunk, nonce);
        if !keys.committed(commitment) {
            return Err(FrameError::WrongKey { chunk: chunk_of });
        }
        let mut bytes = *masked;
        keys.mask(&mut bytes);
        let fields = parse(&bytes).ok_or(FrameError::Unknown { chunk: chunk_of })?;
        for (what, found, expected) in [
            ("the chunk", u64::from(fields.plain_len), len64(plain)),
            ("the ciphertext", u64::from(fields.ct_len), len64(ciphertext)),
        ] {
            if found != expected {
                return Err(FrameError::Length { chunk: chunk_of, what, found, expected });
            }
        }
        let aad = Aad::from(fields.aad(chunk));
        let once = Nonce::assume_unique_for_key(*nonce);
        let changed = |_| FrameError::Changed { chunk: chunk_of };
        if fields.codec == 0 {
            if plain.len() != ciphertext.len() {
                return Err(FrameError::Decompress { chunk: chunk_of, expected: plain.len() });
            }
            return keys.key.open_separate_gather(once, aad, ciphertext, tag, plain).map_err(changed);
        }
        self.scratch.resize(self.scratch.len().max(ciphertext.len()), 0);
        let scratch = self.scratch.get_mut(..ciphertext.len()).unwrap_or_default();
        keys.key.open_separate_gather(once, aad, ciphertext, tag, scratch).map_err(changed)?;
        match self.decompressor.decompress_to_buffer(scratch, plain) {
            Ok(len) if len == plain.len() => Ok(()),
            _ => Err(FrameError::Decompress { chunk: chunk_of, expected: plain.len() }),
        }
    }
}

impl std::fmt::Debug for FrameOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameOpener").finish_non_exhaustive()
    }
}

/// The fields, when magic, codec and flags are known.
fn parse(bytes: &[u8; FIELDS]) -> Option<Fields> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (codec_flags, rest) = rest.split_first_chunk::<2>()?;
    let (plain_len, rest) = rest.split_first_chunk::<4>()?;
    let ct_len = rest.first_chunk::<4>()?;
    let [codec @ 0..=1, 0] = *codec_flags else { return None };
    (*magic == MAGIC).then(|| Fields {
        codec,
        plain_len: u32::from_le_bytes(*plain_len),
        ct_len: u32::from_le_bytes(*ct_len),
    })
}

fn checked_len(len: usize) -> Result<u32, FrameError> {
    let too_long = FrameError::TooLong { found: len };
    if len > CHUNK_MAX {
        return Err(too_long);
    }
    u32::try_from(len).map_err(|_| too_long)
}

fn len64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "frame_test.rs"]
mod tests;
