//! openraft's client side over a [`Transport`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use crate::snapshot::SnapshotFile;
use crate::transport::{Transport, TransportError};
use crate::types::{Member, Snapshot, TypeConfig, Vote};
use crate::wire::{self, Reply, Request, SnapshotChunk};

/// Bytes of a snapshot in one request.
const CHUNK_BYTES: usize = 1 << 20;
/// How long one chunk may take.
const CHUNK_DEADLINE: Duration = Duration::from_secs(10);
/// How long installing a snapshot may take.
const INSTALL_DEADLINE: Duration = Duration::from_secs(120);

type RpcError = RPCError<TypeConfig>;

/// Makes a client for each peer.
#[derive(Clone)]
pub(crate) struct Network {
    transport: Arc<dyn Transport>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Peer;

    async fn new_client(&mut self, _: u64, member: &Member) -> Peer {
        Peer { transport: Arc::clone(&self.transport), member: member.clone() }
    }
}

/// One peer.
pub(crate) struct Peer {
    transport: Arc<dyn Transport>,
    member: Member,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Peer {
    async fn call(&self, request: &Request, deadline: Duration) -> Result<Reply, RpcError> {
        let reply =
            self.transport.call(&self.member, wire::encode(request), deadline).await.map_err(|error| match error {
                TransportError::Unreachable { .. } => RpcError::Unreachable(Unreachable::from_string(error)),
                TransportError::NoAnswer { .. } => RpcError::Network(NetworkError::from_string(error)),
            })?;
        match wire::decode(&reply) {
            Ok(Reply::Failed(reason)) => Err(RpcError::Network(NetworkError::from_string(reason))),
            Ok(reply) => Ok(reply),
            Err(error) => Err(RpcError::Network(NetworkError::from_string(error))),
        }
    }

    async fn send_file(&self, file: &SnapshotFile, vote: Vote) -> Result<SnapshotResponse<TypeConfig>, RpcError> {
        let failed = |error| RpcError::Network(NetworkError::from_string(error));
        // Two transfers to one receiver at the same time must differ, no more.
        let transfer = file.bytes() ^ vote.leader_id.term.rotate_left(32) ^ vote.leader_id.node_id.rotate_left(48);
        let mut offset = 0;
        while offset < file.bytes() {
            let reader = file.clone();
            let chunk = tokio::task::spawn_blocking(move || reader.chunk(offset, CHUNK_BYTES)).await;
            let bytes = chunk.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
            let next = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            self.call(&Request::SnapshotChunk(SnapshotChunk { transfer, offset, bytes }), CHUNK_DEADLINE).await?;
            offset = next;
        }
        let end = Request::SnapshotEnd { vote, transfer, bytes: file.bytes() };
        match self.call(&end, INSTALL_DEADLINE).await? {
            Reply::Snapshot(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(reply: &Reply) -> RpcError {
    RpcError::Network(NetworkError::from_string(format!("an unexpected reply: {reply:?}")))
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        match self.call(&Request::Append(request), option.hard_ttl()).await? {
            Reply::Append(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        match self.call(&Request::Vote(request), option.hard_ttl()).await? {
            Reply::Vote(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        match self.call(&Request::PreVote(request), option.hard_ttl()).await? {
            Reply::Vote(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = self.send_file(&snapshot.snapshot, vote) => sent.map_err(StreamingError::from),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        match self.call(&Request::TransferLeader(request), option.hard_ttl()).await? {
            Reply::TransferLeader(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }
}
