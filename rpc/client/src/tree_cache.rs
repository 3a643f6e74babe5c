//! What directories looked like at the last backup, so that an unchanged tree costs one stat pass.
//!
//! ```text
//! file    = magic 8 | generation 16 | details* | SCALE(Summary)* | footer
//! footer  = summaries_at u64 | summaries u64 | check 8
//! details = SCALE(KnownFile)*          the files and links of one directory, read only when it has changed
//! ```
//! Pack numbers are those of the index with the same generation.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parity_scale_codec::{Decode, Encode};
use seal::tree::{DirectoryNode, Entry};

use crate::ClientError;
use crate::cache_dir::CacheDir;
use crate::index::PackNumber;
use crate::width::u64_of;

const MAGIC: &[u8; 8] = b"SRTREES2";
const HEADER: usize = 24;
const FOOTER: usize = 24;

/// Names a directory in the cache: a hash of its path.
pub(crate) type DirectoryKey = [u8; 16];

/// A directory as it was.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Summary {
    pub(crate) key: DirectoryKey,
    /// Over names, sizes, times and inode numbers of all entries; zero = never equal to anything.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) node: DirectoryNode,
    /// Packs that its own files, lists and tree chunks need.
    pub(crate) packs: Vec<PackNumber>,
    /// Where its details are in the file: first byte and length.
    pub(crate) details: (u64, u64),
    /// First bytes of the BLAKE3 hash of its details.
    pub(crate) details_check: [u8; 8],
}

/// A file or symbolic link as it was.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct KnownFile {
    pub(crate) entry: Entry,
    /// Change time, seconds and nanoseconds; zero = never equal.
    pub(crate) ctime: (i64, u32),
    pub(crate) inode: u64,
    /// Indices into the directory's `packs`.
    pub(crate) packs: Vec<u16>,
}

/// The cache of the last backup of the same paths.
pub(crate) struct TreeCache {
    file: Option<(PathBuf, File)>,
    summaries: HashMap<DirectoryKey, Summary>,
}

impl TreeCache {
    /// Opens the cache; anything unusual about it means an empty one.
    ///
    /// Directories that need a pack of `lost` are left out: then their files are read and stored again.
    pub(crate) fn open(path: Option<&Path>, generation: &[u8; 16], lost: &HashSet<PackNumber>) -> Self {
        let empty = Self { file: None, summaries: HashMap::new() };
        let Some(path) = path else { return empty };
        match Self::read(path, generation) {
            Ok(Some(mut cache)) => {
                cache.summaries.retain(|_, summary| !summary.packs.iter().any(|pack| lost.contains(pack)));
                cache
            }
            Ok(None) => empty,
            Err(error) => {
                tracing::debug!(target: "client", %error, path = %path.display(), "no directory cache");
                empty
            }
        }
    }

    fn read(path: &Path, generation: &[u8; 16]) -> std::io::Result<Option<Self>> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut header = [0u8; HEADER];
        file.read_exact_at(&mut header, 0)?;
        if header[..8] != *MAGIC || header[8..] != *generation || len < u64_of(HEADER + FOOTER) {
            return Ok(None);
        }
        let mut footer = [0u8; FOOTER];
        file.read_exact_at(&mut footer, len - u64_of(FOOTER))?;
        let at = u64::from_le_bytes(footer[..8].try_into().expect("8 bytes"));
        let count = u64::from_le_bytes(footer[8..16].try_into().expect("8 bytes"));
        let Some(bytes_len) = (len - u64_of(FOOTER)).checked_sub(at).and_then(|len| usize::try_from(len).ok()) else {
            return Ok(None);
        };
        let mut bytes = vec![0; bytes_len];
        file.read_exact_at(&mut bytes, at)?;
        if blake3::hash(&bytes).as_bytes()[..8] != footer[16..] {
            return Ok(None);
        }
        let mut summaries = HashMap::with_capacity(usize::try_from(count).unwrap_or(0).min(bytes.len() / 64));
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Ok(summary) = Summary::decode(&mut rest) else { return Ok(None) };
            summaries.insert(summary.key, summary);
        }
        Ok(Some(Self { file: Some((path.to_path_buf(), file)), summaries }))
    }

    pub(crate) fn get(&self, key: &DirectoryKey) -> Option<&Summary> {
        self.summaries.get(key)
    }

    /// The files of a directory, all of them or an error: a shorter list would be taken for the whole directory.
    ///
    /// # Errors
    /// [`ClientError::Cache`] when they cannot be read or are not those that were written.
    pub(crate) fn details(&self, summary: &Summary) -> Result<Vec<KnownFile>, ClientError> {
        let bytes = self.details_bytes(summary)?;
        let mut rest = &bytes[..];
        let mut files = Vec::new();
        while !rest.is_empty() {
            files.push(KnownFile::decode(&mut rest).map_err(|_| self.damaged("a directory's files do not decode"))?);
        }
        Ok(files)
    }

    fn details_bytes(&self, summary: &Summary) -> Result<Vec<u8>, ClientError> {
        let (at, len) = summary.details;
        let Some((_, file)) = &self.file else { return Err(self.damaged("it is not open")) };
        let len = usize::try_from(len).map_err(|_| self.damaged("a directory's files are too long"))?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at).map_err(|error| {
            tracing::debug!(target: "client", %error, "reading the directory cache");
            self.damaged("a directory's files cannot be read")
        })?;
        if check_of(&bytes) != summary.details_check {
            return Err(self.damaged("the check of a directory's files does not match"));
        }
        Ok(bytes)
    }

    fn damaged(&self, reason: &'static str) -> ClientError {
        let path = self.file.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
        ClientError::Cache { path, reason }
    }
}

/// Writes the cache of this backup.
pub(crate) struct TreeCacheWriter {
    path: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
    at: u64,
    summaries: Vec<Summary>,
}

impl TreeCacheWriter {
    pub(crate) fn new(path: &Path, generation: &[u8; 16]) -> Result<Self, ClientError> {
        let mut file = BufWriter::with_capacity(256 * 1024, CacheDir::aside(path)?);
        file.write_all(MAGIC)
            .and_then(|()| file.write_all(generation))
            .map_err(ClientError::io("cannot write", path))?;
        Ok(Self { path: path.to_path_buf(), file, at: u64_of(HEADER), summaries: Vec::new() })
    }

    /// Adds a directory that was read anew.
    pub(crate) fn push(&mut self, mut summary: Summary, details: &[u8]) -> Result<(), ClientError> {
        summary.details = (self.at, u64_of(details.len()));
        summary.details_check = check_of(details);
        self.file.write_all(details).map_err(ClientError::io("cannot write", &self.path))?;
        self.at += u64_of(details.len());
        self.summaries.push(summary);
        Ok(())
    }

    /// Adds a directory that has not changed.
    pub(crate) fn keep(&mut self, cache: &TreeCache, key: &DirectoryKey) -> Result<(), ClientError> {
        let Some(summary) = cache.get(key) else { return Ok(()) };
        match cache.details_bytes(summary) {
            Ok(details) => self.push(summary.clone(), &details),
            Err(_) => Ok(()),
        }
    }

    /// Replaces the old cache. `resolve` gives the recorded number of a pack of this run.
    pub(crate) fn finish(mut self, resolve: impl Fn(PackNumber) -> Option<PackNumber>) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        let mut count = 0u64;
        for mut summary in self.summaries {
            let packs: Option<Vec<PackNumber>> = summary.packs.iter().map(|number| resolve(*number)).collect();
            let Some(packs) = packs else { continue };
            summary.packs = packs;
            summary.encode_to(&mut bytes);
            count += 1;
        }
        let check = *blake3::hash(&bytes).as_bytes();
        let footer = [&self.at.to_le_bytes()[..], &count.to_le_bytes(), &check[..8]].concat();
        let write = ClientError::io("cannot write", &self.path);
        let done =
            self.file.write_all(&bytes).and_then(|()| self.file.write_all(&footer)).and_then(|()| self.file.flush());
        done.map_err(write)?;
        let temporary =
            self.file.into_inner().map_err(|error| ClientError::io("cannot write", &self.path)(error.into_error()))?;
        // Otherwise a crash could leave the new name with old or no bytes.
        temporary.as_file().sync_data().map_err(ClientError::io("cannot write", &self.path))?;
        temporary.persist(&self.path).map_err(|error| ClientError::io("cannot replace", &self.path)(error.error))?;
        Ok(())
    }
}

fn check_of(bytes: &[u8]) -> [u8; 8] {
    blake3::hash(bytes).as_bytes().first_chunk().copied().unwrap_or_default()
}
