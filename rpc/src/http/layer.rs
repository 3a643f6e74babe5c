//! The layer in front of jsonrpsee: checks the host, serves shards and health, hands the rest on.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, StatusCode, header};
use http_body_util::Full;
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use super::specified::specified;
use super::{Answers, Hosts, Requests, Shards, Sockets, health, reply};
use crate::connection::Cut;
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
    requests: Requests,
    answers: Answers,
    sockets: Sockets,
}

impl HttpLayer {
    pub(crate) fn new(hosts: Hosts, shards: Shards, requests: Requests, answers: Answers, sockets: Sockets) -> Self {
        Self { parts: Arc::new(Parts { hosts, shards, requests, answers, sockets }) }
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

    fn call(&mut self, mut request: HttpRequest) -> Self::Future {
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
        if let Some(refused) = self.parts.sockets.open(&mut request) {
            return done(refused);
        }
        if *request.method() != Method::POST {
            return Box::pin(self.inner.call(request));
        }
        let (inner, parts) = (self.inner.clone(), Arc::clone(&self.parts));
        Box::pin(async move { answer(inner, &parts, request).await })
    }
}

/// jsonrpsee's answer to a request, within the budgets of both ways. The body is read here: jsonrpsee answers 500 to one that
/// is too long and did not say so before, or that stops coming.
async fn answer<S>(mut inner: S, parts: &Parts, request: HttpRequest) -> Result<HttpResponse, BoxError>
where
    S: Service<HttpRequest, Response = HttpResponse, Error = BoxError>,
{
    let (head, mut body) = request.into_parts();
    let connection = head.extensions.get::<Cut>().cloned().unwrap_or_default();
    let (asked, share) = match parts.requests.receive(&mut body).await {
        Ok(received) => received,
        Err(refused) => return Ok(refused),
    };
    let request = HttpRequest::from_parts(head, HttpBody::new(Full::new(asked.clone())));
    let answer = specified(inner.call(request).await?, &asked).await?;
    // What was asked is no longer needed, however long the answer waits.
    drop((asked, share));
    parts.answers.send(answer, connection).await
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
        self.requests.refuse(declared)
    }
}

fn done(response: HttpResponse) -> Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>> {
    Box::pin(ready(Ok(response)))
}
