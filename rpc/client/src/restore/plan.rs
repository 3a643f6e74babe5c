//! Walks the snapshot's tree, makes directories and links, and collects files into batches.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, linkat, readlinkat, statat, symlinkat};
use rustix::io::Errno;
use seal::manifest::Manifest;
use seal::tree::{DirectoryNode, Entry, FileNode, Meta, Name, Node};

use super::batch::{Batch, FilePlan};
use super::{Restore, metadata, place};
use crate::ClientError;
use crate::patterns::Sought;
use crate::snapshot::TreeReader;

/// The planner of one restore.
pub(super) struct Plan<'r, 'a> {
    restore: &'r Restore<'a>,
    tree: TreeReader<'a>,
    include: Sought,
    batch: Batch,
    /// Where the first name of each hard-linked file is.
    links: HashMap<u64, PathBuf>,
    /// First names of files that could not be restored.
    failed: HashSet<PathBuf>,
    /// Further names of files that are in this batch or were in an earlier one.
    later: Vec<(PathBuf, PathBuf)>,
    /// Directories with all their entries planned, those inside before those around.
    walked: Vec<(PathBuf, Meta)>,
}

/// A directory on the way down.
struct Frame {
    path: PathBuf,
    meta: Meta,
    /// Everything below is wanted, for the directory itself is.
    wanted: bool,
    /// Open once it is there.
    fd: Option<OwnedFd>,
    /// It cannot be made, which has been said.
    refused: bool,
    below: std::vec::IntoIter<(Name, Meta, DirectoryNode)>,
}

impl<'r, 'a> Plan<'r, 'a> {
    pub(super) fn new(restore: &'r Restore<'a>, include: Sought) -> Result<Self, ClientError> {
        let tree = restore.reading.tree()?;
        let (links, failed) = (HashMap::new(), HashSet::new());
        let (later, walked) = (Vec::new(), Vec::new());
        Ok(Self { restore, tree, include, batch: Batch::default(), links, failed, later, walked })
    }

    /// Restores everything that is wanted; returns the patterns that nothing matches.
    pub(super) fn run(mut self, manifest: &Manifest) -> Result<Vec<String>, ClientError> {
        let restore = self.restore;
        let path = restore.target.path();
        let root = restore
            .target
            .directory(Path::new(""))
            .map_err(|error| ClientError::io("cannot open", path)(error.into()))?;
        let mut stack: Vec<Frame> = Vec::new();
        let wanted = self.include.is_empty();
        let frame = Frame {
            path: PathBuf::new(),
            meta: manifest.meta.clone(),
            wanted,
            fd: Some(root),
            refused: false,
            below: Vec::new().into_iter(),
        };
        self.enter(&mut stack, frame, &manifest.root)?;
        while let Some(frame) = stack.last_mut() {
            restore.options.cancel.check()?;
            if let Some((name, meta, node)) = frame.below.next() {
                let path = frame.path.join(OsStr::from_bytes(name.as_bytes()));
                // Asked in any case, for what is in a wanted directory may be named too.
                let named = self.include.matches(&path);
                let wanted = frame.wanted || named;
                let mut below = Frame { path, meta, wanted, fd: None, refused: false, below: Vec::new().into_iter() };
                if wanted {
                    make(restore, &mut stack, &mut below)?;
                }
                self.enter(&mut stack, below, &node)?;
            } else {
                let frame = stack.pop().expect("it was just looked at");
                let is_root = frame.path.as_os_str().is_empty();
                if frame.fd.is_some() && (!is_root || restore.target.made) {
                    self.walked.push((frame.path, frame.meta));
                }
            }
            if self.batch.is_full() {
                self.flush()?;
            }
        }
        self.flush()?;
        Ok(self.include.into_unmatched())
    }

    /// Reads a directory: files go into the batch, links are made, subdirectories wait their turn.
    fn enter(&mut self, stack: &mut Vec<Frame>, mut frame: Frame, node: &DirectoryNode) -> Result<(), ClientError> {
        let mut entries = match self.tree.all_entries(node) {
            Ok(entries) => entries,
            Err(error) if error.is_loss() => {
                self.restore.lost(&frame.path, format!("the directory's list of entries: {error}"));
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let mut below = Vec::new();
        for Entry { name, meta, node } in entries.drain(..) {
            let path = frame.path.join(OsStr::from_bytes(name.as_bytes()));
            let node = match node {
                Node::Directory(node) => {
                    below.push((name, meta, node));
                    continue;
                }
                node => node,
            };
            let named = self.include.matches(&path);
            if !frame.wanted && !named {
                continue;
            }
            make(self.restore, stack, &mut frame)?;
            let Some(fd) = &frame.fd else { continue };
            match node {
                Node::File(file) => self.file(path, meta, file)?,
                Node::Symlink { target } => self.symlink(fd, &path, &name, &meta, &target)?,
                Node::Directory(_) => {}
            }
        }
        frame.below = below.into_iter();
        stack.push(frame);
        Ok(())
    }

    fn file(&mut self, path: PathBuf, meta: Meta, file: FileNode) -> Result<(), ClientError> {
        if let Some(link) = file.link {
            if let Some(first) = self.links.get(&link) {
                self.later.push((first.clone(), path));
                return Ok(());
            }
            self.links.insert(link, path.clone());
        }
        match self.tree.pieces(&file) {
            Ok(pieces) => self.batch.push(FilePlan::new(&self.restore.target, path, meta, &file), pieces),
            Err(error) if error.is_loss() => {
                self.restore.lost(&path, error);
                self.failed.extend(file.link.map(|_| path));
            }
            Err(error) => return Err(error),
        }
        // A directory with very many files fills several batches.
        if self.batch.is_full() {
            self.flush_files()?;
        }
        Ok(())
    }

    fn symlink(&self, fd: &OwnedFd, path: &Path, name: &Name, meta: &Meta, target: &[u8]) -> Result<(), ClientError> {
        let restore = self.restore;
        let part = restore.target.part_name(path);
        let name = name.as_bytes();
        let is_there =
            !restore.target.fresh && readlinkat(fd, name, Vec::new()).is_ok_and(|found| found.as_bytes() == target);
        let made = if is_there && !restore.target.overwrite {
            Ok(())
        } else {
            restore.target.check_free(fd, name).and_then(|()| {
                restore.target.begin(fd, &part, || symlinkat(target, fd, part.as_str()))?;
                if let Err(error) = metadata::apply_link(restore, fd, part.as_bytes(), meta) {
                    restore.error(path, format!("cannot set owner and times: {error}"));
                }
                settle(restore, fd, &part, name)
            })
        };
        match made {
            Ok(()) => {
                restore.counters.symlinks.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => restore.failed(path, error, place::reason),
        }
    }

    fn flush_files(&mut self) -> Result<(), ClientError> {
        self.failed.extend(std::mem::take(&mut self.batch).run(self.restore)?);
        for (first, path) in self.later.drain(..) {
            if self.failed.contains(&first) {
                // What is there under the first name is something else.
                self.restore.error(&path, format!("is the same file as {}, which is not restored", first.display()));
            } else if let Err(error) = hard_link(self.restore, &first, &path) {
                let reason = |error| format!("a link to {}: {}", first.display(), place::reason(error));
                self.restore.failed(&path, error, reason)?;
            } else {
                self.restore.counters.files.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Writes the files of the batch; then sets what directories are like, for nothing changes in them any more.
    fn flush(&mut self) -> Result<(), ClientError> {
        self.flush_files()?;
        for (path, meta) in self.walked.drain(..) {
            // The root is none of the snapshot's entries.
            let is_entry = u64::from(!path.as_os_str().is_empty());
            self.restore.counters.directories.fetch_add(is_entry, Ordering::Relaxed);
            match self.restore.target.directory(&path) {
                Ok(fd) => {
                    for failed in metadata::apply(self.restore, fd, &meta) {
                        self.restore.error(&path, failed);
                    }
                }
                Err(error) => self.restore.error(&path, format!("cannot open the directory: {error}")),
            }
        }
        Ok(())
    }
}

/// Makes a directory, and those around it that are not there yet.
fn make(restore: &Restore<'_>, stack: &mut [Frame], frame: &mut Frame) -> Result<(), ClientError> {
    if frame.fd.is_some() || frame.refused {
        return Ok(());
    }
    let there = stack.iter().rposition(|frame| frame.fd.is_some()).map_or(0, |at| at + 1);
    for at in there..stack.len() {
        let (above, rest) = stack.split_at_mut(at);
        if let (Some(parent), Some(next)) = (above.last(), rest.first_mut()) {
            make_in(restore, parent, next)?;
        }
    }
    stack.last().map_or(Ok(()), |parent| make_in(restore, parent, frame))
}

/// Makes a directory in the one around it, if that is there.
fn make_in(restore: &Restore<'_>, parent: &Frame, frame: &mut Frame) -> Result<(), ClientError> {
    let Some(fd) = parent.fd.as_ref().filter(|_| !frame.refused) else { return Ok(()) };
    let name = frame.path.file_name().unwrap_or_default().as_bytes();
    match restore.target.make_directory(fd, name) {
        Ok(fd) => frame.fd = Some(fd),
        Err(error) => {
            frame.refused = true;
            let reason = |error| format!("cannot make the directory; nothing in it is restored: {error}");
            restore.failed(&frame.path, error, reason)?;
        }
    }
    Ok(())
}

fn hard_link(restore: &Restore<'_>, first: &Path, path: &Path) -> Result<(), Errno> {
    let parts = |path: &Path| -> Result<(OwnedFd, Vec<u8>), Errno> {
        let directory = restore.target.directory(path.parent().unwrap_or_else(|| Path::new("")))?;
        Ok((directory, path.file_name().unwrap_or_default().as_bytes().to_vec()))
    };
    let ((from, from_name), (to, to_name)) = (parts(first)?, parts(path)?);
    let inode = |directory: &OwnedFd, name: &[u8]| {
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| (stat.st_dev, stat.st_ino))
    };
    // Two names of one file already. (To rename one to the other would do nothing.)
    if inode(&from, &from_name)? == inode(&to, &to_name).unwrap_or_default() {
        return Ok(());
    }
    restore.target.check_free(&to, &to_name)?;
    let part = restore.target.part_name(path);
    restore.target.begin(&to, &part, || linkat(&from, from_name.as_slice(), &to, part.as_str(), AtFlags::empty()))?;
    settle(restore, &to, &part, &to_name)
}

/// Gives a link its name; takes it away when that fails.
fn settle(restore: &Restore<'_>, directory: &OwnedFd, part: &str, name: &[u8]) -> Result<(), Errno> {
    let settled = restore.target.settle(directory, part, name);
    if settled.is_err() {
        let _ = restore.target.discard(directory, part);
    }
    settled
}
