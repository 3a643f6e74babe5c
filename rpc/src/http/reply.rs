//! Answers in plain HTTP.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpResponse};
use serde::Serialize;

use crate::connection::TooSlow;
use crate::metrics;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A sentence for people; a line break ends it, so that a shell shows it well.
pub(crate) fn text(status: StatusCode, message: impl std::fmt::Display) -> HttpResponse {
    with_body(status, TEXT, Bytes::from(format!("{message}\n")))
}

/// A value as JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(body) => with_body(status, JSON, Bytes::from(body)),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// A JSON-RPC error that is about a request as a whole, whatever its id.
pub(crate) fn rpc_error(status: StatusCode, code: i32, message: &str) -> HttpResponse {
    let error = serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
    json(status, &error)
}

/// `503` with the number of seconds after which to come back.
pub(crate) fn busy(message: impl std::fmt::Display) -> HttpResponse {
    later(text(StatusCode::SERVICE_UNAVAILABLE, message))
}

/// [`busy`] as JSON-RPC, for lack of memory.
pub(crate) fn rpc_busy(message: &str) -> HttpResponse {
    metrics::refused("memory");
    later(rpc_error(StatusCode::SERVICE_UNAVAILABLE, rpc_api::codes::LIMIT, message))
}

fn later(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// A body that did not come as a whole: `408` when it came too slowly.
pub(crate) fn broken_body(error: &BoxError) -> HttpResponse {
    let status = if error.is::<TooSlow>() { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST };
    text(status, error)
}

/// `405` with the methods that there are.
pub(crate) fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format_args!("use one of: {allowed}"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// These bytes.
pub(crate) fn with_body(status: StatusCode, content_type: HeaderValue, body: Bytes) -> HttpResponse {
    let mut response = Response::new(HttpBody::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
