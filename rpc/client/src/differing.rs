//! Names the files that are not what was committed. A content root says only that something differs; which file it is, the
//! snapshot's directories say, which a node has.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use primitives::{Commitment, Hash32};
use rustix::fs::FileType;
use seal::OwnerSecret;
use seal::tree::{DirectoryNode, Entry, Name, Node};

use crate::digest::{Digester, names_in, open_root};
use crate::pairs::{Pairs, pairs};
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
    search.run(open_root(directory)?, &manifest.root)?;
    Ok(search.found)
}

/// A search under way.
struct Search<'a> {
    tree: TreeReader<'a>,
    digester: Digester<'a>,
    max: usize,
    found: Vec<FileDifference>,
}

/// A directory that a search is in: what was committed, and what is there.
struct Level {
    /// `None` when it cannot be opened.
    fd: Option<OwnedFd>,
    entries: Pairs<Entry, (Name, FileType)>,
}

impl Search<'_> {
    fn run(&mut self, root: OwnedFd, committed: &DirectoryNode) -> Result<(), ClientError> {
        let mut path = PathBuf::new();
        let mut above: Vec<Level> = Vec::new();
        let mut level = self.enter(Some(root), committed)?;
        while self.found.len() < self.max {
            let Some(pair) = level.entries.next() else {
                let Some(parent) = above.pop() else { break };
                path.pop();
                level = parent;
                continue;
            };
            let (expected, found) = pair.left_and_right();
            let name = expected.as_ref().map(|entry| &entry.name).or_else(|| found.as_ref().map(|(name, _)| name));
            let Some(name) = name else { continue };
            let kind = found.as_ref().and_then(|(_, kind)| kind_of(*kind));
            match (expected.as_ref().map(|entry| &entry.node), kind) {
                (Some(Node::Directory(committed)), Some(EntryKind::Directory)) => {
                    let fd = level.fd.as_ref().and_then(|fd| open::directory(fd, name.as_bytes()).ok());
                    let below = self.enter(fd, committed)?;
                    path.push(OsStr::from_bytes(name.as_bytes()));
                    above.push(std::mem::replace(&mut level, below));
                }
                (expected, kind) => {
                    let expected = expected.map(|node| self.committed(node));
                    let found = level.fd.as_ref().zip(kind).and_then(|(fd, kind)| self.there(fd, name, kind));
                    if expected != found {
                        let path = path.join(OsStr::from_bytes(name.as_bytes()));
                        self.found.push(FileDifference { path, expected, found });
                    }
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, fd: Option<OwnedFd>, committed: &DirectoryNode) -> Result<Level, ClientError> {
        let expected = self.tree.all_entries(committed)?;
        // What cannot be opened or listed counts as empty: the check itself has said why it cannot.
        let there = fd.as_ref().and_then(|fd| names_in(fd).ok()).unwrap_or_default();
        Ok(Level { fd, entries: pairs(expected, there.into_iter().collect(), |entry, (name, _)| entry.name.cmp(name)) })
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
