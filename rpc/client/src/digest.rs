//! Content digests of entries, and of files on disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use primitives::{Hash32, VaultId};
use rustix::fs::{AtFlags, Dir, FileType, readlinkat, statat};
use rustix::io::Errno;
use seal::chunk::{Chunker, chunk_id};
use seal::content::{ContentKey, DirectoryDigest};
use seal::tree::{Content, Name, Node, Piece, Pieces};
use seal::{OwnerSecret, VaultKeys};

use crate::backup::Cutter;
use crate::buffers::Pool;
use crate::meta::FileStat;
use crate::width::u64_of;
use crate::{ClientError, FilesVerdict, Note, Progress, open};

/// The content digest of an entry.
pub(crate) fn digest_of(content: &ContentKey, node: &Node) -> Hash32 {
    match node {
        Node::File(file) => match &file.content {
            Content::Direct(pieces) => digest_of_pieces(content, pieces),
            Content::Indirect { digest, .. } => *digest,
        },
        Node::Directory(directory) => directory.digest,
        Node::Symlink { target } => content.symlink(target),
    }
}

fn digest_of_pieces(content: &ContentKey, pieces: &[Piece]) -> Hash32 {
    let mut digest = content.file();
    pieces.iter().for_each(|piece| digest.push(piece));
    digest.finish()
}

/// The pieces of an open file.
pub(crate) fn pieces_of_file(
    chunker: &Chunker,
    ids: &[u8; 32],
    pool: &Pool,
    fd: OwnedFd,
    sparse: bool,
) -> Result<Vec<Piece>, Errno> {
    let mut cutter = Cutter::new(fd, sparse);
    let mut found = Pieces::new();
    loop {
        let step = cutter.step(chunker, pool)?;
        if step.zeros > 0 {
            found.push(Piece::Zeros { len: step.zeros });
        }
        for (start, end) in &step.cuts {
            let Some(buffer) = &step.buffer else { continue };
            let plain = &(**buffer).as_ref()[*start..*end];
            found.push(Piece::Chunk { id: chunk_id(ids, plain), len: u32::try_from(plain.len()).unwrap_or(u32::MAX) });
        }
        if step.ended {
            return Ok(found.into_vec());
        }
    }
}

/// Recomputes the content root of a directory.
pub(crate) fn verify_files(
    secret: &OwnerSecret,
    vault: &VaultId,
    expected: &Hash32,
    directory: &Path,
    progress: &dyn Progress,
) -> Result<FilesVerdict, ClientError> {
    open::raise_limit();
    let root = open_root(directory)?;
    let verdict = FilesVerdict { expected: *expected, found: Hash32::ZERO, files: 0, bytes: 0, errors: Vec::new() };
    let mut check = Check { digester: Digester::new(&secret.vault_keys(vault), progress), verdict };
    check.verdict.found = check.run(root, directory);
    Ok(check.verdict)
}

/// Opens the directory that is checked; it must be one that can be listed.
pub(crate) fn open_root(directory: &Path) -> Result<OwnedFd, ClientError> {
    open::root(directory).map_err(|error| ClientError::Path { path: directory.to_path_buf(), source: error.into() })
}

/// Computes digests of what is on disk.
pub(crate) struct Digester<'a> {
    chunker: Chunker,
    ids: [u8; 32],
    content: ContentKey,
    pool: Pool,
    progress: &'a dyn Progress,
}

impl<'a> Digester<'a> {
    pub(crate) fn new(keys: &VaultKeys, progress: &'a dyn Progress) -> Self {
        Self {
            chunker: Chunker::new(keys.cdc_seed),
            ids: keys.chunk_id,
            content: ContentKey::new(&keys.content),
            pool: Pool::new(2, Cutter::BUFFER),
            progress,
        }
    }

    /// Length and digest of a file in an open directory.
    pub(crate) fn file(&self, directory: impl AsFd, name: &Name) -> Result<(u64, Hash32), Errno> {
        let fd = open::file(directory, name.as_bytes())?;
        let stat = FileStat::of_file(&fd)?;
        let pieces = pieces_of_file(&self.chunker, &self.ids, &self.pool, fd, stat.is_sparse())?;
        let bytes = pieces.iter().map(Piece::len).sum();
        self.progress.done(1, bytes);
        Ok((bytes, digest_of_pieces(&self.content, &pieces)))
    }

    /// Length and digest of a symbolic link in an open directory.
    pub(crate) fn link(&self, directory: impl AsFd, name: &Name) -> Result<(u64, Hash32), Errno> {
        let target = readlinkat(directory, name.as_bytes(), Vec::new())?.into_bytes();
        Ok((u64_of(target.len()), self.content.symlink(&target)))
    }

    /// The digest of an entry of a snapshot.
    pub(crate) fn committed(&self, node: &Node) -> Hash32 {
        digest_of(&self.content, node)
    }
}

/// A directory that a check is in.
struct Level {
    fd: OwnedFd,
    names: std::collections::btree_map::IntoIter<Name, FileType>,
    digest: DirectoryDigest,
}

/// A check of a directory under way.
struct Check<'a> {
    digester: Digester<'a>,
    verdict: FilesVerdict,
}

impl Check<'_> {
    /// The digest of a directory; what cannot be read is noted and left out.
    fn run(&mut self, root: OwnedFd, path: &Path) -> Hash32 {
        let mut path = path.to_path_buf();
        let mut above: Vec<(Level, Name)> = Vec::new();
        let mut level = self.enter(root, &path);
        loop {
            let Some((name, kind)) = level.names.next() else {
                let found = level.digest.finish();
                let Some((parent, name)) = above.pop() else { return found };
                path.pop();
                level = parent;
                level.digest.push(&name, &found);
                continue;
            };
            path.push(OsStr::from_bytes(name.as_bytes()));
            let found = match kind {
                FileType::Directory => match open::directory(&level.fd, name.as_bytes()) {
                    Ok(fd) => {
                        let below = self.enter(fd, &path);
                        above.push((std::mem::replace(&mut level, below), name));
                        continue;
                    }
                    Err(error) => Err(error),
                },
                FileType::Symlink => self.digester.link(&level.fd, &name).map(|(_, digest)| Some(digest)),
                FileType::RegularFile => self.file(&level.fd, &name).map(Some),
                _ => Ok(None),
            };
            match found {
                Ok(Some(found)) => level.digest.push(&name, &found),
                Ok(None) => {}
                Err(error) => self.error(&path, error),
            }
            path.pop();
        }
    }

    fn enter(&mut self, fd: OwnedFd, path: &Path) -> Level {
        let names = names_in(&fd).unwrap_or_else(|error| {
            self.error(path, error);
            BTreeMap::new()
        });
        Level { fd, names: names.into_iter(), digest: self.digester.content.directory() }
    }

    fn file(&mut self, directory: &OwnedFd, name: &Name) -> Result<Hash32, Errno> {
        let (bytes, digest) = self.digester.file(directory, name)?;
        self.verdict.files += 1;
        self.verdict.bytes += bytes;
        Ok(digest)
    }

    fn error(&mut self, path: &Path, reason: impl ToString) {
        self.verdict.errors.push(Note { path: path.to_path_buf(), reason: reason.to_string() });
    }
}

/// The entries of an open directory, ascending by name.
pub(crate) fn names_in(directory: &OwnedFd) -> Result<BTreeMap<Name, FileType>, Errno> {
    let mut names = BTreeMap::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                FileType::from_raw_mode(statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?.st_mode)
            }
            kind => kind,
        };
        let name = Name::new(entry.file_name().to_bytes().to_vec()).map_err(|_| Errno::INVAL)?;
        names.insert(name, kind);
    }
    Ok(names)
}
