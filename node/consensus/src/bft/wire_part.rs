//! The SCALE form of proposal parts.

use bytes::Bytes;
use malachite_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use parity_scale_codec::{Decode, Encode};
use primitives::{BlockHash, Ed25519Signature, Height, ValidatorKey};

use super::wire::{engine_round, round};
use super::{BftHeight, Part, SetAddress};

/// A piece of a proposed block.
#[derive(Encode, Decode)]
pub(super) enum BlockPart {
    Open { height: Height, round: Option<u32>, valid_round: Option<u32>, proposer: ValidatorKey, block_bytes: u32 },
    Chunk(Vec<u8>),
    Close { block: BlockHash, signature: Ed25519Signature },
}

/// A piece of a stream of parts; `None` ends the stream.
#[derive(Encode, Decode)]
pub(super) struct StreamPart {
    stream: Vec<u8>,
    sequence: u64,
    part: Option<BlockPart>,
}

impl From<&StreamMessage<Part>> for StreamPart {
    fn from(message: &StreamMessage<Part>) -> Self {
        let part = message.content.as_data().map(|part| match part {
            Part::Open { height, round: of, valid_round, proposer, block_bytes } => BlockPart::Open {
                height: height.0,
                round: round(*of),
                valid_round: round(*valid_round),
                proposer: proposer.0,
                block_bytes: *block_bytes,
            },
            Part::Chunk(bytes) => BlockPart::Chunk(bytes.clone()),
            Part::Close { block, signature } => BlockPart::Close { block: *block, signature: *signature },
        });
        Self { stream: message.stream_id.to_bytes().to_vec(), sequence: message.sequence, part }
    }
}

impl From<StreamPart> for StreamMessage<Part> {
    fn from(wire: StreamPart) -> Self {
        let content = wire.part.map_or(StreamContent::Fin, |part| {
            StreamContent::Data(match part {
                BlockPart::Open { height, round, valid_round, proposer, block_bytes } => Part::Open {
                    height: BftHeight(height),
                    round: engine_round(round),
                    valid_round: engine_round(valid_round),
                    proposer: SetAddress(proposer),
                    block_bytes,
                },
                BlockPart::Chunk(bytes) => Part::Chunk(bytes),
                BlockPart::Close { block, signature } => Part::Close { block, signature },
            })
        });
        Self::new(StreamId::new(Bytes::from(wire.stream)), wire.sequence, content)
    }
}
