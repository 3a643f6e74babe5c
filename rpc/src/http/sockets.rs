//! How many connections may go on as a WebSocket.

use std::sync::Arc;

use jsonrpsee::server::{HttpRequest, HttpResponse, ws};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reply;
use crate::{PeerLimits, metrics};

/// The places that there are.
#[derive(Debug)]
pub(crate) struct Sockets {
    places: Arc<Semaphore>,
    max: u32,
}

/// A place, as long as anybody has a copy of the request that opened it.
#[derive(Clone, Debug)]
struct Place {
    _one_of: Arc<OwnedSemaphorePermit>,
}

impl Sockets {
    pub(crate) fn new(limits: PeerLimits) -> Self {
        let places = usize::try_from(limits.sockets_max).unwrap_or(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))), max: limits.sockets_max }
    }

    /// Gives a request for a WebSocket its place; otherwise its answer is this refusal. jsonrpsee keeps what a request carries
    /// until the WebSocket has ended, with the calls that are under way on it.
    pub(super) fn open(&self, request: &mut HttpRequest) -> Option<HttpResponse> {
        if !ws::is_upgrade_request(request) {
            return None;
        }
        let Ok(one_of) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics::refused("sockets");
            let max = self.max;
            let message =
                format_args!("the node serves {max} WebSockets at a time (rpc.sockets_max); use HTTP, or come again");
            return Some(reply::busy(message));
        };
        request.extensions_mut().insert(Place { _one_of: Arc::new(one_of) });
        None
    }
}
