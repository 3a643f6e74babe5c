//! The SCALE form of block sync's messages.

use bytes::Bytes;
use malachite_peer::PeerId;
use malachite_sync::{RawDecidedValue, Request, Response, Status, ValueRequest, ValueResponse};
use parity_scale_codec::{Decode, Encode};
use primitives::{Certificate, Height};

use super::{Bft, BftHeight, certificate_of, extended_of};

/// What a peer has: its tip and its oldest block.
#[derive(Encode, Decode)]
pub(super) struct SyncStatus {
    peer: Vec<u8>,
    tip: Height,
    oldest: Height,
}

impl From<&Status<Bft>> for SyncStatus {
    fn from(status: &Status<Bft>) -> Self {
        Self { peer: status.peer_id.to_bytes(), tip: status.tip_height.0, oldest: status.history_min_height.0 }
    }
}

impl TryFrom<SyncStatus> for Status<Bft> {
    type Error = &'static str;

    fn try_from(wire: SyncStatus) -> Result<Self, &'static str> {
        Ok(Self {
            peer_id: PeerId::from_bytes(&wire.peer).map_err(|_| "not a peer id")?,
            tip_height: BftHeight(wire.tip),
            history_min_height: BftHeight(wire.oldest),
        })
    }
}

/// A request for blocks `first..=last`.
#[derive(Encode, Decode)]
pub(super) struct SyncRequest {
    first: Height,
    last: Height,
}

impl From<&Request<Bft>> for SyncRequest {
    fn from(request: &Request<Bft>) -> Self {
        let Request::ValueRequest(values) = request;
        Self { first: values.range.start().0, last: values.range.end().0 }
    }
}

impl From<SyncRequest> for Request<Bft> {
    fn from(wire: SyncRequest) -> Self {
        Self::ValueRequest(ValueRequest::new(BftHeight(wire.first)..=BftHeight(wire.last)))
    }
}

/// Blocks with their certificates, ascending from `first`.
#[derive(Encode, Decode)]
pub(super) struct SyncResponse {
    first: Height,
    blocks: Vec<(Vec<u8>, Certificate)>,
}

impl From<&Response<Bft>> for SyncResponse {
    fn from(response: &Response<Bft>) -> Self {
        let Response::ValueResponse(values) = response;
        let blocks = values
            .values
            .iter()
            .map(|value| (value.value_bytes.to_vec(), certificate_of(&value.certificate.trim_vote_extensions())));
        Self { first: values.start_height.0, blocks: blocks.collect() }
    }
}

impl From<SyncResponse> for Response<Bft> {
    fn from(wire: SyncResponse) -> Self {
        let values = wire
            .blocks
            .into_iter()
            .map(|(bytes, certificate)| RawDecidedValue::new(Bytes::from(bytes), extended_of(&certificate)))
            .collect();
        Self::ValueResponse(ValueResponse::new(BftHeight(wire.first), values))
    }
}
