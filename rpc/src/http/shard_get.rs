//! `GET` and `HEAD /shards/{id}`: all of a shard or a range of it.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use jsonrpsee::server::HttpResponse;
use primitives::ShardId;
use tokio::time::Instant;

use super::buffer::Held;
use super::range::{Wanted, wanted};
use super::reply;
use super::shards::{Shards, refuse};
use crate::connection::Cut;
use crate::metrics;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Shards {
    pub(super) async fn get(&self, shard: ShardId, head: &Parts, with_body: bool) -> HttpResponse {
        let total = match self.backend.shard_len(shard).await {
            Ok(total) => total,
            Err(error) => return refuse(&error),
        };
        let tag = format!("\"{shard}\"");
        let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // A range of another representation than the one asked for would be no range of this shard.
        let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == tag));
        let (status, range) = match wanted(range, total) {
            Wanted::All => (StatusCode::OK, 0..total),
            Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            Wanted::Unsatisfiable => return unsatisfiable(total),
        };
        let len = range.end.saturating_sub(range.start);
        let content_range = format!("bytes {}-{}/{total}", range.start, range.end.saturating_sub(1));
        let body = if with_body {
            let Some(mut loan) = self.gets.reserve(usize::try_from(len).unwrap_or(usize::MAX)).await else {
                return reply::busy("the node sends as many shards as it has memory for; try again");
            };
            match self.backend.shard_get(shard, range).await {
                Ok(bytes) => {
                    metrics::shard_sent(bytes.len());
                    let connection = head.extensions.get::<Cut>().cloned().unwrap_or_default();
                    loan.send(connection, self.gets.ends(bytes.len(), Instant::now()));
                    Bytes::from_owner(Held::new(bytes, loan))
                }
                Err(error) => return refuse(&error),
            }
        } else {
            Bytes::new()
        };
        let mut response = reply::with_body(status, OCTETS, body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        if status == StatusCode::PARTIAL_CONTENT
            && let Ok(value) = HeaderValue::try_from(content_range)
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        response
    }
}

fn unsatisfiable(total: u64) -> HttpResponse {
    let message = format!("the shard has {total} bytes: ask for a range that begins below that");
    let mut response = reply::text(StatusCode::RANGE_NOT_SATISFIABLE, message);
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{total}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}
