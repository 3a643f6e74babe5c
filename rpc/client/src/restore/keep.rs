//! Whether a file is there already.

use std::os::unix::ffi::OsStrExt;

use rustix::fs::{FileType, Mode, fchmod};
use rustix::io::Errno;
use seal::tree::Piece;

use super::batch::{FilePlan, parent};
use super::{Restore, metadata};
use crate::backup::Cutter;
use crate::buffers::Pool;
use crate::digest::pieces_of_file;
use crate::meta::FileStat;
use crate::open;

/// Whether a file is there with the right length and content. It gets its time, and when all may be overwritten the rest
/// of its metadata too.
pub(super) fn keeps(restore: &Restore<'_>, file: &FilePlan, pieces: &[Piece]) -> bool {
    compare(restore, file, pieces).unwrap_or(false)
}

fn compare(restore: &Restore<'_>, file: &FilePlan, pieces: &[Piece]) -> Result<bool, Errno> {
    let directory = restore.target.directory(parent(&file.path))?;
    let name = file.path.file_name().unwrap_or_default().as_bytes();
    let fd = match open::file(&directory, name) {
        // Restored without root, a file that nobody may read belongs to whoever restored it.
        Err(Errno::ACCESS) => {
            let mode = open::unlock(&directory, name, FileType::RegularFile, Mode::RUSR)?;
            let fd = open::file(&directory, name)?;
            fchmod(&fd, mode)?;
            fd
        }
        result => result?,
    };
    let stat = FileStat::of_file(&fd)?;
    if stat.kind != FileType::RegularFile || stat.size != file.size {
        return Ok(false);
    }
    let pool = Pool::new(2, Cutter::BUFFER);
    let ids = &restore.reading.vault.keys.chunk_id;
    let content = fd.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if pieces_of_file(&restore.chunker, ids, &pool, content, stat.is_sparse())? != pieces {
        return Ok(false);
    }
    // Not every file system keeps a time as exact as it was set.
    let is_dated = stat.mtime == file.meta.mtime;
    let failed = if restore.target.overwrite && !(is_dated && metadata::is_set(restore, &fd, &stat, &file.meta)) {
        metadata::apply(restore, &fd, &file.meta)
    } else if is_dated {
        Vec::new()
    } else {
        metadata::set_times(&fd, file.meta.mtime)
            .err()
            .map(|error| format!("cannot set times: {error}"))
            .into_iter()
            .collect()
    };
    failed.into_iter().for_each(|failed| restore.error(&file.path, failed));
    Ok(true)
}
