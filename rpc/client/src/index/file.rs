//! The index file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use parity_scale_codec::{Decode, Encode};
use primitives::{NetworkId, PackHeader, VaultId};
use rand::RngCore;
use seal::pack::FrameEntry;

use super::{ChunkMap, Kind, PackInfo, PackNumber};
use crate::ClientError;
use crate::width::{u64_of, usize_of};

const MAGIC: &[u8; 8] = b"SRINDEX1";
const HEADER: usize = 88;
const ENTRY: usize = 44;
const CHECK: usize = 8;
/// Longest head of a record: a pack header with 128 shard ids.
const HEAD_MAX: usize = 8 * 1024;

/// What was found in the file.
pub(super) struct Loaded {
    pub(super) generation: [u8; 16],
    pub(super) packs: Vec<PackInfo>,
    pub(super) file: Option<File>,
}

/// A name for a new numbering.
pub(super) fn new_generation() -> [u8; 16] {
    let mut generation = [0; 16];
    rand::rng().fill_bytes(&mut generation);
    generation
}

/// Opens or makes the file, reads its packs, and cuts off what is not a whole record.
pub(super) fn load_table(path: &Path, network: &NetworkId, vault: &VaultId) -> Result<Loaded, ClientError> {
    let read = || ClientError::io("cannot read", path);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(read())?;
    let mut header = [0u8; HEADER];
    let generation = match file.read_exact(&mut header) {
        Ok(())
            if header[..8] == *MAGIC && header[24..56] == *network.as_bytes() && header[56..] == *vault.as_bytes() =>
        {
            header[8..24].try_into().expect("16 bytes")
        }
        _ => return fresh(path, file, network, vault),
    };
    let len = file.metadata().map_err(read())?.len();
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut packs = Vec::new();
    let mut at = u64_of(HEADER);
    while let Some((info, count)) = next_head(&mut reader).map_err(read())? {
        let skip = u64_of(count * ENTRY + CHECK);
        let end = reader.stream_position().map_err(read())? + skip;
        if end > len {
            break;
        }
        reader.seek_relative(i64::try_from(skip).unwrap_or(i64::MAX)).map_err(read())?;
        packs.push(info);
        at = end;
    }
    let mut file = reader.into_inner();
    if at < len {
        tracing::info!(target: "client", path = %path.display(), "the index has a torn end; it is read again");
        file.set_len(at).map_err(ClientError::io("cannot cut", path))?;
    }
    file.seek(SeekFrom::Start(at)).map_err(read())?;
    Ok(Loaded { generation, packs, file: Some(file) })
}

fn fresh(path: &Path, mut file: File, network: &NetworkId, vault: &VaultId) -> Result<Loaded, ClientError> {
    let generation = new_generation();
    let header = [&MAGIC[..], &generation, network.as_ref(), vault.as_ref()].concat();
    let write = || ClientError::io("cannot write", path);
    file.set_len(0).map_err(write())?;
    file.seek(SeekFrom::Start(0)).map_err(write())?;
    file.write_all(&header).map_err(write())?;
    Ok(Loaded { generation, packs: Vec::new(), file: Some(file) })
}

/// The head of the next record and its number of entries; `None` at the end or at something that is no record.
fn next_head(reader: &mut impl Read) -> io::Result<Option<(PackInfo, usize)>> {
    let mut lengths = [0u8; 8];
    if !read_whole(reader, &mut lengths)? {
        return Ok(None);
    }
    let body = usize_of(u32::from_le_bytes(lengths[..4].try_into().expect("4 bytes")));
    let head_len = usize_of(u32::from_le_bytes(lengths[4..].try_into().expect("4 bytes")));
    if head_len == 0 || head_len > HEAD_MAX {
        return Ok(None);
    }
    let mut head = vec![0u8; head_len];
    if !read_whole(reader, &mut head)? {
        return Ok(None);
    }
    let Ok((kind, header, count)) = <(Kind, PackHeader, u32)>::decode(&mut &head[..]) else { return Ok(None) };
    let count = usize_of(count);
    if body != 4 + head_len + count * ENTRY || header.check().is_err() {
        return Ok(None);
    }
    Ok(Some((PackInfo { id: header.id(), kind, header }, count)))
}

fn read_whole(reader: &mut impl Read, target: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(target) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Appends one record in one write.
pub(super) fn append(file: &mut File, info: &PackInfo, entries: &[FrameEntry]) -> io::Result<()> {
    let count = u32::try_from(entries.len()).map_err(io::Error::other)?;
    let head = (info.kind, &info.header, count).encode();
    let head_len = u32::try_from(head.len()).map_err(io::Error::other)?;
    let mut body = head_len.to_le_bytes().to_vec();
    body.extend_from_slice(&head);
    body.reserve(entries.len() * ENTRY);
    entries.iter().for_each(|entry| entry.encode_to(&mut body));
    let check = *blake3::hash(&body).as_bytes();
    let len = u32::try_from(body.len()).map_err(io::Error::other)?;
    let record = [&len.to_le_bytes()[..], &body, &check[..CHECK]].concat();
    file.write_all(&record)
}

/// Reads the entries of all records into `chunks`.
pub(super) fn load_chunks(path: &Path, chunks: &ChunkMap) -> Result<(), ClientError> {
    let damaged = || ClientError::Cache { path: path.to_path_buf(), reason: "a record's check does not match" };
    let bytes = std::fs::read(path).map_err(ClientError::io("cannot read", path))?;
    let mut rest = bytes.get(HEADER..).ok_or_else(damaged)?;
    let mut number: PackNumber = 0;
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = usize_of(u32::from_le_bytes(*len));
        let (body, after) = after.split_at_checked(len).ok_or_else(damaged)?;
        let (check, after) = after.split_at_checked(CHECK).ok_or_else(damaged)?;
        if blake3::hash(body).as_bytes()[..CHECK] != *check {
            return Err(damaged());
        }
        let head_len = body.first_chunk::<4>().map_or(0, |len| usize_of(u32::from_le_bytes(*len)));
        let mut entries = body.get(4 + head_len..).ok_or_else(damaged)?;
        while !entries.is_empty() {
            let entry = FrameEntry::decode(&mut entries).map_err(|_| damaged())?;
            chunks.insert(number, &entry);
        }
        number += 1;
        rest = after;
    }
    Ok(())
}
