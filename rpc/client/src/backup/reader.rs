//! Reads big files through a few buffers and cuts them into chunks.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};
use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, pread};
use seal::chunk::{Chunker, Cut, ZERO_RUN};
use seal::pack::PackKind;
use seal::tree::Piece;

use super::files::{Assembly, BigFile, Job};
use super::packer::Tools;
use super::run::Run;
use crate::buffers::{Pool, Pooled};
use crate::meta::{FileStat, xattrs_of_file};
use crate::width::u64_of;
use crate::{ClientError, open};

/// Bytes that are read before they are cut; a chunk may be half of it.
const SEGMENT: usize = 8 * 1024 * 1024;
/// Buffers of that length.
const SEGMENTS: usize = 4;
/// Chunks that one job stores.
const CUTS: usize = 4;

/// Some chunks of a big file, in a buffer that other segments may share.
pub(super) struct Segment {
    assembly: Arc<Assembly>,
    buffer: Arc<Pooled>,
    /// Number of the first piece, and start and end of each in the buffer.
    first: usize,
    cuts: Vec<(usize, usize)>,
}

impl Segment {
    /// Stores the chunks.
    pub(super) fn store(self, run: &Run<'_>, tools: &mut Tools) -> Result<(), ClientError> {
        let mut pieces = Vec::with_capacity(self.cuts.len());
        let mut packs = Vec::with_capacity(self.cuts.len());
        let mut bytes = 0;
        for (number, (start, end)) in self.cuts.iter().enumerate() {
            let plain = &(*self.buffer).as_ref()[*start..*end];
            let (id, pack) = run.store(tools, PackKind::Data, plain)?;
            let len = u32::try_from(plain.len()).map_err(|error| ClientError::internal("cutting a file")(&error))?;
            pieces.push((self.first + number, Piece::Chunk { id, len }));
            packs.push(pack);
            bytes += u64::from(len);
        }
        drop(self.buffer);
        run.options.progress.done(0, bytes);
        self.assembly.add(&pieces, &packs);
        self.assembly.release(run, tools)
    }
}

/// Reads big files, one after the other, until there are none.
pub(super) fn read_all(run: &Run<'_>, mut tools: Tools, files: &Receiver<BigFile>, jobs: &Sender<Job>) {
    let pool = Pool::new(SEGMENTS, SEGMENT);
    for big in files {
        if run.is_ending() {
            continue;
        }
        let assembly = Assembly::new(Arc::clone(&big.directory), &big.file);
        let read = read_one(run, &pool, &assembly, &big, jobs);
        let done = match read {
            Ok(()) => Ok(()),
            Err(ReadError::File(error)) => {
                run.error(&assembly.path(), format!("cannot be read: {error}"));
                Ok(())
            }
            Err(ReadError::Run(error)) => Err(error),
        };
        run.counters.files_read.fetch_add(1, Ordering::Relaxed);
        run.options.progress.done(1, 0);
        if let Err(error) = done.and_then(|()| assembly.release(run, &mut tools)) {
            run.fail(error);
        }
    }
}

/// What can go wrong: with this file, or with everything.
enum ReadError {
    File(Errno),
    Run(ClientError),
}

impl From<Errno> for ReadError {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

fn read_one(
    run: &Run<'_>,
    pool: &Pool,
    assembly: &Arc<Assembly>,
    big: &BigFile,
    jobs: &Sender<Job>,
) -> Result<(), ReadError> {
    let fd = open::file(&*big.fd, big.file.name.as_c_str())?;
    let before = FileStat::of_file(&fd)?;
    if before.kind != rustix::fs::FileType::RegularFile {
        return Err(Errno::NXIO.into());
    }
    let _ = rustix::fs::fadvise(&fd, 0, None, rustix::fs::Advice::Sequential);
    let mut next = 0;
    let mut cutter = Cutter::new(fd, before.is_sparse());
    loop {
        if run.is_ending() {
            return Err(ReadError::Run(ClientError::Cancelled));
        }
        let step = cutter.step(&run.chunker, pool)?;
        if step.zeros > 0 {
            assembly.add(&[(next, Piece::Zeros { len: step.zeros })], &[]);
            run.options.progress.done(0, step.zeros);
            next += 1;
        }
        let mut cuts = step.cuts.as_slice();
        while let Some(buffer) = step.buffer.as_ref().filter(|_| !cuts.is_empty()) {
            let (part, rest) = cuts.split_at(cuts.len().min(CUTS));
            assembly.hold();
            let segment = Segment {
                assembly: Arc::clone(assembly),
                buffer: Arc::clone(buffer),
                first: next,
                cuts: part.to_vec(),
            };
            jobs.send(Job::Segment(segment)).map_err(|_| ReadError::Run(ClientError::Cancelled))?;
            next += part.len();
            cuts = rest;
        }
        if step.ended {
            break;
        }
    }
    let after = FileStat::of_file(&cutter.fd)?;
    if !before.same_content(&after) || !big.file.stat.same_content(&after) {
        run.error(&assembly.path(), "changed while it was read; stored as it was read");
        assembly.directory.taint();
    }
    assembly.end(after, xattrs_of_file(&cutter.fd)?);
    Ok(())
}

/// Cuts one file, buffer by buffer. The bytes after the last cut move on to the next buffer.
pub(crate) struct Cutter {
    pub(crate) fd: OwnedFd,
    sparse: bool,
    /// Where the next byte is read.
    at: u64,
    rest: Option<(Arc<Pooled>, usize, usize)>,
    ended: bool,
}

/// What one step found: zeros first, then chunks in a buffer.
pub(crate) struct Step {
    pub(crate) zeros: u64,
    pub(crate) buffer: Option<Arc<Pooled>>,
    /// Start and end of each chunk.
    pub(crate) cuts: Vec<(usize, usize)>,
    /// There is nothing more.
    pub(crate) ended: bool,
}

impl Cutter {
    /// Length of the buffers that [`Cutter::step`] needs, bytes; two of them.
    pub(crate) const BUFFER: usize = SEGMENT;

    pub(crate) fn new(fd: OwnedFd, sparse: bool) -> Self {
        Self { fd, sparse, at: 0, rest: None, ended: false }
    }

    /// Reads and cuts some more.
    pub(crate) fn step(&mut self, chunker: &Chunker, pool: &Pool) -> Result<Step, Errno> {
        let zeros = self.skip_hole()?;
        if zeros > 0 {
            return Ok(Step { zeros, buffer: None, cuts: Vec::new(), ended: false });
        }
        let (mut buffer, mut len) = (pool.take(), 0);
        if let Some((old, start, end)) = self.rest.take() {
            buffer.as_mut()[..end - start].copy_from_slice(&(*old).as_ref()[start..end]);
            len = end - start;
        }
        while len < SEGMENT && !self.ended {
            match pread(&self.fd, &mut buffer.as_mut()[len..], self.at)? {
                0 => self.ended = true,
                read => {
                    len += read;
                    self.at += u64_of(read);
                }
            }
        }
        let buffer = Arc::new(buffer);
        let bytes = &(*buffer).as_ref()[..len];
        let (mut start, mut zeros, mut cuts) = (0, 0, Vec::new());
        while start < len {
            match chunker.cut(&bytes[start..], self.ended) {
                Cut::Chunk(cut) => {
                    cuts.push((start, start + cut));
                    start += cut;
                }
                Cut::Zeros if cuts.is_empty() => {
                    zeros += u64_of(ZERO_RUN);
                    start += ZERO_RUN;
                }
                // Zeros after chunks belong to the next step, so that the order of pieces is kept.
                Cut::Zeros | Cut::NeedMore => break,
            }
        }
        let ended = self.ended && start == len;
        if start < len {
            self.rest = Some((Arc::clone(&buffer), start, len));
        }
        Ok(Step { zeros, buffer: Some(buffer), cuts, ended })
    }

    /// Skips runs of zeros that are holes, without reading them. Returns their length.
    fn skip_hole(&mut self) -> Result<u64, Errno> {
        if !self.sparse || self.ended {
            return Ok(0);
        }
        let rest = self.rest.as_ref().map_or(0, |(_, start, end)| end - start);
        if let Some((buffer, start, end)) = &self.rest
            && (**buffer).as_ref()[*start..*end].iter().any(|byte| *byte != 0)
        {
            return Ok(0);
        }
        let start = self.at - u64_of(rest);
        let data = match seek(&self.fd, SeekFrom::Data(self.at)) {
            Ok(data) => data,
            // No data up to the end of the file.
            Err(Errno::NXIO) => FileStat::of_file(&self.fd)?.size,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {
                self.sparse = false;
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        let zeros = data.saturating_sub(start) / u64_of(ZERO_RUN) * u64_of(ZERO_RUN);
        if zeros > 0 {
            self.rest = None;
            self.at = start + zeros;
        }
        Ok(zeros)
    }
}
