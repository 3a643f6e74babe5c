//! The server's side of [`crate::Transport`]: requests of other members.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use openraft::alias::VoteOf;
use tokio::sync::Mutex;

use crate::error::LedgerError;
use crate::snapshot::SnapshotFile;
use crate::types::{Raft, Snapshot, TypeConfig};
use crate::wire::{self, Reply, Request, SnapshotChunk};

/// Longest snapshot accepted, bytes.
const SNAPSHOT_MAX: u64 = 1 << 40;

/// Answers requests and gathers the chunks of a snapshot.
#[derive(Debug)]
pub(crate) struct Receiver {
    path: PathBuf,
    incoming: Mutex<Option<Incoming>>,
}

/// A snapshot of which some chunks have come.
#[derive(Debug)]
struct Incoming {
    transfer: u64,
    bytes: u64,
    file: File,
}

impl Receiver {
    pub(crate) fn new(snapshots: PathBuf) -> Self {
        Self { path: snapshots.join("incoming.tmp"), incoming: Mutex::new(None) }
    }

    pub(crate) async fn serve(&self, raft: &Raft, request: &[u8]) -> Result<Vec<u8>, LedgerError> {
        let reply = match wire::decode(request)? {
            Request::Append(request) => raft.append_entries(request).await.map(Reply::Append).map_err(text),
            Request::Vote(request) => raft.vote(request).await.map(Reply::Vote).map_err(text),
            Request::PreVote(request) => raft.pre_vote(request).await.map(Reply::Vote).map_err(text),
            Request::TransferLeader(request) => {
                raft.handle_transfer_leader(request).await.map(Reply::TransferLeader).map_err(text)
            }
            Request::SnapshotChunk(chunk) => self.chunk(chunk).await.map(|()| Reply::SnapshotChunk).map_err(text),
            Request::SnapshotEnd { vote, transfer, bytes } => self.end(raft, vote, transfer, bytes).await,
        };
        Ok(wire::encode(&reply.unwrap_or_else(Reply::Failed)))
    }

    async fn chunk(&self, chunk: SnapshotChunk) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::file("write", &self.path, source);
        let mut incoming = self.incoming.lock().await;
        if chunk.offset == 0 {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&self.path);
            *incoming = Some(Incoming { transfer: chunk.transfer, bytes: 0, file: file.map_err(failed)? });
        }
        let known = incoming.as_mut().filter(|known| (known.transfer, known.bytes) == (chunk.transfer, chunk.offset));
        let known = known.ok_or_else(|| LedgerError::Request { reason: "a chunk out of order".to_owned() })?;
        let length = u64::try_from(chunk.bytes.len()).unwrap_or(u64::MAX);
        let end = chunk.offset.saturating_add(length);
        if end > SNAPSHOT_MAX {
            return Err(LedgerError::Request { reason: "a snapshot that is too long".to_owned() });
        }
        known.file.write_all_at(&chunk.bytes, chunk.offset).map_err(failed)?;
        known.bytes = end;
        Ok(())
    }

    async fn end(&self, raft: &Raft, vote: VoteOf<TypeConfig>, transfer: u64, bytes: u64) -> Result<Reply, String> {
        let incoming = self.incoming.lock().await.take();
        let complete = incoming.filter(|known| (known.transfer, known.bytes) == (transfer, bytes));
        let mut complete = complete.ok_or("not all chunks have come")?;
        complete.file.flush().map_err(text)?;
        let file = SnapshotFile::open(&self.path).map_err(text)?;
        let meta = file.meta().map_err(text)?.snapshot_meta();
        raft.install_full_snapshot(vote, Snapshot { meta, snapshot: file }).await.map(Reply::Snapshot).map_err(text)
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
