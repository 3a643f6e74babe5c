//! One directory of a backup: waits for its files and subdirectories, then becomes tree chunks.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use parity_scale_codec::Encode;
use primitives::Hash32;
use seal::content::ContentKey;
use seal::tree::{DirectoryNode, DirectoryWriter, Entry, Meta, Name, Node};

use super::packer::Tools;
use super::run::Run;
use crate::ClientError;
use crate::digest::digest_of;
use crate::index::PackNumber;
use crate::tree_cache::{DirectoryKey, KnownFile, Summary, TreeCacheWriter};

/// A directory under way.
pub(super) struct Directory {
    /// The directory above, and the place there.
    pub(super) parent: Option<(Arc<Self>, usize)>,
    pub(super) key: DirectoryKey,
    pub(super) name: Name,
    pub(super) path: PathBuf,
    pub(super) meta: Meta,
    /// Zero when the directory must be read again next time.
    pub(super) fingerprint: [u8; 32],
    /// What the cache knows of it, when its fingerprint is the same: then only subdirectories have places.
    pub(super) known: Option<Summary>,
    places: Mutex<Places>,
    pending: AtomicUsize,
}

#[derive(Default)]
struct Places {
    entries: Vec<Option<Ready>>,
    /// Something could not be read: nothing of this directory is believed next time.
    tainted: bool,
}

/// An entry that is complete.
pub(super) struct Ready {
    pub(super) entry: Entry,
    pub(super) digest: Hash32,
    /// Packs that it needs; for a directory none, since it has counted them itself.
    pub(super) packs: Vec<PackNumber>,
    pub(super) ctime: (i64, u32),
    pub(super) inode: u64,
    /// A directory that is as the cache has it, with everything below.
    pub(super) kept: bool,
}

impl Directory {
    pub(super) fn new(
        parent: Option<(Arc<Self>, usize)>,
        name: Name,
        path: PathBuf,
        meta: Meta,
        fingerprint: [u8; 32],
        known: Option<Summary>,
        entries: Vec<Option<Ready>>,
    ) -> Arc<Self> {
        let key = key_of(&path);
        // One more than there are open places: the walker's own.
        let pending = AtomicUsize::new(1 + entries.iter().filter(|entry| entry.is_none()).count());
        let places = Mutex::new(Places { entries, tainted: false });
        Arc::new(Self { parent, key, name, path, meta, fingerprint, known, places, pending })
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.places.lock().expect("no thread panics while it fills a place")
    }

    /// Nothing of this directory is believed next time.
    pub(super) fn taint(&self) {
        self.places().tainted = true;
    }

    /// Fills one place (`None`: there is nothing to put there) and completes what is complete with it.
    pub(super) fn fill(
        self: &Arc<Self>,
        run: &Run<'_>,
        tools: &mut Tools,
        place: usize,
        ready: Option<Ready>,
    ) -> Result<(), ClientError> {
        self.fill_many(run, tools, vec![(place, ready)])
    }

    /// Fills several places at once.
    pub(super) fn fill_many(
        self: &Arc<Self>,
        run: &Run<'_>,
        tools: &mut Tools,
        filled: Vec<(usize, Option<Ready>)>,
    ) -> Result<(), ClientError> {
        let count = filled.len();
        {
            let mut places = self.places();
            for (place, ready) in filled {
                places.tainted |= ready.is_none();
                places.entries[place] = ready;
            }
        }
        self.release(run, tools, count)
    }

    /// Takes `count` waits off; completes this directory, and those above it, when it was the last.
    pub(super) fn release(self: &Arc<Self>, run: &Run<'_>, tools: &mut Tools, count: usize) -> Result<(), ClientError> {
        let mut directory = Arc::clone(self);
        let mut count = count;
        while directory.pending.fetch_sub(count, Ordering::AcqRel) == count {
            let ready = directory.complete(run, tools)?;
            let Some((parent, place)) = directory.parent.clone() else {
                run.outcome().root = Some(ready);
                return Ok(());
            };
            parent.places().entries[place] = Some(ready);
            directory = parent;
            count = 1;
        }
        Ok(())
    }

    /// Turns the directory into its entry.
    fn complete(&self, run: &Run<'_>, tools: &mut Tools) -> Result<Ready, ClientError> {
        let Places { entries, tainted } = std::mem::take(&mut *self.places());
        if let Some(known) = &self.known
            && !tainted
            && entries.iter().all(|entry| entry.as_ref().is_some_and(|entry| entry.kept))
        {
            let mut outcome = run.outcome();
            outcome.packs.extend(&known.packs);
            outcome.kept.push(self.key);
            return Ok(self.ready(known.node.clone(), true));
        }
        let mut entries: Vec<Ready> = entries.into_iter().flatten().collect();
        if let Some(known) = &self.known {
            let files = run.cache.details(known)?.into_iter();
            entries.extend(files.map(|file| Ready::known(file, &known.packs, &run.content)));
            entries.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        }
        let (node, packs) = write_entries(run, tools, &entries)?;
        self.remember(run, &entries, &node, packs, tainted)?;
        Ok(self.ready(node, false))
    }

    fn ready(&self, node: DirectoryNode, kept: bool) -> Ready {
        let digest = node.digest;
        let entry = Entry { name: self.name.clone(), meta: self.meta.clone(), node: Node::Directory(node) };
        Ready { entry, digest, packs: Vec::new(), ctime: (0, 0), inode: 0, kept }
    }

    /// Puts the directory into the new cache.
    fn remember(
        &self,
        run: &Run<'_>,
        entries: &[Ready],
        node: &DirectoryNode,
        mut packs: Vec<PackNumber>,
        tainted: bool,
    ) -> Result<(), ClientError> {
        let mut details = Vec::new();
        for ready in entries.iter().filter(|ready| !matches!(ready.entry.node, Node::Directory(_))) {
            let mut own = Vec::with_capacity(ready.packs.len());
            for pack in &ready.packs {
                let at = packs.iter().position(|known| known == pack).unwrap_or_else(|| {
                    packs.push(*pack);
                    packs.len() - 1
                });
                own.push(u16::try_from(at).unwrap_or(u16::MAX));
            }
            // An index that does not fit would name another pack: then the file is read again next time.
            let ctime = if own.contains(&u16::MAX) { (0, 0) } else { ready.ctime };
            (&ready.entry, ctime, ready.inode, own).encode_to(&mut details);
        }
        let mut outcome = run.outcome();
        outcome.packs.extend(&packs);
        let Some(path) = run.cache_path else { return Ok(()) };
        let fingerprint = if tainted { [0; 32] } else { self.fingerprint };
        let summary =
            Summary { key: self.key, fingerprint, node: node.clone(), packs, details: (0, 0), details_check: [0; 8] };
        let writer = match outcome.writer.as_mut() {
            Some(writer) => writer,
            None => outcome.writer.insert(TreeCacheWriter::new(path, &run.index.generation())?),
        };
        writer.push(summary, &details)
    }
}

impl Ready {
    /// A file as the cache has it.
    pub(super) fn known(file: KnownFile, packs: &[PackNumber], content: &ContentKey) -> Self {
        let KnownFile { entry, ctime, inode, packs: own } = file;
        let digest = digest_of(content, &entry.node);
        let packs = own.iter().filter_map(|at| packs.get(usize::from(*at)).copied()).collect();
        Self { entry, digest, packs, ctime, inode, kept: false }
    }
}

/// The cache's name for a path.
pub(super) fn key_of(path: &std::path::Path) -> DirectoryKey {
    use std::os::unix::ffi::OsStrExt;
    let hash = blake3::hash(path.as_os_str().as_bytes());
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Stores the entries as tree chunks.
fn write_entries(
    run: &Run<'_>,
    tools: &mut Tools,
    entries: &[Ready],
) -> Result<(DirectoryNode, Vec<PackNumber>), ClientError> {
    let mut writer = DirectoryWriter::new();
    let mut digest = run.content.directory();
    let mut node = DirectoryNode::default();
    let mut packs = Vec::new();
    for ready in entries {
        digest.push(&ready.entry.name, &ready.digest);
        match &ready.entry.node {
            Node::File(file) => {
                node.files += 1;
                node.bytes += file.size;
            }
            Node::Directory(below) => {
                node.files += below.files;
                node.directories += below.directories + 1;
                node.bytes += below.bytes;
            }
            Node::Symlink { .. } => {}
        }
        if let Some(chunk) = writer.push(&ready.entry) {
            node.chunks.push(run.store_tree(tools, &chunk, &mut packs)?);
        }
    }
    if let Some(chunk) = writer.finish() {
        node.chunks.push(run.store_tree(tools, &chunk, &mut packs)?);
    }
    node.digest = digest.finish();
    Ok((node, packs))
}
