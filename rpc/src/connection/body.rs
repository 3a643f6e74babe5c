//! A request's body, as long as it keeps coming.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use jsonrpsee::core::BoxError;

use super::pace::Timer;
use crate::{PeerLimits, metrics};

/// The body has stopped coming, or comes too slowly.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body stopped coming, or comes too slowly; send it again")]
pub(crate) struct TooSlow;

/// A body whose sender must keep the pace.
#[derive(Debug)]
pub(super) struct PacedBody {
    body: Incoming,
    timer: Timer,
}

impl PacedBody {
    pub(super) const fn new(body: Incoming, limits: PeerLimits) -> Self {
        Self { body, timer: Timer::new(limits) }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                if let Some(Ok(frame)) = &frame {
                    self.timer.moved(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
            }
            Poll::Pending => self.timer.poll_late(context).map(|()| {
                metrics::refused("slow");
                Some(Err(TooSlow.into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
