//! Reads packs, opens frames and writes files.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use seal::chunk::CHUNK_MAX;
use seal::frame::FrameOpener;

use super::batch::{FilePlan, Use, parent};
use super::io::{reads, set_size, shift, span, to_page, write_all, write_sparse};
use super::{Restore, metadata, place};
use crate::buffers::{AlignedBuffer, PAGE, Permit};
use crate::fetch::Wait;
use crate::index::PackInfo;
use crate::width::{u64_of, usize_of};
use crate::{ClientError, NodeError};

/// From this size on files are written past the page cache.
const DIRECT_FROM: u64 = 4 * 1024 * 1024;
/// Open directories that a thread keeps.
const DIRECTORIES: usize = 64;

/// One thread of a restore.
pub(super) struct Writer<'r, 'a> {
    restore: &'r Restore<'a>,
    files: &'r [FilePlan],
    opener: FrameOpener,
    plain: AlignedBuffer,
    raw: Vec<u8>,
    directories: HashMap<PathBuf, OwnedFd>,
}

impl<'r, 'a> Writer<'r, 'a> {
    pub(super) fn new(restore: &'r Restore<'a>, files: &'r [FilePlan]) -> Result<Self, ClientError> {
        let opener = FrameOpener::new(restore.reading.frame_keys());
        let opener = opener.map_err(|error| ClientError::internal("starting to restore")(&error))?;
        let plain = AlignedBuffer::new(CHUNK_MAX + PAGE);
        Ok(Self { restore, files, opener, plain, raw: Vec::new(), directories: HashMap::new() })
    }

    /// Restores all pieces that one pack holds; `uses` ascend by place in it.
    pub(super) fn pack(&mut self, uses: &[Use]) -> Result<(), ClientError> {
        let Some(first) = uses.first() else { return Ok(()) };
        let Some(info) = self.restore.reading.index.pack(first.pack) else { return Ok(()) };
        let fetcher = &self.restore.reading.fetcher;
        let mut decoded: Option<(Permit, Vec<u8>)> = None;
        let mut open = Open::default();
        for range in reads(uses) {
            self.restore.options.cancel.check()?;
            let part = &uses[range];
            let (start, end) = span(part);
            let mut raw = std::mem::take(&mut self.raw);
            let mut readable = decoded.is_some();
            if decoded.is_none() {
                raw.resize(raw.len().max(usize_of(end - start)), 0);
                let target = &mut raw[..usize_of(end - start)];
                match fetcher.read(&info.header, u64::from(start)..u64::from(end), target, Wait::AWhile) {
                    Ok(()) => readable = true,
                    Err(error @ NodeError::Unreachable { .. }) => return Err(error.into()),
                    Err(error) => tracing::debug!(target: "client", %error, pack = %info.id, "decoding a pack"),
                }
            }
            let mut at = 0;
            while at < part.len() {
                let same = part[at..].iter().take_while(|used| used.offset == part[at].offset).count();
                let group = &part[at..at + same];
                let used = &group[0];
                let frame = match &decoded {
                    Some((_, pack)) => pack.get(usize_of(used.offset)..usize_of(used.offset + used.len)),
                    None if readable => {
                        raw.get(usize_of(used.offset - start)..usize_of(used.offset + used.len - start))
                    }
                    None => None,
                };
                if frame.is_some_and(|frame| self.open(used, frame)) {
                    self.write_group(group, &mut open)?;
                    at += same;
                } else if decoded.is_none() {
                    // Missing or damaged: from here on with the whole pack, out of shards whose hashes are right.
                    let permit = self.restore.decoding.take();
                    match fetcher.rebuild(&info.header) {
                        Ok(pack) => decoded = Some((permit, pack)),
                        Err(error) if error.is_loss() => {
                            self.raw = raw;
                            let rest = uses.iter().position(|other| other.offset >= used.offset);
                            return self.salvage(&info, &uses[rest.unwrap_or(uses.len())..], &error);
                        }
                        Err(error) => return Err(error),
                    }
                } else {
                    let error = ClientError::damaged(format!("chunk {}", used.chunk), "its frame does not open");
                    group.iter().for_each(|used| self.lose(used, &error));
                    at += same;
                }
            }
            self.raw = raw;
        }
        Ok(())
    }

    /// Restores what is left of a pack that cannot be decoded: frames that lie in a data shard that is still there.
    fn salvage(&mut self, info: &PackInfo, uses: &[Use], lost: &ClientError) -> Result<(), ClientError> {
        let mut open = Open::default();
        for group in uses.chunk_by(|a, b| a.offset == b.offset) {
            let (start, end) = span(group);
            let mut frame = vec![0; usize_of(end - start)];
            let range = u64::from(start)..u64::from(end);
            let fetcher = &self.restore.reading.fetcher;
            match fetcher.read(&info.header, range, &mut frame, Wait::AsLongAsItTakes) {
                Ok(()) if self.open(&group[0], &frame) => self.write_group(group, &mut open)?,
                Err(error) if error.is_temporary() => return Err(error.into()),
                Ok(()) | Err(_) => group.iter().for_each(|used| self.lose(used, lost)),
            }
        }
        Ok(())
    }

    /// Opens a frame into the buffer, where its first byte has the alignment that it will have in the file.
    fn open(&mut self, used: &Use, frame: &[u8]) -> bool {
        let shift = shift(used);
        let plain = &mut self.plain.as_mut()[shift..shift + usize_of(used.plain_len)];
        self.opener.open(&used.chunk, frame, plain).is_ok()
    }

    /// Writes an opened chunk to every place that needs it.
    fn write_group(&mut self, group: &[Use], open: &mut Open) -> Result<(), ClientError> {
        for (number, used) in group.iter().enumerate() {
            let file = &self.files[usize_of(used.file)];
            if file.failed.load(Ordering::Relaxed) {
                continue;
            }
            let (from, to) = (shift(&group[0]), shift(used));
            if number > 0 && from != to {
                // Another place in its file: aligned only by chance, so it goes through the page cache.
                let plain = self.plain.as_ref()[from..from + usize_of(used.plain_len)].to_vec();
                self.write_piece(file, used, &plain, None, open)?;
            } else {
                let buffer = std::mem::replace(&mut self.plain, AlignedBuffer::new(0));
                let plain = &buffer.as_ref()[from..from + usize_of(used.plain_len)];
                let written = self.write_piece(file, used, plain, Some(from), open);
                self.plain = buffer;
                written?;
            }
        }
        Ok(())
    }

    fn write_piece(
        &mut self,
        file: &FilePlan,
        used: &Use,
        plain: &[u8],
        aligned: Option<usize>,
        open: &mut Open,
    ) -> Result<(), ClientError> {
        let written = if file.pieces == 1 && u64_of(plain.len()) == file.size {
            self.write_whole(file, plain)
        } else {
            self.write_part(file, used.at, plain, aligned.is_some(), open)
        };
        match written {
            Ok(()) => {
                let bytes = u64::from(used.plain_len);
                self.restore.options.progress.done(0, bytes);
                let whole = file.pieces == 1 && bytes == file.size;
                let is_last = file.left.fetch_sub(1, Ordering::AcqRel) == 1;
                if is_last
                    && !whole
                    && let Err(error) = self.complete(file, open)
                {
                    return self.fail(file, error);
                }
                Ok(())
            }
            Err(error) => self.fail(file, error),
        }
    }

    /// A file that is one chunk: made, written and finished at once.
    fn write_whole(&mut self, file: &FilePlan, plain: &[u8]) -> Result<(), Errno> {
        let fd = self.create(file)?;
        if file.sparse {
            write_sparse(&fd, plain, 0, file.size)?
        } else {
            write_all(&fd, plain, 0)?
        }
        self.finish(file, &fd)
    }

    /// A part of a file: the whole pages past the page cache, the ragged ends through it.
    fn write_part(
        &mut self,
        file: &FilePlan,
        at: u64,
        plain: &[u8],
        aligned: bool,
        open: &mut Open,
    ) -> Result<(), Errno> {
        if open.file.as_deref() != Some(file.path.as_path()) {
            let (buffered, direct) = self.open_parts(file)?;
            *open = Open { file: Some(file.path.clone()), buffered: Some(buffered), direct };
        }
        let Some(buffered) = &open.buffered else { return Err(Errno::BADF) };
        if file.sparse {
            return write_sparse(buffered, plain, at, file.size);
        }
        let head = to_page(at).min(plain.len());
        let middle = (plain.len() - head) / PAGE * PAGE;
        let Some(direct) = open.direct.as_ref().filter(|_| aligned && middle > 0) else {
            return write_all(buffered, plain, at);
        };
        write_all(buffered, &plain[..head], at)?;
        match write_all(direct, &plain[head..head + middle], at + u64_of(head)) {
            Err(Errno::INVAL) => {
                open.direct = None;
                return write_all(buffered, plain, at);
            }
            result => result?,
        }
        write_all(buffered, &plain[head + middle..], at + u64_of(head + middle))
    }

    /// Opens a file of several pieces for writing; the first to come makes it.
    fn open_parts(&mut self, file: &FilePlan) -> Result<(OwnedFd, Option<OwnedFd>), Errno> {
        let name = file.part.as_str();
        let fd = {
            // Several threads may come first: one at a time.
            let _one = file.opening.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if file.made.swap(true, Ordering::AcqRel) {
                if !file.created.load(Ordering::Acquire) {
                    return Err(Errno::NOENT);
                }
                let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(self.directory(parent(&file.path))?, name, flags, Mode::empty())?
            } else {
                let fd = self.create(file)?;
                set_size(&fd, file)?;
                fd
            }
        };
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::DIRECT;
        let direct = (file.size >= DIRECT_FROM && !file.sparse)
            .then(|| {
                self.directory(parent(&file.path)).and_then(|directory| openat(directory, name, flags, Mode::empty()))
            })
            .and_then(Result::ok);
        Ok((fd, direct))
    }

    /// A file without stored pieces: empty, or nothing but zeros.
    pub(super) fn without_pieces(&mut self, file: &FilePlan) -> Result<(), ClientError> {
        if file.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let made = self.create(file).and_then(|fd| {
            set_size(&fd, file)?;
            self.finish(file, &fd)
        });
        match made {
            Ok(()) => {
                self.restore.options.progress.done(0, file.size);
                Ok(())
            }
            Err(error) => self.fail(file, error),
        }
    }

    fn create(&mut self, file: &FilePlan) -> Result<OwnedFd, Errno> {
        let name = file.path.file_name().unwrap_or_default().as_bytes();
        let restore = self.restore;
        let directory = self.directory(parent(&file.path))?;
        restore.target.check_free(directory, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = restore.fresh.mode(&file.meta).0;
        let part = file.part.as_str();
        let fd = restore.target.begin(directory, part, || openat(directory, part, flags, mode))?;
        file.created.store(true, Ordering::Release);
        Ok(fd)
    }

    fn directory(&mut self, path: &Path) -> Result<&OwnedFd, Errno> {
        if !self.directories.contains_key(path) {
            if self.directories.len() >= DIRECTORIES {
                self.directories.clear();
            }
            let fd = self.restore.target.directory(path)?;
            self.directories.insert(path.to_path_buf(), fd);
        }
        self.directories.get(path).ok_or(Errno::BADF)
    }

    /// The last piece is written.
    fn complete(&mut self, file: &FilePlan, open: &mut Open) -> Result<(), Errno> {
        let Some(fd) = std::mem::take(open).buffered else { return Err(Errno::BADF) };
        self.finish(file, &fd)
    }

    /// Gives a whole file its metadata and its name.
    fn finish(&mut self, file: &FilePlan, fd: impl AsFd) -> Result<(), Errno> {
        for failed in metadata::apply_new(self.restore, fd, &file.meta) {
            self.restore.error(&file.path, failed);
        }
        let restore = self.restore;
        let name = file.path.file_name().unwrap_or_default().as_bytes();
        restore.target.settle(self.directory(parent(&file.path))?, &file.part, name)?;
        file.created.store(false, Ordering::Release);
        self.restore.counters.files.fetch_add(1, Ordering::Relaxed);
        self.restore.counters.bytes.fetch_add(file.size, Ordering::Relaxed);
        self.restore.options.progress.done(1, 0);
        Ok(())
    }

    /// A file cannot be written: what was written of it goes, and what is in its place stays.
    fn fail(&mut self, file: &FilePlan, error: Errno) -> Result<(), ClientError> {
        if file.failed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.take_away(file);
        self.restore.failed(&file.path, error, place::reason)
    }

    /// A piece cannot be had: its file is lost, and what was written of it goes.
    fn lose(&mut self, used: &Use, error: &ClientError) {
        let file = &self.files[usize_of(used.file)];
        if file.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.restore.lost(&file.path, error);
        self.take_away(file);
    }

    /// Removes what there is of a file.
    fn take_away(&mut self, file: &FilePlan) {
        // Nobody makes it any more from here on.
        let _one = file.opening.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.made.store(true, Ordering::Release);
        file.created.store(false, Ordering::Release);
        let restore = self.restore;
        let removed =
            self.directory(parent(&file.path)).and_then(|directory| restore.target.discard(directory, &file.part));
        if let Err(error) = removed {
            let what = file.path.with_file_name(&file.part);
            self.restore.error(&what, format!("is a part of a file and cannot be removed: {error}"));
        }
    }
}

/// The file that a thread writes to just now.
#[derive(Default)]
struct Open {
    file: Option<PathBuf>,
    buffered: Option<OwnedFd>,
    direct: Option<OwnedFd>,
}
