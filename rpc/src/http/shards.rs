//! `/shards/{id}`: who may move how many bytes at once.

use std::sync::Arc;

use http::{Method, StatusCode};
use jsonrpsee::server::{HttpRequest, HttpResponse};
use primitives::ShardId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::buffer::Pool;
use super::reply;
use crate::backend::ShardError;
use crate::{Backend, ShardLimits};

/// Memory is counted in units of this many bytes, so that a semaphore of 32 bits can count it.
const UNIT: usize = 16 * 1024;

/// Shard transfers, with their memory budgets.
#[derive(Debug)]
pub(crate) struct Shards {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) limits: ShardLimits,
    pub(super) pool: Arc<Pool>,
    puts: Arc<Semaphore>,
    gets: Arc<Semaphore>,
}

impl Shards {
    pub(crate) fn new(backend: Arc<dyn Backend>, limits: ShardLimits) -> Self {
        let units = |bytes: usize| Arc::new(Semaphore::new(bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            backend,
            pool: Arc::default(),
            puts: units(limits.put_bytes_max),
            gets: units(limits.get_bytes_max),
            limits,
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
            Method::GET => self.get(shard, &parts.headers, true).await,
            Method::HEAD => self.get(shard, &parts.headers, false).await,
            _ => reply::method_not_allowed("GET, HEAD, PUT"),
        }
    }

    /// Memory for a shard on its way in; `None` when there is none in time.
    pub(super) async fn reserve_put(&self, len: usize) -> Option<OwnedSemaphorePermit> {
        reserve(&self.puts, self.limits.put_bytes_max, len, self.limits.wait).await
    }

    /// Memory for a shard on its way out; `None` when there is none in time.
    pub(super) async fn reserve_get(&self, len: usize) -> Option<OwnedSemaphorePermit> {
        reserve(&self.gets, self.limits.get_bytes_max, len, self.limits.wait).await
    }
}

async fn reserve(
    budget: &Arc<Semaphore>,
    budget_bytes: usize,
    len: usize,
    wait: std::time::Duration,
) -> Option<OwnedSemaphorePermit> {
    // A transfer larger than the whole budget runs alone.
    let units = u32::try_from(len.min(budget_bytes).div_ceil(UNIT).max(1)).ok()?;
    tokio::time::timeout(wait, Arc::clone(budget).acquire_many_owned(units)).await.ok()?.ok()
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
