//! Answers over HTTP as JSON-RPC 2.0 wants them, where jsonrpsee gives others.
//!
//! It answers `null` to what must have no answer, and says of JSON that is no request that it is no JSON. Both are short:
//! longer answers pass unseen.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpResponse};
use serde::de::IgnoredAny;

use super::reply;

/// Longer answers are none of these, bytes.
const SHORT: u64 = 128;
/// How jsonrpsee's answer to what is no JSON begins.
const NO_JSON: &[u8] = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"#;

/// jsonrpsee's answer to a body, or the one that JSON-RPC wants.
pub(super) async fn specified(answer: HttpResponse, asked: &[u8]) -> Result<HttpResponse, BoxError> {
    if answer.body().size_hint().exact().is_none_or(|len| len > SHORT) {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let is_null = *body == *b"null";
    if (is_null && has_id(asked)) || (body.starts_with(NO_JSON) && is_json(asked)) {
        return Ok(reply::rpc_error(StatusCode::OK, rpc_api::codes::INVALID_REQUEST, "invalid request"));
    }
    // A notification, or a batch of nothing else.
    let body = if is_null { Bytes::new() } else { body };
    Ok(HttpResponse::from_parts(head, HttpBody::new(Full::new(body))))
}

fn is_json(asked: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(asked).is_ok()
}

/// Whether it is an object with an id: one that jsonrpsee took for a notification, since the id is of no kind that there is.
fn has_id(asked: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(asked).is_ok_and(|fields| fields.contains_key("id"))
}
