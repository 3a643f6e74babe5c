//! Cuts a block into parts and puts parts together again, within limits (`docs/spec/consensus.md`, "Proposal parts").
//!
//! Parts of one stream may arrive through several peers and out of order; streams are told apart by who published
//! them and the id that the publisher chose. What is kept is bounded three ways: streams in all, streams of one
//! publisher, bytes of one stream (from its `Open` on). A stream that breaks a rule is dropped whole.

use std::collections::BTreeMap;

use bytes::Bytes;
use malachite_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use malachite_core_types::Round;
use malachite_peer::PeerId;
use parity_scale_codec::Encode;
use primitives::{Ed25519Signature, NetworkId};

use crate::bft::{BftHeight, Part, SetAddress, parts_sign_bytes};
use crate::block::{Block, encoded_bytes_max};

/// Streams kept at a time.
const STREAMS_MAX: usize = 64;
/// Streams of one publisher kept at a time.
const PUBLISHER_STREAMS_MAX: usize = 4;
/// Parts that may wait before a stream's `Open` has arrived.
const EARLY_PARTS_MAX: usize = 64;

/// A block put together from parts; its transactions are not executed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assembled {
    pub height: BftHeight,
    pub round: Round,
    pub valid_round: Round,
    pub proposer: SetAddress,
    pub block: Block,
}

/// What a proposer streams for one block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'a> {
    pub height: BftHeight,
    pub round: Round,
    pub valid_round: Round,
    pub proposer: SetAddress,
    pub block: &'a Block,
}

/// The stream of a block: `Open`, chunks, `Close`, end.
pub(crate) fn split(
    offer: &Offer<'_>,
    network: &NetworkId,
    sign: impl FnOnce(&[u8]) -> Ed25519Signature,
) -> Vec<StreamMessage<Part>> {
    let Offer { height, round, valid_round, proposer, block } = *offer;
    let (bytes, hash) = (block.encode(), block.hash());
    let block_bytes = u32::try_from(bytes.len()).expect("a block is bounded by the chain spec, far below 4 GiB");
    let signature = sign(&parts_sign_bytes(network, height, round, &hash, &proposer));
    let open = Part::Open { height, round, valid_round, proposer, block_bytes };
    let chunks = bytes.chunks(Part::CHUNK_BYTES_MAX).map(|chunk| Part::Chunk(chunk.to_vec()));
    let contents = std::iter::once(open)
        .chain(chunks)
        .chain(std::iter::once(Part::Close { block: hash, signature }))
        .map(StreamContent::Data)
        .chain(std::iter::once(StreamContent::Fin));
    // One proposer streams one block per height and round, so these name the stream.
    let id = StreamId::new(Bytes::from((height.0, round.as_u32()).encode()));
    (0u64..).zip(contents).map(|(sequence, content)| StreamMessage::new(id.clone(), sequence, content)).collect()
}

type StreamKey = (PeerId, Vec<u8>);

/// Streams that are not complete yet.
#[derive(Debug)]
pub(crate) struct Assembler {
    network: NetworkId,
    block_bytes_max: u32,
    streams: BTreeMap<StreamKey, Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    parts: BTreeMap<u64, StreamContent<Part>>,
    bytes: usize,
}

impl Assembler {
    /// An assembler for blocks of one network.
    pub(crate) const fn new(network: NetworkId, block_bytes_max: u32) -> Self {
        Self { network, block_bytes_max, streams: BTreeMap::new() }
    }

    /// Takes a part; returns the block when it was the last one missing.
    pub(crate) fn add(&mut self, publisher: PeerId, message: StreamMessage<Part>) -> Option<Assembled> {
        let key = (publisher, message.stream_id.to_bytes().to_vec());
        if !self.streams.contains_key(&key) && !self.has_room(&publisher) {
            return None;
        }
        let limit = encoded_bytes_max(self.block_bytes_max);
        let stream = self.streams.entry(key.clone()).or_default();
        if !stream.add(message, limit) {
            self.streams.remove(&key);
            return None;
        }
        if !stream.is_complete() {
            return None;
        }
        let stream = self.streams.remove(&key)?;
        stream.assemble(&self.network, self.block_bytes_max)
    }

    /// Forgets all streams of heights that are decided; streams without an `Open` belong to no height and go too.
    pub(crate) fn prune(&mut self, decided: BftHeight) {
        self.streams.retain(|_, stream| stream.height().is_some_and(|height| height > decided));
    }

    fn has_room(&self, publisher: &PeerId) -> bool {
        let own = self.streams.keys().filter(|(of, _)| of == publisher).count();
        self.streams.len() < STREAMS_MAX && own < PUBLISHER_STREAMS_MAX
    }
}

impl Stream {
    /// Whether the stream may go on.
    fn add(&mut self, message: StreamMessage<Part>, limit: usize) -> bool {
        let bytes = match &message.content {
            StreamContent::Data(Part::Chunk(bytes)) if bytes.len() > Part::CHUNK_BYTES_MAX => return false,
            StreamContent::Data(Part::Chunk(bytes)) => bytes.len(),
            StreamContent::Data(Part::Open { block_bytes, .. }) => {
                let within = usize::try_from(*block_bytes).is_ok_and(|bytes| bytes <= limit);
                if !within || message.sequence != 0 {
                    return false;
                }
                0
            }
            StreamContent::Data(Part::Close { .. }) | StreamContent::Fin => 0,
        };
        let fresh = self.parts.insert(message.sequence, message.content).is_none();
        self.bytes = self.bytes.saturating_add(bytes);
        // Chunk, open, close, end: so many parts can a block of that size have.
        let parts_max = limit.div_ceil(Part::CHUNK_BYTES_MAX).saturating_add(3);
        let opened = self.parts.contains_key(&0);
        fresh && self.bytes <= limit && self.parts.len() <= if opened { parts_max } else { EARLY_PARTS_MAX }
    }

    fn is_complete(&self) -> bool {
        let Some((last, content)) = self.parts.last_key_value() else { return false };
        content.is_fin() && u64::try_from(self.parts.len()).is_ok_and(|count| count == last.saturating_add(1))
    }

    fn height(&self) -> Option<BftHeight> {
        match self.parts.get(&0)? {
            StreamContent::Data(Part::Open { height, .. }) => Some(*height),
            _ => None,
        }
    }

    fn assemble(self, network: &NetworkId, block_bytes_max: u32) -> Option<Assembled> {
        let mut parts = self.parts.into_values().filter_map(StreamContent::into_data);
        let Some(Part::Open { height, round, valid_round, proposer, block_bytes }) = parts.next() else {
            return None;
        };
        let mut bytes = Vec::with_capacity(usize::try_from(block_bytes).ok()?);
        let mut closed = None;
        for part in parts {
            match part {
                Part::Chunk(chunk) if closed.is_none() => bytes.extend_from_slice(&chunk),
                Part::Close { block, signature } if closed.is_none() => closed = Some((block, signature)),
                _ => return None,
            }
        }
        let (hash, signature) = closed?;
        if u32::try_from(bytes.len()).ok()? != block_bytes {
            return None;
        }
        signature.verify(proposer.0.as_bytes(), &parts_sign_bytes(network, height, round, &hash, &proposer)).ok()?;
        let block = Block::decode_exact(&bytes, block_bytes_max).ok()?;
        (block.hash() == hash && block.header.height == height.0).then_some(Assembled {
            height,
            round,
            valid_round,
            proposer,
            block,
        })
    }
}

#[cfg(test)]
#[path = "parts_test.rs"]
mod tests;
