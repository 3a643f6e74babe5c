//! The layer in front of jsonrpsee: checks the host, serves shards and health, hands the rest on.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use super::specified::specified;
use super::{Hosts, Shards, health, reply};
use crate::metrics;

/// Makes [`Http`] services.
#[derive(Debug)]
pub(crate) struct HttpLayer {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    hosts: Hosts,
    shards: Shards,
    request_bytes_max: u32,
}

impl HttpLayer {
    pub(crate) fn new(hosts: Hosts, shards: Shards, request_bytes_max: u32) -> Self {
        Self { parts: Arc::new(Parts { hosts, shards, request_bytes_max }) }
    }
}

impl Clone for HttpLayer {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts) }
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = Http<S>;

    fn layer(&self, inner: S) -> Http<S> {
        Http { parts: Arc::clone(&self.parts), inner }
    }
}

/// The service of one connection.
#[derive(Debug)]
pub(crate) struct Http<S> {
    parts: Arc<Parts>,
    inner: S,
}

impl<S: Clone> Clone for Http<S> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), inner: self.inner.clone() }
    }
}

impl<S> Service<HttpRequest> for Http<S>
where
    S: Service<HttpRequest, Response = HttpResponse, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        if !self.parts.hosts.allow(&request) {
            metrics::refused("host");
            let message = "invalid host specified: add the name to the node's list of hosts, or use an IP address";
            return done(reply::text(StatusCode::FORBIDDEN, message));
        }
        let path = request.uri().path();
        if let Some(name) = path.strip_prefix("/shards/") {
            let (parts, name) = (Arc::clone(&self.parts), name.to_owned());
            return Box::pin(async move { Ok(parts.shards.serve(&name, request).await) });
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match path {
            "/livez" if reads => return done(health::live()),
            "/readyz" if reads => {
                let parts = Arc::clone(&self.parts);
                return Box::pin(async move { Ok(health::ready(&*parts.shards.backend).await) });
            }
            "/livez" | "/readyz" => return done(reply::method_not_allowed("GET, HEAD")),
            _ => {}
        }
        if let Some(refused) = self.parts.refuse(&request) {
            return done(refused);
        }
        if *request.method() != Method::POST {
            return Box::pin(self.inner.call(request));
        }
        // jsonrpsee answers 500 to a body that is too long and did not say so before, or that stops coming.
        let (mut inner, limit) = (self.inner.clone(), self.parts.request_bytes_max);
        Box::pin(async move {
            match collect(request, limit).await {
                Ok((request, body)) => specified(inner.call(request).await?, &body).await,
                Err(refused) => Ok(refused),
            }
        })
    }
}

/// Reads a body, up to the limit; returns it beside the request too.
async fn collect(request: HttpRequest, limit: u32) -> Result<(HttpRequest, Bytes), HttpResponse> {
    let (head, body) = request.into_parts();
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match limited.collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            Ok((HttpRequest::from_parts(head, HttpBody::new(Full::new(body.clone()))), body))
        }
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(None, limit)),
        Err(error) => Err(reply::broken_body(&error)),
    }
}

/// `413` as JSON-RPC, in geth's words.
fn too_large(declared: Option<u64>, limit: u32) -> HttpResponse {
    metrics::refused("size");
    let found = declared.map_or_else(|| "unknown".to_owned(), |len| len.to_string());
    let error = serde_json::json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": {
            "code": rpc_api::codes::INVALID_REQUEST,
            "message": format!("content length too large ({found}>{limit})"),
        },
    });
    reply::json(StatusCode::PAYLOAD_TOO_LARGE, &error)
}

impl Parts {
    /// What is not handed on to JSON-RPC.
    fn refuse(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if request.headers().contains_key(header::UPGRADE) {
            if !self.hosts.allow_socket(request) {
                metrics::refused("origin");
                let message = "origin not allowed: add it to the node's list of CORS origins";
                return Some(reply::text(StatusCode::FORBIDDEN, message));
            }
            return None;
        }
        if *request.method() != Method::POST {
            let message = "this is a JSON-RPC endpoint: POST application/json; or GET /livez, /readyz, /shards/{id}";
            let status = match request.uri().path() {
                "/" => StatusCode::METHOD_NOT_ALLOWED,
                _ => StatusCode::NOT_FOUND,
            };
            return Some(reply::text(status, message));
        }
        let declared = request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
        (declared > u64::from(self.request_bytes_max)).then(|| too_large(Some(declared), self.request_bytes_max))
    }
}

fn done(response: HttpResponse) -> Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>> {
    Box::pin(ready(Ok(response)))
}
