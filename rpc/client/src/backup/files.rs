//! Reads files and stores their chunks.

use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use primitives::Hash32;
use rustix::io::Errno;
use seal::chunk::CHUNK_MIN;
use seal::pack::PackKind;
use seal::tree::{Content, DIRECT_MAX, Entry, FileNode, LIST_MAX, Node, Piece, Pieces, Xattr, encode_list};

use super::directory::{Directory, Ready};
use super::packer::Tools;
use super::reader::Segment;
use super::run::Run;
use super::walk::checked_name;
use crate::index::PackNumber;
use crate::meta::{FileStat, xattrs_of_file};
use crate::width::u64_of;
use crate::{ClientError, open};

/// What a worker does next.
pub(super) enum Job {
    /// Reads small files of one directory.
    Files { directory: Arc<Directory>, fd: Arc<OwnedFd>, files: Vec<SmallFile> },
    /// Stores chunks of a big file.
    Segment(Segment),
}

/// A file that is one chunk at most.
pub(super) struct SmallFile {
    pub(super) place: usize,
    pub(super) name: CString,
    pub(super) stat: FileStat,
}

/// A file that has to be cut.
pub(super) struct BigFile {
    pub(super) directory: Arc<Directory>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) file: SmallFile,
}

/// A big file whose chunks are being stored.
pub(super) struct Assembly {
    pub(super) directory: Arc<Directory>,
    pub(super) place: usize,
    pub(super) name: CString,
    stored: Mutex<Stored>,
    /// Segments under way, and one for the reader.
    pending: AtomicUsize,
}

#[derive(Default)]
struct Stored {
    pieces: Vec<Option<Piece>>,
    packs: Vec<PackNumber>,
    /// Set by the reader at the end; `None` = the file could not be read.
    end: Option<(FileStat, Vec<Xattr>)>,
}

/// The change time to compare with next time; zero when a later change could have the same time.
pub(super) fn believed(run: &Run<'_>, stat: &FileStat) -> (i64, u32) {
    if stat.ctime >= run.racy_from { (0, 0) } else { (stat.ctime.secs, stat.ctime.nanos) }
}

/// Works until there are no jobs.
pub(super) fn work(run: &Run<'_>, tools: &mut Tools, jobs: &crossbeam_channel::Receiver<Job>) {
    for job in jobs {
        if run.is_ending() {
            continue;
        }
        let done = match job {
            Job::Files { directory, fd, files } => small_files(run, tools, &directory, &fd, files),
            Job::Segment(segment) => segment.store(run, tools),
        };
        if let Err(error) = done {
            run.fail(error);
        }
    }
}

fn small_files(
    run: &Run<'_>,
    tools: &mut Tools,
    directory: &Arc<Directory>,
    fd: &OwnedFd,
    files: Vec<SmallFile>,
) -> Result<(), ClientError> {
    let mut filled = Vec::with_capacity(files.len());
    let (mut count, mut bytes) = (0, 0);
    for file in files {
        let place = file.place;
        count += 1;
        bytes += file.stat.size;
        filled.push((place, small_file(run, tools, directory, fd, file)?));
    }
    run.counters.files_read.fetch_add(count, Ordering::Relaxed);
    run.options.progress.done(count, bytes);
    directory.fill_many(run, tools, filled)
}

/// Reads and stores one small file; `None` when it cannot be read.
fn small_file(
    run: &Run<'_>,
    tools: &mut Tools,
    directory: &Arc<Directory>,
    fd: &OwnedFd,
    file: SmallFile,
) -> Result<Option<Ready>, ClientError> {
    let path = || directory.path.join(OsStr::from_bytes(file.name.as_bytes()));
    let mut buffer = std::mem::take(&mut tools.buffer);
    // One byte more than the longest small file: reading that many means that the file has grown.
    buffer.resize(CHUNK_MIN + 1, 0);
    let read = read_stable(fd, &file, &mut buffer);
    let ready = match read {
        Ok(Read { len, stat, xattrs, changed }) => {
            if changed {
                run.error(&path(), "changed while it was read; stored as it was read");
                directory.taint();
            }
            let mut packs = Vec::new();
            let mut pieces = Vec::new();
            if len > 0 {
                let (id, pack) = run.store(tools, PackKind::Data, &buffer[..len])?;
                packs.push(pack);
                pieces.push(Piece::Chunk { id, len: u32::try_from(len).unwrap_or(u32::MAX) });
            }
            Some(ready(run, tools, file.name, &stat, xattrs, pieces, packs)?)
        }
        Err(error) => {
            run.error(&path(), reason(error));
            None
        }
    };
    tools.buffer = buffer;
    Ok(ready)
}

/// What was read of a small file.
struct Read {
    len: usize,
    stat: FileStat,
    xattrs: Vec<Xattr>,
    changed: bool,
}

/// Reads a file; once more when it changes meanwhile.
fn read_stable(directory: &OwnedFd, file: &SmallFile, buffer: &mut [u8]) -> Result<Read, Errno> {
    let mut before = file.stat;
    for attempt in 0.. {
        let fd = open::file(directory, file.name.as_c_str())?;
        let want = usize::try_from(before.size).unwrap_or(usize::MAX).saturating_add(1).min(buffer.len());
        let mut len = 0;
        while len < want {
            match rustix::io::read(&fd, &mut buffer[len..want])? {
                0 => break,
                read => len += read,
            }
        }
        let stat = FileStat::of_file(&fd)?;
        let same = before.same_content(&stat) && u64_of(len) == stat.size;
        if same || attempt == 2 {
            if len > CHUNK_MIN {
                return Err(Errno::FBIG);
            }
            return Ok(Read { len, stat, xattrs: xattrs_of_file(&fd)?, changed: !same });
        }
        before = stat;
    }
    unreachable!("the loop returns at the third attempt")
}

fn reason(error: Errno) -> String {
    match error {
        Errno::NOENT => "vanished before it was read".to_owned(),
        Errno::FBIG => "grew while it was read; the next backup takes it".to_owned(),
        Errno::LOOP => "became a symbolic link while it was read".to_owned(),
        error => format!("cannot be read: {error}"),
    }
}

/// The entry of a file whose pieces are stored.
fn ready(
    run: &Run<'_>,
    tools: &mut Tools,
    name: CString,
    stat: &FileStat,
    xattrs: Vec<Xattr>,
    pieces: Vec<Piece>,
    mut packs: Vec<PackNumber>,
) -> Result<Ready, ClientError> {
    let size = pieces.iter().map(Piece::len).sum();
    let (content, digest) = content(run, tools, pieces, &mut packs)?;
    let link = (stat.links > 1).then(|| link_number(stat));
    let node = Node::File(FileNode { size, content, sparse: stat.is_sparse(), link });
    let entry = Entry { name: checked_name(name), meta: run.names.meta(stat, xattrs), node };
    Ok(Ready { entry, digest, packs, ctime: believed(run, stat), inode: stat.inode, kept: false })
}

/// A content with these pieces, and its digest; long lists are stored.
pub(super) fn content(
    run: &Run<'_>,
    tools: &mut Tools,
    pieces: Vec<Piece>,
    packs: &mut Vec<PackNumber>,
) -> Result<(Content, Hash32), ClientError> {
    let mut digest = run.content.file();
    pieces.iter().for_each(|piece| digest.push(piece));
    let digest = digest.finish();
    if pieces.len() <= DIRECT_MAX {
        return Ok((Content::Direct(pieces), digest));
    }
    let mut lists = Vec::new();
    for part in pieces.chunks(LIST_MAX) {
        lists.push(run.store_tree(tools, &encode_list(part), packs)?);
    }
    Ok((Content::Indirect { digest, pieces: u64_of(pieces.len()), lists }, digest))
}

/// The same for all names of one file, and the same next time.
fn link_number(stat: &FileStat) -> u64 {
    let bytes = [stat.device.to_le_bytes(), stat.inode.to_le_bytes()].concat();
    blake3::hash(&bytes).as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

impl Assembly {
    pub(super) fn new(directory: Arc<Directory>, file: &SmallFile) -> Arc<Self> {
        let (place, name) = (file.place, file.name.clone());
        Arc::new(Self { directory, place, name, stored: Mutex::default(), pending: AtomicUsize::new(1) })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path.join(OsStr::from_bytes(self.name.as_bytes()))
    }

    fn stored(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().expect("no thread panics while it holds a file")
    }

    /// One more segment is under way.
    pub(super) fn hold(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    /// Puts pieces in their places.
    pub(super) fn add(&self, pieces: &[(usize, Piece)], packs: &[PackNumber]) {
        let mut stored = self.stored();
        for (at, piece) in pieces {
            if stored.pieces.len() <= *at {
                stored.pieces.resize(*at + 1, None);
            }
            stored.pieces[*at] = Some(*piece);
        }
        for pack in packs {
            if !stored.packs.contains(pack) {
                stored.packs.push(*pack);
            }
        }
    }

    /// Says how the file was when all of it was read.
    pub(super) fn end(&self, stat: FileStat, xattrs: Vec<Xattr>) {
        self.stored().end = Some((stat, xattrs));
    }

    /// One segment (or the reader) is done; the last one completes the file.
    pub(super) fn release(&self, run: &Run<'_>, tools: &mut Tools) -> Result<(), ClientError> {
        if self.pending.fetch_sub(1, Ordering::AcqRel) != 1 {
            return Ok(());
        }
        let Stored { pieces, packs, end } = std::mem::take(&mut *self.stored());
        let complete = match end {
            None => None,
            Some((stat, xattrs)) => {
                let mut joined = Pieces::new();
                pieces.into_iter().flatten().for_each(|piece| joined.push(piece));
                Some(ready(run, tools, self.name.clone(), &stat, xattrs, joined.into_vec(), packs)?)
            }
        };
        self.directory.fill(run, tools, self.place, complete)
    }
}
