//! JSON-RPC requests on their way in: read as a whole, within a budget of memory.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use jsonrpsee::server::{HttpBody, HttpResponse};

use super::budget::{Budget, NoRoom, Share};
use super::drain::drain;
use super::reply;
use crate::{RpcLimits, metrics};

/// Shorter requests take no part in the budget, bytes.
const FREE: usize = 64 * 1024;
/// How often a request is in memory while it is answered: jsonrpsee copies it.
const COPIES: usize = 2;

/// The bodies of all requests.
#[derive(Debug)]
pub(crate) struct Requests {
    len_max: usize,
    memory: Budget,
}

impl Requests {
    /// Nobody waits longer than `wait` for memory.
    pub(crate) fn new(limits: &RpcLimits, wait: Duration) -> Self {
        let len_max = usize::try_from(limits.request_bytes_max).unwrap_or(usize::MAX);
        let memory = Budget::new(limits.request_memory_bytes, len_max.saturating_mul(COPIES), wait);
        Self { len_max, memory }
    }

    /// Refuses a request that says beforehand that it is too long.
    pub(super) fn refuse(&self, declared: u64) -> Option<HttpResponse> {
        let fits = usize::try_from(declared).is_ok_and(|len| len <= self.len_max);
        (!fits).then(|| self.too_large(Some(declared)))
    }

    /// Reads a body, and what it holds of the memory: to be kept until the request is answered.
    pub(super) async fn receive(&self, body: &mut HttpBody) -> Result<(Bytes, Share), HttpResponse> {
        match self.read(body).await {
            Ok(received) => Ok(received),
            Err(Broken::Answer(answer)) => Err(answer),
            Err(Broken::NoRoom) => {
                drain(body, self.len_max).await;
                Err(reply::rpc_busy("the node takes as many long requests as it has memory for; try again"))
            }
        }
    }

    /// Every part is copied together: parts of a byte each would hold far more memory than they have bytes.
    async fn read(&self, body: &mut HttpBody) -> Result<(Bytes, Share), Broken> {
        let (mut bytes, mut share) = (Vec::new(), self.memory.share());
        while let Some(part) = self.memory.part(&mut share, body).await? {
            let part = part.map_err(|error| Broken::Answer(reply::broken_body(&error)))?;
            let len = bytes.len().saturating_add(part.len());
            if len > self.len_max {
                return Err(Broken::Answer(self.too_large(None)));
            }
            if len > FREE {
                self.memory.grow(&mut share, len.saturating_mul(COPIES)).await?;
            }
            bytes.extend_from_slice(&part);
        }
        Ok((Bytes::from(bytes), share))
    }

    /// `413` as JSON-RPC, in geth's words.
    fn too_large(&self, declared: Option<u64>) -> HttpResponse {
        metrics::refused("size");
        let found = declared.map_or_else(|| "unknown".to_owned(), |len| len.to_string());
        let message = format!("content length too large ({found}>{})", self.len_max);
        reply::rpc_error(StatusCode::PAYLOAD_TOO_LARGE, rpc_api::codes::INVALID_REQUEST, &message)
    }
}

/// Why a request has not come in.
enum Broken {
    /// There was no memory in time; the rest of the body may still come.
    NoRoom,
    /// It is over.
    Answer(HttpResponse),
}

impl From<NoRoom> for Broken {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}
