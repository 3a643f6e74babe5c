//! Walks through the tree, one directory after the other, and says what must be read.

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use rustix::fs::{FileType, readlinkat};
use rustix::io::Errno;
use seal::chunk::CHUNK_MIN;
use seal::tree::{Entry, Name, Node};

use super::directory::{Directory, Ready, key_of};
use super::files::{BigFile, Job, SmallFile};
use super::listing::{Found, fingerprint, left_out, list};
use super::packer::Tools;
use super::run::Run;
use crate::meta::{FileStat, xattrs_of_file, xattrs_of_link};
use crate::tree_cache::KnownFile;
use crate::width::u64_of;
use crate::{ClientError, open};

/// Small files in one job.
const BATCH: usize = 64;

/// Where the walker sends what must be read.
pub(super) struct Walker<'r, 'a> {
    pub(super) run: &'r Run<'a>,
    pub(super) tools: Tools,
    pub(super) jobs: Sender<Job>,
    pub(super) big: Sender<BigFile>,
}

/// A directory whose subdirectories are being walked.
struct Frame {
    directory: Arc<Directory>,
    fd: Arc<OwnedFd>,
    subdirectories: std::vec::IntoIter<(usize, CString, FileStat)>,
}

impl<'r, 'a> Walker<'r, 'a> {
    pub(super) const fn new(run: &'r Run<'a>, tools: Tools, jobs: Sender<Job>, big: Sender<BigFile>) -> Self {
        Self { run, tools, jobs, big }
    }

    pub(super) fn open_root(&self, path: &Path) -> Result<(OwnedFd, FileStat), ClientError> {
        let opened = open::root(path).and_then(|fd| FileStat::of_file(&fd).map(|stat| (fd, stat)));
        opened.map_err(|error| ClientError::Path { path: path.to_path_buf(), source: error.into() })
    }

    /// A directory with everything below it.
    pub(super) fn walk_tree(
        &mut self,
        parent: Option<(Arc<Directory>, usize)>,
        name: Name,
        path: PathBuf,
        (fd, stat): (OwnedFd, FileStat),
    ) -> Result<(), ClientError> {
        let device = stat.device;
        let mut stack = vec![self.enter(parent, name, path, fd, &stat)?];
        while let Some(frame) = stack.last_mut() {
            if self.run.is_ending() {
                return Err(ClientError::Cancelled);
            }
            let Some((place, name, stat)) = frame.subdirectories.next() else {
                let frame = stack.pop().expect("it was just looked at");
                frame.directory.release(self.run, &mut self.tools, 1)?;
                continue;
            };
            let (parent, above) = (Arc::clone(&frame.directory), Arc::clone(&frame.fd));
            let path = parent.path.join(OsStr::from_bytes(name.as_bytes()));
            if self.run.options.one_file_system && stat.device != device {
                self.run.skip(path, "on another file system");
                parent.fill(self.run, &mut self.tools, place, None)?;
                continue;
            }
            match open::directory(&*above, &*name) {
                Ok(fd) => {
                    let name = checked_name(name);
                    stack.push(self.enter(Some((parent, place)), name, path, fd, &stat)?);
                }
                Err(error) => {
                    self.run.error(&path, format!("cannot open the directory: {error}"));
                    parent.fill(self.run, &mut self.tools, place, None)?;
                }
            }
        }
        Ok(())
    }

    /// Lists a directory, sends what must be read, and returns its subdirectories.
    fn enter(
        &mut self,
        parent: Option<(Arc<Directory>, usize)>,
        name: Name,
        path: PathBuf,
        fd: OwnedFd,
        stat: &FileStat,
    ) -> Result<Frame, ClientError> {
        let run = self.run;
        let fd = Arc::new(fd);
        let (mut found, complete) = list(run, &fd, &path);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let (fingerprint, racy) = fingerprint(&found, run);
        let summary = if run.options.force { None } else { run.cache.get(&key_of(&path)) };
        let unchanged = summary.filter(|summary| complete && summary.fingerprint == fingerprint).cloned();
        let meta = match xattrs_of_file(&fd) {
            Ok(xattrs) => run.names.meta(stat, xattrs),
            Err(error) => {
                run.error(&path, format!("cannot read extended attributes: {error}"));
                run.names.meta(stat, Vec::new())
            }
        };
        let fingerprint = if racy || !complete { [0; 32] } else { fingerprint };
        if let Some(known) = unchanged {
            let (files, bytes) = found
                .iter()
                .filter(|found| found.stat.kind == FileType::RegularFile)
                .fold((0, 0), |(files, bytes), found| (files + 1, bytes + found.stat.size));
            run.options.progress.done(files, bytes);
            let directories = found.into_iter().filter(|found| found.stat.kind == FileType::Directory);
            let subdirectories: Vec<_> =
                directories.enumerate().map(|(place, found)| (place, found.name, found.stat)).collect();
            let places = subdirectories.iter().map(|_| None).collect();
            let directory = Directory::new(parent, name, path, meta, fingerprint, Some(known), places);
            return Ok(Frame { directory, fd, subdirectories: subdirectories.into_iter() });
        }
        let known: HashMap<Name, KnownFile> = summary
            .and_then(|summary| run.cache.details(summary).ok())
            .unwrap_or_default()
            .into_iter()
            .map(|file| (file.entry.name.clone(), file))
            .collect();
        let packs = summary.map(|summary| summary.packs.as_slice()).unwrap_or_default();
        self.start(parent, name, path, meta, fingerprint, fd, found, known, packs)
    }

    /// Sends the files of a directory that has changed, or is new.
    #[allow(clippy::too_many_arguments, reason = "the second half of `enter`")]
    fn start(
        &mut self,
        parent: Option<(Arc<Directory>, usize)>,
        name: Name,
        path: PathBuf,
        meta: seal::tree::Meta,
        fingerprint: [u8; 32],
        fd: Arc<OwnedFd>,
        found: Vec<Found>,
        mut known: HashMap<Name, KnownFile>,
        packs: &[crate::index::PackNumber],
    ) -> Result<Frame, ClientError> {
        let places = found.iter().map(|_| None).collect();
        let directory = Directory::new(parent, name, path, meta, fingerprint, None, places);
        let mut subdirectories = Vec::new();
        let mut batch = Vec::new();
        let mut filled = Vec::new();
        for (place, found) in found.into_iter().enumerate() {
            if found.stat.kind == FileType::Directory {
                subdirectories.push((place, found.name, found.stat));
                continue;
            }
            let old = Name::new(found.name.as_bytes().to_vec()).ok().and_then(|name| known.remove(&name));
            let old = old.filter(|old| is_same(old, &found.stat)).map(|old| (old, packs));
            if let Some(ready) = self.start_file(&directory, &fd, place, found, old, &mut batch)? {
                filled.push((place, ready));
            }
            if batch.len() == BATCH {
                self.send_batch(&directory, &fd, std::mem::take(&mut batch))?;
            }
        }
        self.send_batch(&directory, &fd, batch)?;
        if !filled.is_empty() {
            directory.fill_many(self.run, &mut self.tools, filled)?;
        }
        Ok(Frame { directory, fd, subdirectories: subdirectories.into_iter() })
    }

    /// Starts one entry that is no directory: `Some` is what to put in its place at once, `None` means later.
    pub(super) fn start_file(
        &self,
        directory: &Arc<Directory>,
        fd: &Arc<OwnedFd>,
        place: usize,
        found: Found,
        old: Option<(KnownFile, &[crate::index::PackNumber])>,
        batch: &mut Vec<SmallFile>,
    ) -> Result<Option<Option<Ready>>, ClientError> {
        let run = self.run;
        let path = || directory.path.join(OsStr::from_bytes(found.name.as_bytes()));
        if let Some((old, packs)) = old {
            let files = u64::from(found.stat.kind == FileType::RegularFile);
            run.options.progress.done(files, files * found.stat.size);
            return Ok(Some(Some(Ready::known(old, packs, &run.content))));
        }
        match found.stat.kind {
            FileType::RegularFile if found.stat.size <= u64_of(CHUNK_MIN) => {
                batch.push(SmallFile { place, name: found.name, stat: found.stat });
                Ok(None)
            }
            FileType::RegularFile => {
                let file = BigFile {
                    directory: Arc::clone(directory),
                    fd: Arc::clone(fd),
                    file: SmallFile { place, name: found.name, stat: found.stat },
                };
                self.big.send(file).map_err(|_| ClientError::Cancelled)?;
                Ok(None)
            }
            FileType::Symlink => match read_link(run, fd, &found) {
                Ok(ready) => Ok(Some(Some(ready))),
                Err(error) => {
                    run.error(&path(), format!("cannot read the link: {error}"));
                    Ok(Some(None))
                }
            },
            // A path of the options; those in a directory are left out when it is listed.
            kind => {
                run.skip(path(), left_out(kind).unwrap_or("of an unknown kind"));
                Ok(Some(None))
            }
        }
    }

    pub(super) fn send_batch(
        &self,
        directory: &Arc<Directory>,
        fd: &Arc<OwnedFd>,
        files: Vec<SmallFile>,
    ) -> Result<(), ClientError> {
        if files.is_empty() {
            return Ok(());
        }
        let job = Job::Files { directory: Arc::clone(directory), fd: Arc::clone(fd), files };
        self.jobs.send(job).map_err(|_| ClientError::Cancelled)
    }
}

/// Whether a file is the one that the cache knows.
fn is_same(old: &KnownFile, stat: &FileStat) -> bool {
    let same_kind = match &old.entry.node {
        Node::File(file) => stat.kind == FileType::RegularFile && file.size == stat.size,
        Node::Symlink { .. } => stat.kind == FileType::Symlink,
        Node::Directory(_) => false,
    };
    same_kind
        && old.ctime != (0, 0)
        && old.ctime == (stat.ctime.secs, stat.ctime.nanos)
        && old.inode == stat.inode
        && old.entry.meta.mtime == stat.mtime
}

fn read_link(run: &Run<'_>, fd: &OwnedFd, found: &Found) -> Result<Ready, Errno> {
    let target = readlinkat(fd, &*found.name, Vec::new())?.into_bytes();
    let meta = run.names.meta(&found.stat, xattrs_of_link(fd, &found.name).unwrap_or_default());
    let digest = run.content.symlink(&target);
    let entry = Entry { name: checked_name(found.name.clone()), meta, node: Node::Symlink { target } };
    let (ctime, inode) = (super::files::believed(run, &found.stat), found.stat.inode);
    Ok(Ready { entry, digest, packs: Vec::new(), ctime, inode, kept: false })
}

/// A name that the file system gave.
pub(super) fn checked_name(name: CString) -> Name {
    let bytes = std::ffi::OsString::from_vec(name.into_bytes()).into_vec();
    Name::new(bytes).expect("a file system has no entries with `/` or NUL, and `.` and `..` are left out")
}

/// The root's name, which is never written anywhere.
pub(super) fn root_name() -> Name {
    Name::new(b"root".to_vec()).expect("a plain name")
}
