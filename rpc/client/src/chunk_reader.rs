//! Reads single chunks: of directories, lists and objects.

use std::collections::VecDeque;

use primitives::ChunkId;
use seal::frame::{FrameError, FrameKeys, FrameOpener};

use crate::fetch::{Fetcher, Wait};
use crate::index::{Location, PackNumber, VaultIndex};
use crate::width::u64_of;
use crate::{ClientError, NodeError};

/// Bytes that are read around a shorter frame, for its neighbours are wanted next.
const AROUND: u64 = 512 * 1024;
/// Windows that are kept.
const WINDOWS: usize = 16;
/// Decoded packs that are kept.
const DECODED: usize = 2;

/// Reads chunks one at a time, keeping what it has read around them.
pub(crate) struct ChunkReader<'a> {
    index: &'a VaultIndex,
    fetcher: &'a Fetcher,
    opener: FrameOpener,
    windows: VecDeque<Window>,
}

/// A part of a pack, or a decoded pack.
struct Window {
    pack: PackNumber,
    start: u64,
    bytes: Vec<u8>,
    verified: bool,
}

impl<'a> ChunkReader<'a> {
    pub(crate) fn new(index: &'a VaultIndex, fetcher: &'a Fetcher, keys: FrameKeys) -> Result<Self, ClientError> {
        let opener = FrameOpener::new(keys).map_err(|error| ClientError::internal("starting to read")(&error))?;
        Ok(Self { index, fetcher, opener, windows: VecDeque::new() })
    }

    /// The chunk's bytes.
    ///
    /// # Errors
    /// Errors for which [`ClientError::is_loss`] holds concern this chunk only.
    pub(crate) fn read(&mut self, chunk: &ChunkId, len: u32) -> Result<Vec<u8>, ClientError> {
        let location = self.index.locate(chunk)?.ok_or(ClientError::ChunkLost { chunk: *chunk })?;
        if location.plain_len != len {
            return Err(ClientError::damaged(format!("chunk {chunk}"), "its length is not the one that is recorded"));
        }
        let mut plain = vec![0; usize::try_from(len).unwrap_or(0)];
        if self.open(&location, chunk, &mut plain).is_ok() {
            return Ok(plain);
        }
        let around = if u64::from(location.len) < AROUND { AROUND } else { 0 };
        if self.load_and_open(&location, around, Wait::AWhile, chunk, &mut plain)? {
            return Ok(plain);
        }
        if let Err(error) = self.decode(location.pack) {
            // Too little of the pack is left to decode it, but the frame may lie in a data shard that is still there.
            let found =
                error.is_loss() && self.load_and_open(&location, 0, Wait::AsLongAsItTakes, chunk, &mut plain)?;
            return if found { Ok(plain) } else { Err(error) };
        }
        match self.open(&location, chunk, &mut plain) {
            Ok(()) => Ok(plain),
            Err(error) => Err(ClientError::damaged(format!("chunk {chunk}"), error)),
        }
    }

    /// Opens the frame from a window.
    fn open(&mut self, location: &Location, chunk: &ChunkId, plain: &mut [u8]) -> Result<(), FrameError> {
        let frame = frame(&self.windows, location).unwrap_or_default();
        self.opener.open(chunk, frame, plain)
    }

    /// Reads the frame and opens it; says whether that worked.
    fn load_and_open(
        &mut self,
        location: &Location,
        around: u64,
        wait: Wait,
        chunk: &ChunkId,
        plain: &mut [u8],
    ) -> Result<bool, ClientError> {
        if !self.load(location, around, wait)? {
            return Ok(false);
        }
        let opened = self.open(location, chunk, plain);
        if let Err(error) = &opened {
            tracing::debug!(target: "client", %error, "a frame does not open; decoding its pack");
        }
        Ok(opened.is_ok())
    }

    /// Reads the frame and `around` bytes on both sides; says whether that worked.
    fn load(&mut self, location: &Location, around: u64, wait: Wait) -> Result<bool, ClientError> {
        let Some(info) = self.index.pack(location.pack) else { return Ok(false) };
        let start = u64::from(location.offset).saturating_sub(around);
        let end = u64::from(location.offset) + u64::from(location.len) + around;
        let end = end.min(Fetcher::pack_len(&info.header));
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
        match self.fetcher.read(&info.header, start..end, &mut bytes, wait) {
            Ok(()) => {
                self.keep(Window { pack: location.pack, start, bytes, verified: false });
                Ok(true)
            }
            Err(error @ NodeError::Unreachable { .. }) => Err(error.into()),
            Err(error) if wait == Wait::AsLongAsItTakes && error.is_temporary() => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    fn decode(&mut self, pack: PackNumber) -> Result<(), ClientError> {
        let info = self.index.pack(pack).ok_or_else(|| ClientError::damaged("the local index", "a pack is missing"))?;
        let bytes = self.fetcher.rebuild(&info.header)?;
        self.windows.retain(|window| window.pack != pack);
        while self.windows.iter().filter(|window| window.verified).count() >= DECODED {
            let oldest = self.windows.iter().position(|window| window.verified).unwrap_or(0);
            self.windows.remove(oldest);
        }
        self.windows.push_back(Window { pack, start: 0, bytes, verified: true });
        Ok(())
    }

    fn keep(&mut self, window: Window) {
        if self.windows.len() >= WINDOWS {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
    }
}

/// The frame, if a window has it; decoded packs first.
fn frame<'w>(windows: &'w VecDeque<Window>, location: &Location) -> Option<&'w [u8]> {
    let (start, end) = (u64::from(location.offset), u64::from(location.offset) + u64::from(location.len));
    let has = |window: &&Window| {
        window.pack == location.pack && window.start <= start && end <= window.start + u64_of(window.bytes.len())
    };
    let found = windows.iter().find(|window| window.verified && has(window));
    let window = found.or_else(|| windows.iter().rfind(has))?;
    let from = usize::try_from(start - window.start).ok()?;
    window.bytes.get(from..from + usize::try_from(location.len).ok()?)
}
