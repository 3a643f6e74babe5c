//! Looks into snapshots: lists them, lists what is in them, compares them.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use primitives::ledger::SnapshotRecord;
use seal::OwnerSecret;
use seal::content::ContentKey;
use seal::tree::{DirectoryNode, Entry, Name, Node};

use crate::digest::digest_of;
use crate::fetch::Fetcher;
use crate::pairs::{Pairs, pairs};
use crate::snapshot::{self, Reading, TreeReader};
use crate::vault::OpenVault;
use crate::width::u64_of;
use crate::{Change, Client, ClientError, Difference, EntryKind, ListedEntry, Quiet, SnapshotInfo, SnapshotRef};

/// Snapshots in one page of the ledger's list.
const PAGE: u32 = 200;

/// All snapshots of a vault, oldest first.
pub(crate) fn snapshots(client: &Client, secret: &OwnerSecret, vault: &str) -> Result<Vec<SnapshotInfo>, ClientError> {
    let vault = OpenVault::open(client, secret, vault)?;
    let fetcher = Fetcher::new(Arc::clone(client.node()), Arc::new(Quiet));
    let (mut all, mut cursor) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let page = client.node().snapshot_page(&vault.id, cursor.as_deref(), PAGE)?;
        for record in &page.items {
            all.push(info(client, secret, &fetcher, record)?);
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// One snapshot of a vault.
pub(crate) fn snapshot(
    client: &Client,
    secret: &OwnerSecret,
    vault: &str,
    snapshot: SnapshotRef,
) -> Result<SnapshotInfo, ClientError> {
    let vault = OpenVault::open(client, secret, vault)?;
    let fetcher = Fetcher::new(Arc::clone(client.node()), Arc::new(Quiet));
    info(client, secret, &fetcher, &snapshot::record(client, &vault, snapshot)?)
}

fn info(
    client: &Client,
    secret: &OwnerSecret,
    fetcher: &Fetcher,
    record: &SnapshotRecord,
) -> Result<SnapshotInfo, ClientError> {
    let commitment = &record.commitment;
    let mut info = SnapshotInfo {
        seq: commitment.seq,
        commitment: commitment.hash(),
        taken_at: commitment.taken_at,
        retain_until: commitment.retain_until,
        files: commitment.files,
        bytes: commitment.logical_bytes,
        stored_bytes: commitment.stored_bytes,
        finality: record.finality,
        host: String::new(),
        paths: Vec::new(),
        tags: Vec::new(),
    };
    match snapshot::manifest(client, secret, fetcher, record) {
        Ok(manifest) => {
            info.host = manifest.host;
            info.tags = manifest.tags;
            info.paths = manifest.paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        }
        Err(error) if error.is_loss() => tracing::warn!(target: "client", %error, "a manifest cannot be read"),
        Err(error) => return Err(error),
    }
    Ok(info)
}

/// Hands every entry below `path` to `each`, in order.
pub(crate) fn ls(
    client: &Client,
    secret: &OwnerSecret,
    vault: &str,
    snapshot: SnapshotRef,
    (path, recursive): (&Path, bool),
    each: &mut dyn FnMut(ListedEntry) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let reading = Reading::open(client, secret, vault, Arc::new(Quiet))?;
    let record = snapshot::record(client, &reading.vault, snapshot)?;
    let manifest = snapshot::manifest(client, secret, &reading.fetcher, &record)?;
    let mut tree = reading.tree()?;
    let mut at = PathBuf::new();
    let mut directory = manifest.root;
    let wanted = plain(path);
    for part in wanted.components() {
        let missing = || ClientError::Path {
            path: path.to_path_buf(),
            source: std::io::Error::new(std::io::ErrorKind::NotFound, "no such entry in the snapshot"),
        };
        at.push(part);
        let entries = tree.all_entries(&directory)?;
        let name = part.as_os_str().as_bytes();
        let entry = entries.into_iter().find(|entry| entry.name.as_bytes() == name).ok_or_else(missing)?;
        match entry.node {
            Node::Directory(below) => directory = below,
            _ if at == wanted => {
                at.pop();
                return each(listed(&at, &entry));
            }
            _ => return Err(missing()),
        }
    }
    list(&mut tree, &at, &directory, recursive, each)
}

/// The same path below the root of a snapshot, without `.`, `..` and a `/` at either end.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    plain
}

fn list(
    tree: &mut TreeReader<'_>,
    path: &Path,
    directory: &DirectoryNode,
    recursive: bool,
    each: &mut dyn FnMut(ListedEntry) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let mut path = path.to_path_buf();
    let mut levels = vec![tree.all_entries(directory)?.into_iter()];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next() else {
            levels.pop();
            path.pop();
            continue;
        };
        each(listed(&path, &entry))?;
        if let (true, Node::Directory(below)) = (recursive, &entry.node) {
            levels.push(tree.all_entries(below)?.into_iter());
            path.push(OsStr::from_bytes(entry.name.as_bytes()));
        }
    }
    Ok(())
}

fn listed(path: &Path, entry: &Entry) -> ListedEntry {
    let (kind, size, target) = match &entry.node {
        Node::File(file) => (EntryKind::File, file.size, None),
        Node::Directory(directory) => (EntryKind::Directory, directory.bytes, None),
        Node::Symlink { target } => {
            let path = PathBuf::from(std::ffi::OsString::from_vec(target.clone()));
            (EntryKind::Symlink, u64_of(target.len()), Some(path))
        }
    };
    ListedEntry {
        path: join(path, &entry.name),
        kind,
        size,
        mode: entry.meta.mode,
        uid: entry.meta.uid,
        gid: entry.meta.gid,
        user: String::from_utf8_lossy(&entry.meta.user).into_owned(),
        group: String::from_utf8_lossy(&entry.meta.group).into_owned(),
        mtime: entry.meta.mtime.secs,
        target,
    }
}

fn join(path: &Path, name: &Name) -> PathBuf {
    path.join(OsStr::from_bytes(name.as_bytes()))
}

/// How two snapshots differ.
pub(crate) fn diff(
    client: &Client,
    secret: &OwnerSecret,
    vault: &str,
    from: SnapshotRef,
    to: SnapshotRef,
) -> Result<Vec<Difference>, ClientError> {
    let reading = Reading::open(client, secret, vault, Arc::new(Quiet))?;
    let open = |snapshot| -> Result<_, ClientError> {
        let record = snapshot::record(client, &reading.vault, snapshot)?;
        Ok(snapshot::manifest(client, secret, &reading.fetcher, &record)?.root)
    };
    let (from, to) = (open(from)?, open(to)?);
    let mut compare =
        Compare { tree: reading.tree()?, content: ContentKey::new(&reading.vault.keys.content), found: Vec::new() };
    compare.run(&from, &to)?;
    Ok(compare.found)
}

/// A comparison under way.
struct Compare<'a> {
    tree: TreeReader<'a>,
    content: ContentKey,
    found: Vec<Difference>,
}

impl Compare<'_> {
    fn run(&mut self, old: &DirectoryNode, new: &DirectoryNode) -> Result<(), ClientError> {
        let mut path = PathBuf::new();
        let mut levels = vec![self.enter(Some(old), Some(new))?];
        while let Some(level) = levels.last_mut() {
            let Some(pair) = level.next() else {
                levels.pop();
                path.pop();
                continue;
            };
            let (old, new) = (pair.as_ref().left(), pair.as_ref().right());
            let Some(name) = new.or(old).map(|entry| &entry.name) else { continue };
            path.push(OsStr::from_bytes(name.as_bytes()));
            if let Some(change) = self.change(old, new) {
                let (old_bytes, new_bytes) = (old.map_or(0, bytes), new.map_or(0, bytes));
                self.found.push(Difference { path: path.clone(), change, old_bytes, new_bytes });
            }
            match (old.map(|entry| &entry.node), new.map(|entry| &entry.node)) {
                (old @ (None | Some(Node::Directory(_))), new @ (None | Some(Node::Directory(_)))) => {
                    levels.push(self.enter(old.and_then(directory), new.and_then(directory))?);
                }
                _ => drop(path.pop()),
            }
        }
        Ok(())
    }

    /// The entries of a directory in both snapshots. Nothing to compare when both have the same.
    fn enter(
        &mut self,
        old: Option<&DirectoryNode>,
        new: Option<&DirectoryNode>,
    ) -> Result<Pairs<Entry, Entry>, ClientError> {
        let is_same = old.zip(new).is_some_and(|(old, new)| old.chunks == new.chunks);
        let mut entries = |node: Option<&DirectoryNode>| match node.filter(|_| !is_same) {
            Some(node) => self.tree.all_entries(node),
            None => Ok(Vec::new()),
        };
        Ok(pairs(entries(old)?, entries(new)?, |a, b| a.name.cmp(&b.name)))
    }

    /// How an entry has changed itself, if it has.
    fn change(&self, old: Option<&Entry>, new: Option<&Entry>) -> Option<Change> {
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (None, _) => return Some(Change::Added),
            (_, None) => return Some(Change::Removed),
        };
        if let (Node::Directory(_), Node::Directory(_)) = (&old.node, &new.node) {
            // That a directory's time has changed says nothing that its entries do not say.
            let mut quiet = old.meta.clone();
            quiet.mtime = new.meta.mtime;
            return (quiet != new.meta).then_some(Change::Metadata);
        }
        let same_kind = std::mem::discriminant(&old.node) == std::mem::discriminant(&new.node);
        if same_kind && digest_of(&self.content, &old.node) == digest_of(&self.content, &new.node) {
            (old.meta != new.meta).then_some(Change::Metadata)
        } else {
            Some(Change::Content)
        }
    }
}

const fn directory(node: &Node) -> Option<&DirectoryNode> {
    if let Node::Directory(directory) = node { Some(directory) } else { None }
}

fn bytes(entry: &Entry) -> u64 {
    match &entry.node {
        Node::File(file) => file.size,
        Node::Directory(directory) => directory.bytes,
        Node::Symlink { target } => u64_of(target.len()),
    }
}
