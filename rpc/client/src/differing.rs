//! Names the files that are not what was committed. A content root says only that something differs; which file it is, the
//! snapshot's directories say, which a node has.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use primitives::{Commitment, Hash32};
use rustix::fs::FileType;
use seal::OwnerSecret;
use seal::tree::{DirectoryNode, Name, Node};

use crate::digest::{Digester, names_in, open_root};
use crate::snapshot::{self, Reading, TreeReader};
use crate::width::u64_of;
use crate::{Client, ClientError, EntryKind, FileDifference, FileState, Progress, Quiet, SnapshotRef, open, vault};

/// The first `max` differences between a directory and what was committed, in the order of names.
pub(crate) fn differing_files(
    client: &Client,
    secret: &OwnerSecret,
    commitment: &Commitment,
    directory: &Path,
    max: usize,
    progress: &dyn Progress,
) -> Result<Vec<FileDifference>, ClientError> {
    let known = vault::list(client, secret)?.into_iter().find(|info| info.vault == commitment.vault);
    let name = known.ok_or(ClientError::ForeignVault { vault: commitment.vault })?.name;
    let reading = Reading::open(client, secret, &name, Arc::new(Quiet))?;
    let record = snapshot::record(client, &reading.vault, SnapshotRef::Seq(commitment.seq))?;
    if record.commitment != *commitment {
        return Err(ClientError::damaged("the node's answer", "it is another snapshot"));
    }
    let manifest = snapshot::manifest(client, secret, &reading.fetcher, &record)?;
    let digester = Digester::new(&reading.vault.keys, progress);
    let mut search = Search { tree: reading.tree()?, digester, max, found: Vec::new() };
    search.directory(Path::new(""), Some(&open_root(directory)?), &manifest.root)?;
    Ok(search.found)
}

/// A search under way.
struct Search<'a> {
    tree: TreeReader<'a>,
    digester: Digester<'a>,
    max: usize,
    found: Vec<FileDifference>,
}

impl Search<'_> {
    fn directory(&mut self, path: &Path, fd: Option<&OwnedFd>, committed: &DirectoryNode) -> Result<(), ClientError> {
        let mut expected = self.tree.all_entries(committed)?.into_iter().peekable();
        // What cannot be opened or listed counts as empty: the check itself has said why it cannot.
        let names = fd.and_then(|fd| names_in(fd).ok()).unwrap_or_default();
        let mut there = names.into_iter().peekable();
        while self.found.len() < self.max {
            let order = match (expected.peek(), there.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(entry), Some((name, _))) => entry.name.cmp(name),
            };
            let entry = if order == Ordering::Greater { None } else { expected.next() };
            let found = if order == Ordering::Less { None } else { there.next() };
            let name = entry.as_ref().map(|entry| &entry.name).or_else(|| found.as_ref().map(|(name, _)| name));
            let Some(name) = name else { return Ok(()) };
            let below = join(path, name);
            let kind = found.as_ref().and_then(|(_, kind)| kind_of(*kind));
            match (entry.as_ref().map(|entry| &entry.node), kind) {
                (Some(Node::Directory(committed)), Some(EntryKind::Directory)) => {
                    let inside = fd.and_then(|fd| open::directory(fd, name.as_bytes()).ok());
                    self.directory(&below, inside.as_ref(), committed)?;
                }
                (expected, kind) => {
                    let expected = expected.map(|node| self.committed(node));
                    let found = fd.zip(kind).and_then(|(fd, kind)| self.there(fd, name, kind));
                    if expected != found {
                        self.found.push(FileDifference { path: below, expected, found });
                    }
                }
            }
        }
        Ok(())
    }

    fn committed(&self, node: &Node) -> FileState {
        let (kind, size) = match node {
            Node::File(file) => (EntryKind::File, file.size),
            Node::Symlink { target } => (EntryKind::Symlink, u64_of(target.len())),
            Node::Directory(_) => return DIRECTORY,
        };
        FileState { kind, size, digest: self.digester.committed(node) }
    }

    /// What is on disk; `None` when it cannot be read.
    fn there(&self, directory: &OwnedFd, name: &Name, kind: EntryKind) -> Option<FileState> {
        let (size, digest) = match kind {
            EntryKind::File => self.digester.file(directory, name).ok()?,
            EntryKind::Symlink => self.digester.link(directory, name).ok()?,
            EntryKind::Directory => return Some(DIRECTORY),
        };
        Some(FileState { kind, size, digest })
    }
}

/// A directory where the other side has none: what is in it says nothing more.
const DIRECTORY: FileState = FileState { kind: EntryKind::Directory, size: 0, digest: Hash32::ZERO };

/// What takes part in a snapshot; sockets, FIFOs and devices do not.
fn kind_of(kind: FileType) -> Option<EntryKind> {
    match kind {
        FileType::RegularFile => Some(EntryKind::File),
        FileType::Directory => Some(EntryKind::Directory),
        FileType::Symlink => Some(EntryKind::Symlink),
        _ => None,
    }
}

fn join(path: &Path, name: &Name) -> std::path::PathBuf {
    path.join(OsStr::from_bytes(name.as_bytes()))
}
