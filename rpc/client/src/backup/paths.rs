//! The paths that a backup is of: one directory, which becomes the snapshot's root; or several paths, each below the
//! directories that lead to it.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType};
use rustix::io::Errno;
use seal::tree::Name;

use super::directory::Directory;
use super::listing::Found;
use super::walk::{Walker, root_name};
use crate::meta::{FileStat, xattrs_of_file};
use crate::{ClientError, open};

/// Directories that are only there to hold paths below them.
#[derive(Default)]
struct Prefix {
    children: BTreeMap<Vec<u8>, Self>,
    whole: bool,
}

/// What has become of the paths since they were looked at first.
#[derive(Default)]
struct Seen {
    /// So many were still there.
    reached: usize,
    /// The last one that was not.
    vanished: Option<(PathBuf, Errno)>,
}

/// What is at a path of the options, or on the way to one.
enum Reached {
    Directory((OwnedFd, FileStat)),
    Other(FileStat),
}

impl Walker<'_, '_> {
    /// Walks all paths of the backup.
    pub(super) fn walk(&mut self) -> Result<(), ClientError> {
        let paths = self.paths()?;
        if let ([path], [_]) = (paths.as_slice(), self.run.options.paths.as_slice())
            && path.is_dir()
        {
            let found = self.open_root(path)?;
            return self.walk_tree(None, root_name(), path.clone(), found);
        }
        let mut prefix = Prefix::default();
        for path in &paths {
            let mut node = &mut prefix;
            for part in path.components().skip(1) {
                node = node.children.entry(part.as_os_str().as_bytes().to_vec()).or_default();
            }
            node.whole = true;
        }
        if prefix.whole {
            let found = self.open_root(Path::new("/"))?;
            return self.walk_tree(None, root_name(), PathBuf::from("/"), found);
        }
        let top = Path::new("/");
        let found = open::passage(CWD, top).and_then(|fd| FileStat::of_file(&fd).map(|stat| (fd, stat)));
        let found = found.map_err(|error| ClientError::Path { path: top.to_path_buf(), source: error.into() })?;
        let mut seen = Seen::default();
        self.walk_prefix(None, root_name(), PathBuf::from("/"), &prefix, found, &mut seen)?;
        match seen.vanished.filter(|_| seen.reached == 0) {
            // Nothing is no snapshot of what was there.
            Some((path, error)) => Err(ClientError::Path { path, source: error.into() }),
            None => Ok(()),
        }
    }

    /// The paths of the backup that can be read. One of several that cannot is noted, and the others are backed up.
    fn paths(&self) -> Result<Vec<PathBuf>, ClientError> {
        let (mut paths, mut missing) = (Vec::new(), Vec::new());
        for path in &self.run.options.paths {
            match readable(path) {
                Ok(found) => paths.push(found),
                Err(source) => missing.push((path.clone(), source)),
            }
        }
        if paths.is_empty()
            && let Some((path, source)) = missing.pop()
        {
            return Err(ClientError::Path { path, source });
        }
        for (path, error) in missing {
            self.run.error(&path, error);
        }
        Ok(paths)
    }

    /// A directory of which only some entries are backed up. One that has vanished since the paths were looked at, or cannot
    /// be read any more, keeps the others from nothing.
    fn walk_prefix(
        &mut self,
        parent: Option<(Arc<Directory>, usize)>,
        name: Name,
        path: PathBuf,
        prefix: &Prefix,
        (fd, stat): (OwnedFd, FileStat),
        seen: &mut Seen,
    ) -> Result<(), ClientError> {
        let fd = Arc::new(fd);
        let meta = self.run.names.meta(&stat, xattrs_of_file(&fd).unwrap_or_default());
        let places = prefix.children.iter().map(|_| None).collect();
        let directory = Directory::new(parent, name, path.clone(), meta, [0; 32], None, places);
        for (place, (name, child)) in prefix.children.iter().enumerate() {
            let below = path.join(OsStr::from_bytes(name));
            let parent = Some((Arc::clone(&directory), place));
            let name_of = Name::new(name.clone()).map_err(|error| ClientError::damaged("a path", error))?;
            let cname = CString::new(name.clone()).map_err(|error| ClientError::damaged("a path", error))?;
            match reach(&fd, &cname, child.whole) {
                Ok(Reached::Directory(opened)) if child.whole => {
                    seen.reached += 1;
                    self.walk_tree(parent, name_of, below, opened)?;
                }
                Ok(Reached::Directory(opened)) => self.walk_prefix(parent, name_of, below, child, opened, seen)?,
                Ok(Reached::Other(stat)) => {
                    seen.reached += 1;
                    let mut batch = Vec::new();
                    let found = Found { name: cname, stat };
                    if let Some(ready) = self.start_file(&directory, &fd, place, found, None, &mut batch)? {
                        directory.fill(self.run, &mut self.tools, place, ready)?;
                    }
                    self.send_batch(&directory, &fd, batch)?;
                }
                Err(error) => {
                    self.run.error(&below, format!("cannot be read any more: {error}"));
                    seen.vanished = Some((below, error));
                    directory.fill(self.run, &mut self.tools, place, None)?;
                }
            }
        }
        directory.release(self.run, &mut self.tools, 1)
    }
}

/// The path without links, when there is something at it; directories and files must be readable too.
fn readable(path: &Path) -> std::io::Result<PathBuf> {
    let found = std::fs::canonicalize(path)?;
    if found.is_dir() {
        std::fs::read_dir(&found)?;
    } else if found.is_file() {
        open::file(CWD, &found)?;
    }
    Ok(found)
}

/// Opens what an entry of a directory is: to be read as a `whole`, or to be passed through.
fn reach(parent: &OwnedFd, name: &CString, whole: bool) -> Result<Reached, Errno> {
    let stat = FileStat::of_entry(parent, name)?;
    Ok(match stat.kind {
        FileType::Directory if whole => Reached::Directory((open::directory(parent, &**name)?, stat)),
        FileType::Directory => Reached::Directory((open::passage(parent, &**name)?, stat)),
        _ if whole => Reached::Other(stat),
        _ => return Err(Errno::NOTDIR),
    })
}
