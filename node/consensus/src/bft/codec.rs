//! SCALE for the engine's log, for sync and for messages between validators: one version byte, then the mirror of
//! [`super::wire`]; lengths are limited before decoding, trailing bytes are refused.

use bytes::Bytes;
use malachite_app_channel::app::consensus::{LivenessMsg, ProposedValue, SignedConsensusMsg};
use malachite_app_channel::app::streaming::StreamMessage;
use malachite_codec::{Codec, HasEncodedLen};
use malachite_core_types::PolkaCertificate;
use malachite_sync::{Request, Response, Status};
use parity_scale_codec::{Decode, Encode};
use primitives::{CodecError, ValidatorSet, decode_exact};

use super::{Bft, Part, wire, wire_part, wire_sync};

/// The only version of these messages that there is.
const VERSION: u8 = 1;
/// A vote or proposal: fixed fields, well below this.
const MESSAGE_BYTES_MAX: usize = 512;
/// A certificate of as many votes as a set has members, and change.
const CERTIFICATE_BYTES_MAX: usize = 512 + ValidatorSet::MEMBERS_MAX * 160;
/// One part and its stream header.
const PART_BYTES_MAX: usize = Part::CHUNK_BYTES_MAX + 512;
/// A sync answer; the engine's own limit for one is 10 MiB.
pub(crate) const RESPONSE_BYTES_MAX: usize = 12 << 20;

/// The codec; has no state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale;

fn encode(value: &impl Encode) -> Bytes {
    let mut bytes = vec![VERSION];
    value.encode_to(&mut bytes);
    Bytes::from(bytes)
}

fn decode<T: Decode>(what: &'static str, bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => decode_exact(what, rest, limit),
        Some((&found, _)) => Err(CodecError::Version { what, found, known: VERSION }),
        None => Err(CodecError::Malformed { what, reason: "no bytes".to_owned() }),
    }
}

macro_rules! codec {
    ($($engine:ty = $wire:ty, $what:literal, $limit:expr;)*) => {$(
        impl Codec<$engine> for Scale {
            type Error = CodecError;

            fn decode(&self, bytes: Bytes) -> Result<$engine, CodecError> {
                let wire: $wire = decode($what, &bytes, $limit)?;
                <$engine>::try_from(wire)
                    .map_err(|reason| CodecError::Malformed { what: $what, reason: reason.to_string() })
            }

            fn encode(&self, message: &$engine) -> Result<Bytes, CodecError> {
                Ok(encode(&<$wire>::from(message)))
            }
        }
    )*};
}

codec! {
    SignedConsensusMsg<Bft> = wire::ConsensusMessage, "consensus message", MESSAGE_BYTES_MAX;
    ProposedValue<Bft> = wire::Proposed, "proposed value", MESSAGE_BYTES_MAX;
    PolkaCertificate<Bft> = wire::Polka, "polka certificate", CERTIFICATE_BYTES_MAX;
    LivenessMsg<Bft> = wire::Liveness, "liveness message", CERTIFICATE_BYTES_MAX;
    StreamMessage<Part> = wire_part::StreamPart, "proposal part", PART_BYTES_MAX;
    Status<Bft> = wire_sync::SyncStatus, "sync status", MESSAGE_BYTES_MAX;
    Request<Bft> = wire_sync::SyncRequest, "sync request", MESSAGE_BYTES_MAX;
    Response<Bft> = wire_sync::SyncResponse, "sync response", RESPONSE_BYTES_MAX;
}

impl HasEncodedLen<Response<Bft>> for Scale {
    fn encoded_len(&self, message: &Response<Bft>) -> Result<usize, CodecError> {
        Ok(wire_sync::SyncResponse::from(message).encoded_size().saturating_add(1))
    }
}
