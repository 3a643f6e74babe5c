//! Fills packs with frames and closes them with a sealed footer (`docs/spec/pack.md`).
//!
//! ```text
//! ┌────────┬────────┬───┬─────────────────┬───────────────────┬───────────────────────────────────────────────┐
//! │ frame  │ frame  │ … │ random padding  │ footer, sealed 16 │ nonce 12 | mask ⊕ (magic 4, len 4) | commit 32 │
//! └────────┴────────┴───┴─────────────────┴───────────────────┴───────────────────────────────────────────────┘
//! ```
//! The footer lists the frames, so that an index can be rebuilt from packs alone. To a holder the whole pack is
//! random bytes of one of a few lengths.

#![allow(clippy::cast_possible_truncation, reason = "SCALE's derive casts the indices of variants")]

use aws_lc_rs::aead::{Aad, Nonce};
use parity_scale_codec::{Decode, Encode};
use primitives::{ChunkId, Policy};
use rand::RngCore;
use zeroize::Zeroizing;

use crate::chunk::CHUNK_MAX;
use crate::frame::{FRAME_OVERHEAD, FrameError, FrameSealer, frame_len_max};
use crate::unit::{COMMITMENT, Derivation, NONCE, TAG, UnitKeys};

/// Length that packs are filled to, bytes: 32 MiB.
pub const PACK_TARGET: usize = 32 * 1024 * 1024;
/// Shortest pack, bytes: 1 MiB.
pub const PACK_MIN: usize = 1024 * 1024;
/// Every shard's length is a multiple of this, bytes, so that holders can write it with direct I/O.
pub const SHARD_ALIGN: usize = 4096;
/// Bytes at the end of a pack that say where its footer is.
pub const TRAILER: usize = NONCE + FIELDS + COMMITMENT;

const CONTEXT: &str = "strongroom 2026 v1 pack footer";
const MAGIC: [u8; 4] = *b"SRP1";
const FIELDS: usize = 8;
const VERSION: u8 = 1;
/// Version, kind and count, before the entries.
const FOOTER_HEAD: usize = 6;
const ENTRY: usize = 44;

/// What a pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum PackKind {
    /// Chunks of files.
    #[codec(index = 0)]
    Data,
    /// Chunks of directories and of long piece lists.
    #[codec(index = 1)]
    Tree,
}

/// Where a chunk is in its pack. SCALE, 44 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct FrameEntry {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where its frame starts, bytes from the pack's start.
    pub offset: u32,
    /// Length of the frame, bytes.
    pub len: u32,
    /// Length of the chunk, bytes.
    pub plain_len: u32,
}

/// Why a pack cannot be filled, closed or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A frame could not be made.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The pack is full.
    #[error("no room for a chunk of {plain_len} bytes")]
    Full {
        /// The chunk's length, bytes.
        plain_len: usize,
    },
    /// More of the pack's end is needed to read its footer.
    #[error("the footer needs the last {bytes} bytes of the pack")]
    NeedTail {
        /// Bytes needed.
        bytes: usize,
    },
    /// Not a pack of this vault, or damaged.
    #[error("the pack's footer does not open: damaged, or sealed with another key")]
    WrongKey,
    /// Authentic, but not of a format that this program knows.
    #[error("the pack's footer has an unknown format: {what}")]
    Unknown {
        /// What is unknown.
        what: &'static str,
    },
    /// The cipher failed.
    #[error("AES-256-GCM failed")]
    Cipher,
}

/// Bytes that a full pack of this policy has, and that its buffer must have: [`PACK_TARGET`], rounded up so that every
/// shard is a multiple of [`SHARD_ALIGN`].
#[must_use]
pub fn pack_capacity(policy: Policy) -> usize {
    PACK_TARGET.next_multiple_of(stride(policy))
}

/// Length of a pack that holds `used` bytes: the next power of two, at least [`PACK_MIN`], at most the capacity, rounded
/// up so that every shard is a multiple of [`SHARD_ALIGN`].
#[must_use]
pub fn pack_len(used: usize, policy: Policy) -> usize {
    used.max(PACK_MIN).next_power_of_two().next_multiple_of(stride(policy)).min(pack_capacity(policy))
}

fn stride(policy: Policy) -> usize {
    SHARD_ALIGN.saturating_mul(usize::from(policy.data_shards()))
}

/// Opens and seals pack footers.
#[derive(Clone)]
pub struct FooterKeys {
    secret: Zeroizing<[u8; 32]>,
    derivation: Derivation,
}

impl FooterKeys {
    /// Footer keys of a vault, from its pack key.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { secret: Zeroizing::new(*secret), derivation: Derivation::new(CONTEXT) }
    }

    fn unit(&self, nonce: &[u8; NONCE]) -> UnitKeys {
        self.derivation.keys(&self.secret, nonce)
    }
}

impl std::fmt::Debug for FooterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FooterKeys").finish_non_exhaustive()
    }
}

/// An open pack: takes frames until it is full.
#[derive(Debug)]
pub struct PackBuilder<B> {
    buffer: B,
    capacity: usize,
    policy: Policy,
    kind: PackKind,
    used: usize,
    entries: Vec<FrameEntry>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> PackBuilder<B> {
    /// An empty pack over a buffer of at least [`pack_capacity`] bytes; what the buffer holds is overwritten.
    ///
    /// # Errors
    /// [`FrameError::NoRoom`] when the buffer is shorter.
    pub fn new(kind: PackKind, policy: Policy, buffer: B) -> Result<Self, PackError> {
        let (needed, found) = (pack_capacity(policy), buffer.as_ref().len());
        if found < needed {
            return Err(FrameError::NoRoom { needed, found }.into());
        }
        Ok(Self { buffer, capacity: needed, policy, kind, used: 0, entries: Vec::new() })
    }

    /// Whether a chunk of this length fits, even if it does not compress.
    #[must_use]
    pub fn has_room(&self, plain_len: usize) -> bool {
        let end = self.used.saturating_add(frame_len_max(plain_len));
        end.saturating_add(footer_len(self.entries.len().saturating_add(1))) <= self.capacity
    }

    /// Whether nothing was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of frames so far.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Seals a chunk into the pack.
    ///
    /// # Errors
    /// [`PackError::Full`] when [`PackBuilder::has_room`] says no, otherwise what sealing says.
    pub fn push<R: RngCore + ?Sized>(
        &mut self,
        sealer: &mut FrameSealer,
        chunk: ChunkId,
        plain: &[u8],
        rng: &mut R,
    ) -> Result<FrameEntry, PackError> {
        let full = PackError::Full { plain_len: plain.len() };
        if !self.has_room(plain.len()) {
            return Err(full);
        }
        let room = self.buffer.as_mut().get_mut(self.used..self.capacity).ok_or(full)?;
        let len = sealer.seal(&chunk, plain, room, rng)?;
        let too_long = |_| PackError::Frame(FrameError::TooLong { found: plain.len() });
        let entry = FrameEntry {
            chunk,
            offset: u32::try_from(self.used).map_err(too_long)?,
            len: u32::try_from(len).map_err(too_long)?,
            plain_len: u32::try_from(plain.len()).map_err(too_long)?,
        };
        self.used = self.used.saturating_add(len);
        self.entries.push(entry);
        Ok(entry)
    }

    /// Pads the pack and seals its footer.
    ///
    /// # Errors
    /// [`PackError::Cipher`] only.
    pub fn finish<R: RngCore + ?Sized>(self, keys: &FooterKeys, rng: &mut R) -> Result<SealedPack<B>, PackError> {
        let Self { mut buffer, policy, kind, used, entries, .. } = self;
        let len = pack_len(used.saturating_add(footer_len(entries.len())), policy);
        let bytes = buffer.as_mut().get_mut(..len).ok_or(PackError::Cipher)?;
        let start = len.saturating_sub(footer_len(entries.len()));
        let (body, footer) = bytes.split_at_mut_checked(start).ok_or(PackError::Cipher)?;
        rng.fill_bytes(body.get_mut(used..).unwrap_or_default());
        seal_footer(kind, &entries, footer, len, keys, rng)?;
        Ok(SealedPack { buffer, len, kind, entries })
    }
}

/// A closed pack: its bytes will not change any more.
#[derive(Debug)]
pub struct SealedPack<B> {
    buffer: B,
    len: usize,
    kind: PackKind,
    entries: Vec<FrameEntry>,
}

impl<B: AsRef<[u8]>> SealedPack<B> {
    /// The pack's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().get(..self.len).unwrap_or_default()
    }

    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> PackKind {
        self.kind
    }

    /// Its frames, in order.
    #[must_use]
    pub fn entries(&self) -> &[FrameEntry] {
        &self.entries
    }

    /// Takes it apart: buffer and frames.
    #[must_use]
    pub fn into_parts(self) -> (B, Vec<FrameEntry>) {
        (self.buffer, self.entries)
    }
}

/// What a pack's footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFooter {
    /// What the pack holds.
    pub kind: PackKind,
    /// Its frames, in order; within the pack, without overlap.
    pub entries: Vec<FrameEntry>,
}

impl PackFooter {
    /// Opens the footer of a pack of `pack_len` bytes from the last bytes of it.
    ///
    /// # Errors
    /// [`PackError::NeedTail`] when `tail` is too short (ask again with that many), [`PackError::WrongKey`] or
    /// [`PackError::Unknown`] when it is no footer of this vault's.
    pub fn open(keys: &FooterKeys, pack_len: usize, tail: &[u8]) -> Result<Self, PackError> {
        let (before, trailer) = tail.split_last_chunk::<TRAILER>().ok_or(PackError::NeedTail { bytes: TRAILER })?;
        let (nonce, rest) = trailer.split_first_chunk::<NONCE>().ok_or(PackError::WrongKey)?;
        let (masked, commitment) = rest.split_first_chunk::<FIELDS>().ok_or(PackError::WrongKey)?;
        let unit = keys.unit(nonce);
        if !unit.committed(commitment) {
            return Err(PackError::WrongKey);
        }
        let mut fields = *masked;
        unit.mask(&mut fields);
        let (magic, len) = fields.split_first_chunk::<4>().ok_or(PackError::WrongKey)?;
        let len = len.first_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if *magic != MAGIC || len > pack_len.saturating_sub(TRAILER) || len < TAG {
            return Err(PackError::Unknown { what: "its trailer" });
        }
        let Some(start) = before.len().checked_sub(len) else {
            return Err(PackError::NeedTail { bytes: len.saturating_add(TRAILER) });
        };
        let mut sealed = before.get(start..).unwrap_or_default().to_vec();
        let once = Nonce::assume_unique_for_key(*nonce);
        let plain =
            unit.key.open_in_place(once, Aad::from(aad(pack_len)), &mut sealed).map_err(|_| PackError::WrongKey)?;
        Self::parse(plain, pack_len.saturating_sub(len).saturating_sub(TRAILER))
    }

    fn parse(plain: &[u8], body: usize) -> Result<Self, PackError> {
        let unknown = |what| PackError::Unknown { what };
        let (head, mut rest) = plain.split_first_chunk::<FOOTER_HEAD>().ok_or_else(|| unknown("its length"))?;
        let [VERSION, kind, count @ ..] = *head else { return Err(unknown("its version")) };
        let kind = PackKind::decode(&mut &[kind][..]).map_err(|_| unknown("its kind"))?;
        let count = usize::try_from(u32::from_le_bytes(count)).unwrap_or(usize::MAX);
        if rest.len() != count.saturating_mul(ENTRY) {
            return Err(unknown("its number of frames"));
        }
        let mut entries = Vec::with_capacity(count);
        let mut end = 0u64;
        while !rest.is_empty() {
            let entry = FrameEntry::decode(&mut rest).map_err(|_| unknown("a frame"))?;
            let overhead = u64::try_from(FRAME_OVERHEAD).unwrap_or(u64::MAX);
            let fits = usize::try_from(entry.plain_len).is_ok_and(|len| len <= CHUNK_MAX);
            if u64::from(entry.offset) < end || u64::from(entry.len) < overhead || !fits {
                return Err(unknown("a frame's place"));
            }
            end = u64::from(entry.offset).saturating_add(u64::from(entry.len));
            entries.push(entry);
        }
        if end > u64::try_from(body).unwrap_or(u64::MAX) {
            return Err(unknown("a frame's place"));
        }
        Ok(Self { kind, entries })
    }
}

/// Bytes of footer and trailer for this many frames.
#[must_use]
pub const fn footer_len(entries: usize) -> usize {
    entries.saturating_mul(ENTRY).saturating_add(FOOTER_HEAD + TAG + TRAILER)
}

/// Magic and the pack's length.
fn aad(pack_len: usize) -> [u8; 12] {
    let mut aad = [0u8; 12];
    let len = u64::try_from(pack_len).unwrap_or(u64::MAX).to_le_bytes();
    aad.iter_mut().zip(MAGIC.into_iter().chain(len)).for_each(|(to, from)| *to = from);
    aad
}

fn seal_footer<R: RngCore + ?Sized>(
    kind: PackKind,
    entries: &[FrameEntry],
    target: &mut [u8],
    pack_len: usize,
    keys: &FooterKeys,
    rng: &mut R,
) -> Result<(), PackError> {
    let mut nonce = [0u8; NONCE];
    rng.fill_bytes(&mut nonce);
    let unit = keys.unit(&nonce);
    let count = u32::try_from(entries.len()).map_err(|_| PackError::Cipher)?;
    let mut plain = Vec::with_capacity(target.len());
    plain.push(VERSION);
    kind.encode_to(&mut plain);
    plain.extend_from_slice(&count.to_le_bytes());
    entries.iter().for_each(|entry| entry.encode_to(&mut plain));
    let once = Nonce::assume_unique_for_key(nonce);
    let tag = unit
        .key
        .seal_in_place_separate_tag(once, Aad::from(aad(pack_len)), &mut plain)
        .map_err(|_| PackError::Cipher)?;
    plain.extend_from_slice(tag.as_ref());
    let sealed = u32::try_from(plain.len()).map_err(|_| PackError::Cipher)?;
    let mut fields = [0u8; FIELDS];
    let parts = MAGIC.into_iter().chain(sealed.to_le_bytes());
    fields.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    unit.mask(&mut fields);
    plain.extend_from_slice(&nonce);
    plain.extend_from_slice(&fields);
    plain.extend_from_slice(&unit.commitment);
    if plain.len() != target.len() {
        return Err(PackError::Cipher);
    }
    target.copy_from_slice(&plain);
    Ok(())
}

#[cfg(test)]
#[path = "pack_test.rs"]
mod tests;
