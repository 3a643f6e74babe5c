//! Takes connections and serves HTTP/1.1 on each.

use std::io::Write as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse, StopHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use super::body::PacedBody;
use super::cut::Cut;
use super::stream::PacedStream;
use crate::{PeerLimits, metrics};

/// After the system had no connection to give, for lack of file descriptors mostly: how long until it is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// What somebody hears when there are as many connections as there may be.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
content-type: text/plain; charset=utf-8\r\ncontent-length: 58\r\n\r\nthe node has as many connections as it serves; come again\n";

/// Takes connections until it is stopped, and serves each with a service of its own.
pub(crate) async fn accept<S, B>(
    listener: TcpListener,
    limits: PeerLimits,
    stop: StopHandle,
    service: impl Fn() -> S + Send,
) where
    S: Service<HttpRequest, Response = HttpResponse<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let room = Arc::new(Semaphore::new(usize::try_from(limits.connections_max).unwrap_or(usize::MAX)));
    let mut stopped = pin!(stop.clone().shutdown());
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(target: "rpc", %error, "no connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(one_of) => {
                let connection = serve(stream, limits, one_of, stop.clone(), service());
                tokio::spawn(connection);
            }
            Err(_) => refuse(stream),
        }
    }
}

/// Serves one connection to its end.
async fn serve<S, B>(stream: TcpStream, limits: PeerLimits, one_of: OwnedSemaphorePermit, stop: StopHandle, service: S)
where
    S: Service<HttpRequest, Response = HttpResponse<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // An answer that waits for the acknowledgement of the one before costs 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: "rpc", %error, "a connection ended before it began");
        return;
    }
    let cut = Cut::default();
    let of_requests = cut.clone();
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(of_requests.clone());
        service.clone().call(request.map(|body| HttpBody::new(PacedBody::new(body, limits))))
    });
    let stream = TokioIo::new(PacedStream::new(stream, limits, one_of));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .serve_connection(stream, service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cut.happens() => {
            metrics::refused("slow");
            tracing::debug!(target: "rpc", "a connection is closed: others wait for what its reader does not take");
            return;
        }
        () = stop.clone().shutdown() => {
            // What is under way is answered.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "rpc", %error, "a connection ended");
    }
}

/// Tells that there are too many connections; whoever does not read it finds the connection closed.
fn refuse(stream: TcpStream) {
    metrics::refused("connections");
    if let Ok(mut stream) = stream.into_std() {
        let _unread = stream.write(TOO_MANY);
    }
}
