//! A snapshot that is open for reading: its manifest, its tree, its files' pieces.

use std::sync::Arc;

use primitives::PackHeader;
use primitives::ledger::SnapshotRecord;
use seal::frame::FrameKeys;
use seal::manifest::Manifest;
use seal::pack::FooterKeys;
use seal::tree::{Content, DirectoryNode, DirectoryReader, Entry, FileNode, Name, Piece, decode_list};
use seal::{Identity, OwnerSecret};

use crate::cache_dir::CacheDir;
use crate::chunk_reader::ChunkReader;
use crate::fetch::Fetcher;
use crate::index::VaultIndex;
use crate::vault::OpenVault;
use crate::{Client, ClientError, Progress, SnapshotRef};

/// A vault that is open for reading.
pub(crate) struct Reading {
    pub(crate) vault: OpenVault,
    pub(crate) index: VaultIndex,
    pub(crate) fetcher: Fetcher,
}

impl Reading {
    /// Opens a vault and learns where its chunks are.
    pub(crate) fn open(
        client: &Client,
        secret: &OwnerSecret,
        vault: &str,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, ClientError> {
        let vault = OpenVault::open(client, secret, vault)?;
        // While a backup is running, this reading works without files of its own; and once the index is in memory, the
        // files are free for a backup.
        let cache = CacheDir::lock_or_none(client, &vault.id)?;
        let fetcher = Fetcher::new(Arc::clone(client.node()), progress);
        let keys = FooterKeys::new(&vault.keys.pack);
        let mut index = VaultIndex::open(cache.path(), client.network().network, vault.id)?;
        index.sync(client.node().as_ref(), &vault.record, &keys, &fetcher)?;
        index.find_lost(client.node().as_ref(), &vault.id)?;
        if let Err(ClientError::Cache { .. }) = index.chunks() {
            index.clear()?;
            index.sync(client.node().as_ref(), &vault.record, &keys, &fetcher)?;
            index.find_lost(client.node().as_ref(), &vault.id)?;
        }
        index.chunks()?;
        Ok(Self { vault, index, fetcher })
    }

    pub(crate) fn frame_keys(&self) -> FrameKeys {
        FrameKeys::new(&self.vault.keys.dedup)
    }

    pub(crate) fn tree(&self) -> Result<TreeReader<'_>, ClientError> {
        Ok(TreeReader { chunks: ChunkReader::new(&self.index, &self.fetcher, self.frame_keys())? })
    }
}

/// The record of a snapshot, checked to be the one asked for.
pub(crate) fn record(client: &Client, vault: &OpenVault, snapshot: SnapshotRef) -> Result<SnapshotRecord, ClientError> {
    let seq = match snapshot {
        SnapshotRef::Latest => None,
        SnapshotRef::Seq(seq) => Some(seq),
    };
    let unknown = || match seq {
        None => ClientError::NoSnapshot { vault: vault.name.clone() },
        Some(seq) => ClientError::UnknownSnapshot { vault: vault.name.clone(), snapshot: seq.to_string() },
    };
    let record = client.node().snapshot(&vault.id, seq)?.ok_or_else(unknown)?;
    let commitment = &record.commitment;
    if commitment.vault != vault.id || seq.is_some_and(|seq| seq != commitment.seq) {
        return Err(ClientError::damaged("the node's answer", "it is another snapshot"));
    }
    if merkle::tree::root(&record.packs) != commitment.packs_root {
        return Err(ClientError::damaged("the node's answer", "the packs are not those of the commitment"));
    }
    Ok(record)
}

/// Reads and opens a snapshot's manifest; its bytes must be those that the commitment names.
pub(crate) fn manifest(
    client: &Client,
    secret: &OwnerSecret,
    fetcher: &Fetcher,
    record: &SnapshotRecord,
) -> Result<Manifest, ClientError> {
    let commitment = &record.commitment;
    let what = || format!("the manifest of snapshot {}", commitment.seq);
    let pack = client.node().packs(&[record.manifest_pack])?.pop().flatten();
    let header: PackHeader = pack.ok_or_else(|| ClientError::damaged(what(), "its pack is not recorded"))?.header;
    if header.id() != record.manifest_pack || header.shards.first() != Some(&commitment.manifest) {
        return Err(ClientError::damaged(what(), "its pack is not the one that the commitment names"));
    }
    let bytes = fetcher.rebuild(&header)?;
    let manifest = Manifest::open(&bytes, &Identity::Owner(secret), &commitment.vault, commitment.seq)
        .map_err(|error| ClientError::damaged(what(), error))?;
    if manifest.root.digest != commitment.content_root {
        return Err(ClientError::damaged(what(), "its content root is not the commitment's"));
    }
    Ok(manifest)
}

/// Reads directories and piece lists.
pub(crate) struct TreeReader<'a> {
    chunks: ChunkReader<'a>,
}

impl TreeReader<'_> {
    /// All entries of a directory, in order, handed on one tree chunk at a time.
    pub(crate) fn entries(
        &mut self,
        directory: &DirectoryNode,
        each: &mut dyn FnMut(Entry) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let mut last: Option<Name> = None;
        for chunk in &directory.chunks {
            let bytes = self.chunks.read(&chunk.id, chunk.len)?;
            let bad = |error| ClientError::damaged("a directory", error);
            for entry in DirectoryReader::new(&bytes, last.clone()).map_err(bad)? {
                let entry = entry.map_err(bad)?;
                last = Some(entry.name.clone());
                each(entry)?;
            }
        }
        Ok(())
    }

    /// All entries of a directory at once.
    pub(crate) fn all_entries(&mut self, directory: &DirectoryNode) -> Result<Vec<Entry>, ClientError> {
        let mut entries = Vec::new();
        self.entries(directory, &mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    /// The pieces of a file; they add up to its size.
    pub(crate) fn pieces(&mut self, file: &FileNode) -> Result<Vec<Piece>, ClientError> {
        let pieces = match &file.content {
            Content::Direct(pieces) => pieces.clone(),
            Content::Indirect { lists, .. } => {
                let mut pieces = Vec::new();
                for list in lists {
                    let bytes = self.chunks.read(&list.id, list.len)?;
                    let part = decode_list(&bytes).map_err(|error| ClientError::damaged("a list of pieces", error))?;
                    pieces.extend(part);
                }
                pieces
            }
        };
        let sum = pieces.iter().try_fold(0u64, |sum, piece| sum.checked_add(piece.len()));
        if sum != Some(file.size) {
            return Err(ClientError::damaged("a file's list of pieces", "it does not add up to the file's size"));
        }
        Ok(pieces)
    }

    /// One chunk.
    pub(crate) fn chunk(&mut self, id: &primitives::ChunkId, len: u32) -> Result<Vec<u8>, ClientError> {
        self.chunks.read(id, len)
    }
}
