//! Shards over HTTP: `PUT` and `GET /shards/{id}`.

use std::io::Read;
use std::time::Duration;

use primitives::{ShardAck, ShardId};
use ureq::http::{Response, StatusCode};
use ureq::{Body, Timeout};

use super::HttpNode;
use crate::{NodeError, ShardPart, ShardPlace};

/// Longest text of an error that is read, bytes.
const TEXT_MAX: u64 = 4096;
/// Times that a read is tried while there is no answer at all: a kept connection may have been closed meanwhile.
const READS: u32 = 3;

impl HttpNode {
    pub(super) fn put(&self, place: &ShardPlace, bytes: &[u8]) -> Result<ShardAck, NodeError> {
        let ShardPlace { pack, index, width, shard } = place;
        let url = format!("{}/shards/{shard}?pack={pack}&index={index}&width={width}", self.url);
        let sent = self.agent.put(&url).header("content-type", "application/octet-stream").send(bytes);
        let mut answer = sent.map_err(|error| self.unreachable(error))?;
        if answer.status() != StatusCode::OK {
            return Err(self.shard_error("store", shard, &mut answer));
        }
        let text = answer.body_mut().with_config().limit(TEXT_MAX).read_to_vec();
        let text = text.map_err(|error| self.unreachable(error))?;
        serde_json::from_slice(&text).map_err(|error| NodeError::Answer {
            what: "a shard (the acknowledgement)".to_owned(),
            reason: error.to_string(),
        })
    }

    pub(super) fn read(&self, part: &ShardPart, target: &mut [u8]) -> Result<(), NodeError> {
        let mut attempt = 1;
        loop {
            match self.read_once(part, target) {
                Err(NodeError::Unreachable { .. } | NodeError::NotNow { .. }) if attempt < READS => {
                    std::thread::sleep(Duration::from_millis(100 << attempt));
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn read_once(&self, part: &ShardPart, target: &mut [u8]) -> Result<(), NodeError> {
        let ShardPart { shard, range, patience } = part;
        if range.is_empty() {
            return Ok(());
        }
        let url = format!("{}/shards/{shard}", self.url);
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let request = self.agent.get(&url).header("range", bytes).config();
        let request = request.timeout_recv_response(Some(patience.unwrap_or(Self::ANSWER))).build();
        let mut answer = request.call().map_err(|error| match (error, patience) {
            (ureq::Error::Timeout(Timeout::RecvResponse), Some(patience)) => NodeError::Slow {
                what: format!("serve shard {shard}"),
                waited_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
            },
            (error, _) => self.unreachable(error),
        })?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {}
            // A server may answer with the whole shard when that is what the range means.
            StatusCode::OK if range.start == 0 && answer.body().content_length() == Some(range.end) => {}
            _ => return Err(self.shard_error("serve", shard, &mut answer)),
        }
        if answer.body().content_length().is_some_and(|len| len != range.end - range.start) {
            let reason = "another length than was asked for".to_owned();
            return Err(NodeError::Answer { what: format!("shard {shard}"), reason });
        }
        answer.body_mut().as_reader().read_exact(target).map_err(|error| self.unreachable(error))
    }

    fn shard_error(&self, what: &str, shard: &ShardId, answer: &mut Response<Body>) -> NodeError {
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(TEXT_MAX).read_to_string().unwrap_or_default();
        let what = format!("{what} shard {shard}");
        let reason = if text.trim().is_empty() { format!("HTTP status {status}") } else { text.trim().to_owned() };
        match status.as_u16() {
            404 => NodeError::NotFound { what: format!("shard {shard}") },
            410 => NodeError::Damaged { what: format!("shard {shard}") },
            408 | 429 | 500 | 502..=504 => NodeError::NotNow { what, reason },
            _ => NodeError::Refused { what, reason },
        }
    }
}
