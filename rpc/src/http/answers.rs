//! Long JSON-RPC answers, within a budget of memory until their readers have taken them.

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpResponse};
use tokio::time::Instant;

use super::buffer::Held;
use super::outgoing::{Loan, Outgoing};
use super::reply;
use crate::connection::Cut;
use crate::{RpcLimits, ShardLimits};

/// Shorter answers take no part in the budget, bytes.
const FREE: usize = 64 * 1024;
/// This part of the memory is for answers that wait, which are there already, unlike shards that wait to be read.
const WAITING: usize = 4;

/// Whoever sent a transaction has to know that it was taken.
const NO_MEMORY: &str = "the call was carried out, and the node has no memory for its long answer, as it sends others; \
                         ask again, or for less at once";

/// The bodies of all answers.
#[derive(Debug)]
pub(crate) struct Answers {
    sent: Outgoing,
    waiting: Outgoing,
}

impl Answers {
    /// Waiting times and readers' pace are those of shards.
    pub(crate) fn new(limits: &RpcLimits, shards: ShardLimits) -> Self {
        let waiting = limits.response_memory_bytes.checked_div(WAITING).unwrap_or(0);
        let part = |get_bytes_max| Outgoing::new(ShardLimits { get_bytes_max, ..shards });
        Self { sent: part(limits.response_memory_bytes.saturating_sub(waiting)), waiting: part(waiting) }
    }

    /// The answer as it is sent on `connection`, or that there is no memory for it.
    pub(super) async fn send(&self, answer: HttpResponse, connection: Cut) -> Result<HttpResponse, BoxError> {
        let len = answer.body().size_hint().exact().map_or(0, |len| usize::try_from(len).unwrap_or(usize::MAX));
        if len <= FREE {
            return Ok(answer);
        }
        let Some(mut loan) = self.loan(len).await else {
            return Ok(reply::rpc_busy(NO_MEMORY));
        };
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await?.to_bytes();
        loan.send(connection, self.sent.ends(len, Instant::now()));
        let body = Bytes::from_owner(Held::new(bytes, loan));
        Ok(HttpResponse::from_parts(head, HttpBody::new(Full::new(body))))
    }

    async fn loan(&self, len: usize) -> Option<Loan> {
        if let Some(loan) = self.sent.at_once(len) {
            return Some(loan);
        }
        let _waits = self.waiting.at_once(len)?;
        self.sent.reserve(len).await
    }
}
