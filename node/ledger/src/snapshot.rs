//! A snapshot of the ledger: one file with every row of its tables, of one moment.
//!
//! ```text
//! magic 32 | meta length u32 | meta (postcard)
//! row*:  table u8 (1 + its position in TABLES) | key length u32 | key | value length u32 | value
//! 0 u8 | BLAKE3 of everything before, 32
//! ```
//! Integers are little endian. Rows come table by table in key order. A file has its final name only when all of it
//! is durable.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use primitives::ShardId;
use store::{Store, Table, schema};

use crate::digest::{DigestReader, DigestWriter};
use crate::error::LedgerError;
use crate::meta::Meta;
use crate::tables::TABLES;

const MAGIC: &[u8; 32] = b"strongroom ledger snapshot v1\n\0\0";
/// Longest meta, key and value, bytes.
const PART_MAX: u32 = 64 << 20;
const SUFFIX: &str = "snapshot";

/// A complete snapshot file, open for reading; it stays readable when a newer one replaces it.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
}

/// One row of a snapshot.
pub(crate) struct Row {
    pub(crate) table: &'static str,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl SnapshotFile {
    /// Opens a file; its contents are checked where they are read.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(|source| LedgerError::file("open", path, source))?;
        let bytes = file.metadata().map_err(|source| LedgerError::file("stat", path, source))?.len();
        Ok(Self { path: path.to_owned(), file: Arc::new(file), bytes })
    }

    /// Its length, bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is, or was.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Up to `limit` bytes from `offset` on; empty at the end.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub(crate) fn chunk(&self, offset: u64, limit: usize) -> Result<Vec<u8>, LedgerError> {
        use std::os::unix::fs::FileExt;
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; limit.min(left)];
        self.file.read_exact_at(&mut bytes, offset).map_err(|source| LedgerError::file("read", &self.path, source))?;
        Ok(bytes)
    }

    /// What the file is a snapshot of.
    pub(crate) fn meta(&self) -> Result<Meta, LedgerError> {
        Reader::new(self)?.meta()
    }

    /// Reads the whole file, checks it to the last byte, and visits each row.
    pub(crate) fn visit(&self, mut visit: impl FnMut(Row) -> Result<(), LedgerError>) -> Result<Meta, LedgerError> {
        let mut reader = Reader::new(self)?;
        let meta = reader.meta()?;
        while let Some(row) = reader.row()? {
            visit(row)?;
        }
        reader.end()?;
        Ok(meta)
    }
}

/// Writes the tables as they are now into `dir` and replaces what is there.
pub(crate) fn build(store: &Store, dir: &Path) -> Result<(Meta, SnapshotFile), LedgerError> {
    let temporary = dir.join("building.tmp");
    let failed = |source| LedgerError::file("write", &temporary, source);
    let file = File::create(&temporary).map_err(failed)?;
    let mut writer = DigestWriter::new(BufWriter::with_capacity(1 << 20, file));
    let mut meta = Meta::default();
    let mut begun = false;
    let tables: Vec<&'static str> = std::iter::once(schema::LedgerMeta::NAME).chain(TABLES.iter().copied()).collect();
    store.export::<LedgerError>(&tables, |row| {
        // Raft's own table comes first: it says what all the others are a snapshot of.
        if row.table == schema::LedgerMeta::NAME {
            return meta.take(row.key, row.value).map_err(LedgerError::from);
        }
        if !std::mem::replace(&mut begun, true) {
            begin(&mut writer, &meta).map_err(failed)?;
        }
        write_row(&mut writer, row.table, row.key, row.value).map_err(failed)
    })?;
    if !begun {
        begin(&mut writer, &meta).map_err(failed)?;
    }
    writer.write_all(&[0]).map_err(failed)?;
    let file = writer.finish().and_then(|buffer| buffer.into_inner().map_err(io::Error::from)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    // Raft purges the log up to this snapshot next: the tables must not fall back behind it.
    store.sync()?;
    let snapshot = keep(dir, &temporary, &meta)?;
    Ok((meta, snapshot))
}

/// Copies a received snapshot to its place in `dir`, after checking all of it.
pub(crate) fn adopt(dir: &Path, received: &SnapshotFile) -> Result<(Meta, SnapshotFile), LedgerError> {
    let meta = received.visit(|_| Ok(()))?;
    let temporary = dir.join("adopting.tmp");
    let failed = |source| LedgerError::file("copy to", &temporary, source);
    let mut source = received.file.try_clone().map_err(failed)?;
    source.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut target = File::create(&temporary).map_err(failed)?;
    io::copy(&mut source, &mut target).map_err(failed)?;
    target.sync_all().map_err(failed)?;
    let snapshot = keep(dir, &temporary, &meta)?;
    Ok((meta, snapshot))
}

/// Gives a durable file its final name and removes older snapshots.
fn keep(dir: &Path, temporary: &Path, meta: &Meta) -> Result<SnapshotFile, LedgerError> {
    let name = match &meta.applied {
        Some(id) => format!("{:020}-{}-{}.{SUFFIX}", id.index, id.leader_id.term, id.leader_id.node_id),
        None => format!("empty.{SUFFIX}"),
    };
    let path = dir.join(name);
    std::fs::rename(temporary, &path).map_err(|source| LedgerError::file("rename to", &path, source))?;
    sync_dir(dir)?;
    let snapshot = SnapshotFile::open(&path)?;
    for old in files(dir)?.into_iter().filter(|other| *other != path) {
        std::fs::remove_file(&old).map_err(|source| LedgerError::file("remove", &old, source))?;
    }
    Ok(snapshot)
}

/// The newest complete snapshot of `dir`.
pub(crate) fn newest(dir: &Path) -> Result<Option<SnapshotFile>, LedgerError> {
    files(dir)?.into_iter().max().map(|path| SnapshotFile::open(&path)).transpose()
}

/// Creates `dir` when missing and removes what a crash left half-written.
pub(crate) fn prepare(dir: &Path) -> Result<(), LedgerError> {
    std::fs::create_dir_all(dir).map_err(|source| LedgerError::file("create", dir, source))?;
    for path in entries(dir)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "tmp")) {
        std::fs::remove_file(&path).map_err(|source| LedgerError::file("remove", &path, source))?;
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    Ok(entries(dir)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == SUFFIX)).collect())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let failed = |source| LedgerError::file("list", dir, source);
    std::fs::read_dir(dir).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn sync_dir(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| LedgerError::file("sync", dir, source))
}

fn begin(writer: &mut impl Write, meta: &Meta) -> io::Result<()> {
    writer.write_all(MAGIC)?;
    write_part(writer, &meta.encode())
}

fn write_row(writer: &mut impl Write, table: &str, key: &[u8], value: &[u8]) -> io::Result<()> {
    let position = TABLES.iter().position(|name| *name == table).and_then(|position| u8::try_from(position).ok());
    let number = position.and_then(|position| position.checked_add(1));
    let number = number.ok_or_else(|| io::Error::other(format!("{table} is no table of the ledger")))?;
    writer.write_all(&[number])?;
    write_part(writer, key)?;
    write_part(writer, value)
}

fn write_part(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= PART_MAX);
    let length = length.ok_or_else(|| io::Error::other(format!("{} bytes in one value", bytes.len())))?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(bytes)
}

/// Reads a snapshot file from its beginning.
struct Reader<'a> {
    path: &'a Path,
    input: DigestReader<BufReader<Section<'a>>>,
}

impl<'a> Reader<'a> {
    fn new(snapshot: &'a SnapshotFile) -> Result<Self, LedgerError> {
        let section = Section { snapshot, offset: 0 };
        let mut reader =
            Self { path: &snapshot.path, input: DigestReader::new(BufReader::with_capacity(1 << 20, section)) };
        let mut magic = [0; 32];
        reader.exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(reader.damaged("it does not begin like one"));
        }
        Ok(reader)
    }

    fn meta(&mut self) -> Result<Meta, LedgerError> {
        let bytes = self.part()?;
        Meta::decode(&bytes).map_err(|error| self.damaged(&error.to_string()))
    }

    fn row(&mut self) -> Result<Option<Row>, LedgerError> {
        let mut number = [0; 1];
        self.exact(&mut number)?;
        let [number] = number;
        let Some(position) = usize::from(number).checked_sub(1) else { return Ok(None) };
        let Some(table) = TABLES.get(position) else {
            return Err(self.damaged(&format!("it names table {number}, which this version does not know")));
        };
        Ok(Some(Row { table, key: self.part()?, value: self.part()? }))
    }

    fn end(&mut self) -> Result<(), LedgerError> {
        let expected = self.input.digest();
        let mut found = [0; ShardId::LEN];
        self.exact(&mut found)?;
        if found != expected {
            return Err(self.damaged("its hash is another"));
        }
        let rest = self.input.read(&mut [0; 1]).map_err(|source| LedgerError::file("read", self.path, source))?;
        if rest == 0 { Ok(()) } else { Err(self.damaged("bytes follow its end")) }
    }

    fn part(&mut self) -> Result<Vec<u8>, LedgerError> {
        let mut length = [0; 4];
        self.exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length > PART_MAX {
            return Err(self.damaged(&format!("a part of {length} bytes")));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.exact(&mut bytes)?;
        Ok(bytes)
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), LedgerError> {
        self.input.read_exact(bytes).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => LedgerError::file("read", self.path, source),
        })
    }

    fn damaged(&self, reason: &str) -> LedgerError {
        LedgerError::Snapshot { path: self.path.to_owned(), reason: reason.to_owned() }
    }
}

/// Reads a shared file without moving its cursor.
struct Section<'a> {
    snapshot: &'a SnapshotFile,
    offset: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let read = self.snapshot.file.read_at(bytes, self.offset)?;
        self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
