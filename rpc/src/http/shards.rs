//! `/shards/{id}`: who may move how many bytes at once.

use std::sync::Arc;

use http::{Method, StatusCode};
use jsonrpsee::server::{HttpRequest, HttpResponse};
use primitives::ShardId;

use super::budget::Budget;
use super::buffer::Pool;
use super::outgoing::Outgoing;
use super::reply;
use crate::backend::ShardError;
use crate::{Backend, ShardLimits};

/// Longest shard, bytes: [`primitives::PackHeader::SHARD_LEN_MAX`].
pub(super) const LEN_MAX: usize = 32 * 1024 * 1024;

/// Shard transfers, with their memory budgets.
#[derive(Debug)]
pub(crate) struct Shards {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) pool: Arc<Pool>,
    pub(super) puts: Budget,
    pub(super) gets: Outgoing,
}

impl Shards {
    pub(crate) fn new(backend: Arc<dyn Backend>, limits: ShardLimits) -> Self {
        Self {
            backend,
            pool: Arc::default(),
            puts: Budget::new(limits.put_bytes_max, LEN_MAX, limits.wait),
            gets: Outgoing::new(limits),
        }
    }

    /// Answers a request for `/shards/{name}`.
    pub(super) async fn serve(&self, name: &str, request: HttpRequest) -> HttpResponse {
        let Ok(shard) = name.parse::<ShardId>() else {
            let message = "a shard's path is /shards/ and its id in 64 hex digits";
            return reply::text(StatusCode::BAD_REQUEST, message);
        };
        let (parts, body) = request.into_parts();
        match parts.method {
            Method::PUT => self.put(shard, parts, body).await,
            Method::GET => self.get(shard, &parts, true).await,
            Method::HEAD => self.get(shard, &parts, false).await,
            _ => reply::method_not_allowed("GET, HEAD, PUT"),
        }
    }
}

/// A failed transfer as an HTTP answer; the texts say what to do.
pub(super) fn refuse(error: &ShardError) -> HttpResponse {
    let status = match error {
        ShardError::Unknown { .. } => StatusCode::NOT_FOUND,
        ShardError::Corrupt { .. } => StatusCode::GONE,
        ShardError::Mismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        ShardError::Invalid { .. } => StatusCode::BAD_REQUEST,
        ShardError::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
        ShardError::NotYet { .. } => return reply::busy(error),
        ShardError::Internal { reason } => {
            tracing::error!(target: "rpc::shards", %reason, "a shard transfer failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    reply::text(status, error)
}
