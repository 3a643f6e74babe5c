//! Walks the snapshot's tree, makes directories and links, and collects files into batches.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, linkat, symlinkat};
use rustix::io::Errno;
use seal::manifest::Manifest;
use seal::tree::{DirectoryNode, Entry, FileNode, Meta, Name, Node};

use super::batch::{Batch, FilePlan};
use super::{Restore, metadata};
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
    below: std::vec::IntoIter<(Name, Meta, DirectoryNode)>,
}

impl<'r, 'a> Plan<'r, 'a> {
    pub(super) fn new(restore: &'r Restore<'a>, include: Sought) -> Result<Self, ClientError> {
        let tree = restore.reading.tree()?;
        let (links, later, walked) = (HashMap::new(), Vec::new(), Vec::new());
        Ok(Self { restore, tree, include, batch: Batch::default(), links, later, walked })
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
                let mut below = Frame { path, meta, wanted, fd: None, below: Vec::new().into_iter() };
                if wanted {
                    make(restore, &mut stack, &mut below);
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
            make(self.restore, stack, &mut frame);
            let Some(fd) = &frame.fd else { continue };
            match node {
                Node::File(file) => self.file(path, meta, file)?,
                Node::Symlink { target } => self.symlink(fd, &path, &name, &meta, &target),
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
            Ok(pieces) => self.batch.push(FilePlan::new(path, meta, &file), pieces),
            Err(error) if error.is_loss() => self.restore.lost(&path, error),
            Err(error) => return Err(error),
        }
        // A directory with very many files fills several batches.
        if self.batch.is_full() {
            self.flush_files()?;
        }
        Ok(())
    }

    fn symlink(&self, fd: &OwnedFd, path: &Path, name: &Name, meta: &Meta, target: &[u8]) {
        let restore = self.restore;
        let made = restore.target.clear(fd, name.as_bytes()).and_then(|()| symlinkat(target, fd, name.as_bytes()));
        match made {
            Ok(()) => {
                restore.counters.symlinks.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = metadata::apply_link(restore, fd, name.as_bytes(), meta) {
                    restore.error(path, format!("cannot set owner and times: {error}"));
                }
            }
            Err(error) => restore.error(path, format!("cannot make the link: {error}")),
        }
    }

    fn flush_files(&mut self) -> Result<(), ClientError> {
        std::mem::take(&mut self.batch).run(self.restore)?;
        for (first, path) in self.later.drain(..) {
            if let Err(error) = hard_link(self.restore, &first, &path) {
                self.restore.error(&path, format!("cannot link it to {}: {error}", first.display()));
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
            self.restore.counters.directories.fetch_add(1, Ordering::Relaxed);
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
fn make(restore: &Restore<'_>, stack: &mut [Frame], frame: &mut Frame) {
    if frame.fd.is_some() {
        return;
    }
    let Some((parent, above)) = stack.split_last_mut() else { return };
    make(restore, above, parent);
    let Some(fd) = &parent.fd else { return };
    let name = frame.path.file_name().unwrap_or_default().as_bytes();
    match restore.target.make_directory(fd, name) {
        Ok(fd) => frame.fd = Some(fd),
        Err(error) => restore.error(&frame.path, format!("cannot make the directory: {error}")),
    }
}

fn hard_link(restore: &Restore<'_>, first: &Path, path: &Path) -> Result<(), Errno> {
    let parts = |path: &Path| -> Result<(OwnedFd, Vec<u8>), Errno> {
        let directory = restore.target.directory(path.parent().unwrap_or_else(|| Path::new("")))?;
        Ok((directory, path.file_name().unwrap_or_default().as_bytes().to_vec()))
    };
    let ((from, from_name), (to, to_name)) = (parts(first)?, parts(path)?);
    restore.target.clear(&to, &to_name)?;
    linkat(&from, from_name.as_slice(), &to, to_name.as_slice(), AtFlags::empty())
}
