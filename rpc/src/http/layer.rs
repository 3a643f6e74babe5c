//! The layer in front of jsonrpsee: checks the host, serves shards and health, hands the rest on.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, StatusCode, header};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpRequest, HttpResponse};
use tower::{Layer, Service};

use super::{Hosts, Shards, health, reply};
use crate::{Backend, metrics};

/// Makes [`Http`] services.
#[derive(Debug)]
pub(crate) struct HttpLayer<B> {
    parts: Arc<Parts<B>>,
}

#[derive(Debug)]
struct Parts<B> {
    hosts: Hosts,
    shards: Shards<B>,
    request_bytes_max: u32,
}

impl<B> HttpLayer<B> {
    pub(crate) fn new(hosts: Hosts, shards: Shards<B>, request_bytes_max: u32) -> Self {
        Self { parts: Arc::new(Parts { hosts, shards, request_bytes_max }) }
    }
}

impl<B> Clone for HttpLayer<B> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts) }
    }
}

impl<B, S> Layer<S> for HttpLayer<B> {
    type Service = Http<B, S>;

    fn layer(&self, inner: S) -> Http<B, S> {
        Http { parts: Arc::clone(&self.parts), inner }
    }
}

/// The service of one connection.
#[derive(Debug)]
pub(crate) struct Http<B, S> {
    parts: Arc<Parts<B>>,
    inner: S,
}

impl<B, S: Clone> Clone for Http<B, S> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts), inner: self.inner.clone() }
    }
}

impl<B, S> Service<HttpRequest> for Http<B, S>
where
    B: Backend,
    S: Service<HttpRequest, Response = HttpResponse, Error = BoxError>,
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
        Box::pin(self.inner.call(request))
    }
}

impl<B> Parts<B> {
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
        (declared > u64::from(self.request_bytes_max)).then(|| {
            metrics::refused("size");
            let error = serde_json::json!({
                "jsonrpc": "2.0",
                "id": null,
                "error": {
                    "code": rpc_api::codes::INVALID_REQUEST,
                    "message": format!("content length too large ({declared}>{})", self.request_bytes_max),
                },
            });
            reply::json(StatusCode::PAYLOAD_TOO_LARGE, &error)
        })
    }
}

fn done(response: HttpResponse) -> Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>> {
    Box::pin(ready(Ok(response)))
}
