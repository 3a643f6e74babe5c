//! Raft's messages as bytes (postcard), in both directions.

use std::fmt;

use openraft::alias::VoteOf;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::types::TypeConfig;

/// What one member asks of another.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// Entries, or a heartbeat.
    Append(AppendEntriesRequest<TypeConfig>),
    /// A vote.
    Vote(VoteRequest<TypeConfig>),
    /// Whether a vote would be given.
    PreVote(VoteRequest<TypeConfig>),
    /// To take over leading.
    TransferLeader(TransferLeaderRequest<TypeConfig>),
    /// A piece of a snapshot file.
    SnapshotChunk(SnapshotChunk),
    /// That all pieces are there: install it.
    SnapshotEnd {
        /// The sender's vote.
        vote: VoteOf<TypeConfig>,
        /// As in its chunks.
        transfer: u64,
        /// Length of the whole file, bytes.
        bytes: u64,
    },
}

/// Bytes of a snapshot file; a transfer begins anew at offset 0.
#[derive(Serialize, Deserialize)]
pub(crate) struct SnapshotChunk {
    /// Names the transfer: the sender's random choice.
    pub(crate) transfer: u64,
    /// Where these bytes begin.
    pub(crate) offset: u64,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// What the other says.
#[derive(Serialize, Deserialize)]
pub(crate) enum Reply {
    Append(AppendEntriesResponse<TypeConfig>),
    Vote(VoteResponse<TypeConfig>),
    TransferLeader(TransferLeaderResponse<TypeConfig>),
    SnapshotChunk,
    Snapshot(SnapshotResponse<TypeConfig>),
    /// The request failed there.
    Failed(String),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append(_) => "append",
            Self::Vote(_) => "vote",
            Self::TransferLeader(_) => "transfer leader",
            Self::SnapshotChunk => "snapshot chunk",
            Self::Snapshot(_) => "snapshot",
            Self::Failed(reason) => return write!(f, "failed: {reason}"),
        })
    }
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("Raft's plain messages always encode")
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LedgerError> {
    postcard::from_bytes(bytes).map_err(|error| LedgerError::Request { reason: error.to_string() })
}
