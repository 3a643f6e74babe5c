//! `/livez` and `/readyz`, for those who watch the node.

use http::StatusCode;
use jsonrpsee::server::HttpResponse;
use serde::Serialize;

use super::reply;
use crate::Backend;

#[derive(Serialize)]
struct Live {
    live: bool,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    checks: Vec<crate::Check>,
}

/// The process answers: it lives.
pub(crate) fn live() -> HttpResponse {
    reply::json(StatusCode::OK, &Live { live: true })
}

/// 200 when every part can do its work, otherwise 503; in both cases part by part.
pub(crate) async fn ready(backend: &dyn Backend) -> HttpResponse {
    let readiness = backend.readiness().await;
    let ready = readiness.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &Ready { ready, checks: readiness.checks })
}
