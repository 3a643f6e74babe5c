//! What a refused sender still sends.

use bytes::Bytes;
use http_body_util::BodyExt;
use jsonrpsee::server::HttpBody;

/// Takes the rest of a body, up to `left` bytes, and keeps none of it: senders read the answer after the last byte, so what
/// they send has to go somewhere first.
pub(super) async fn drain(body: &mut HttpBody, mut left: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}
