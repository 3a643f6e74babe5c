use ed25519_dalek::{Signer as _, SigningKey};
use primitives::{Header, Height, ValidatorKey};

use super::*;

const NETWORK: NetworkId = NetworkId::new([5; 32]);
const BLOCK_BYTES_MAX: u32 = 1 << 20;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn sign(bytes: &[u8]) -> Ed25519Signature {
    Ed25519Signature::new(key().sign(bytes).to_bytes())
}

fn peer(byte: u8) -> PeerId {
    let mut bytes = vec![0x00, 36, 0x08, 0x01, 0x12, 0x20];
    bytes.extend_from_slice(&[byte; 32]);
    PeerId::from_bytes(&bytes).unwrap()
}

fn block(height: u64, bytes: usize) -> Block {
    let header = Header {
        version: primitives::HEADER_VERSION,
        chain_id: Default::default(),
        height: Height::new(height),
        parent: Default::default(),
        timestamp: Default::default(),
        proposer: ValidatorKey::new(key().verifying_key().to_bytes()),
        transactions_root: Default::default(),
        receipts_root: Default::default(),
        state_root: Default::default(),
        log_size: 0,
        log_root: Default::default(),
        validators: Default::default(),
        next_validators: Default::default(),
        params: Default::default(),
    };
    Block::new(header, vec![(0..bytes).map(|i| u8::try_from(i % 251).unwrap()).collect()])
}

fn stream(block: &Block, round: u32) -> Vec<StreamMessage<Part>> {
    let offer = Offer {
        height: BftHeight(block.header.height),
        round: Round::new(round),
        valid_round: Round::Nil,
        proposer: SetAddress(block.header.proposer),
        block,
    };
    split(&offer, &NETWORK, sign)
}

fn assembler() -> Assembler {
    Assembler::new(NETWORK, BLOCK_BYTES_MAX)
}

#[test]
fn a_block_comes_together_in_any_order_and_only_with_its_last_part() {
    let block = block(7, 300_000);
    let parts = stream(&block, 2);
    assert_eq!(parts.len(), 5 + 3);
    let count = parts.len();
    for turn in 0..count {
        let mut assembler = assembler();
        let mut order = parts.clone();
        order.rotate_left(turn);
        let last = order.pop().unwrap();
        for part in order {
            assert_eq!(assembler.add(peer(1), part), None);
        }
        let assembled = assembler.add(peer(1), last).unwrap();
        assert_eq!((assembled.block, assembled.round), (block.clone(), Round::new(2)));
        assert!(assembler.streams.is_empty());
    }
}

#[test]
fn altered_missing_repeated_and_foreign_parts_give_no_block() {
    let block = block(7, 100_000);
    let honest = stream(&block, 0);
    let feed = |parts: Vec<StreamMessage<Part>>| {
        let mut assembler = assembler();
        parts.into_iter().filter_map(|part| assembler.add(peer(1), part)).count()
    };
    assert_eq!(feed(honest.clone()), 1);

    let mut flipped = honest.clone();
    let StreamContent::Data(Part::Chunk(bytes)) = &mut flipped[1].content else { panic!("a chunk") };
    bytes[5_000] ^= 1;
    // The transaction bytes are bound by the header's root only, which executing checks; the length is bound here.
    let assembled = flipped.clone();
    assert_eq!(feed(assembled), 1);
    let StreamContent::Data(Part::Chunk(bytes)) = &mut flipped[1].content else { panic!("a chunk") };
    bytes[20] ^= 1;
    assert_eq!(feed(flipped), 0, "a flipped header byte");

    let mut unsigned = honest.clone();
    let close = unsigned.len() - 2;
    unsigned[close].content =
        StreamContent::Data(Part::Close { block: block.hash(), signature: Ed25519Signature::new([1; 64]) });
    assert_eq!(feed(unsigned), 0, "not the proposer's signature");

    let mut short = honest.clone();
    short.remove(2);
    assert_eq!(feed(short), 0, "a missing chunk");

    let mut doubled = honest.clone();
    doubled.insert(2, honest[1].clone());
    assert_eq!(feed(doubled), 0, "a sequence number twice");

    let mut lying = honest.clone();
    let StreamContent::Data(Part::Open { block_bytes, .. }) = &mut lying[0].content else { panic!("an open") };
    *block_bytes -= 1;
    assert_eq!(feed(lying), 0, "another length");

    let mut huge = honest;
    let StreamContent::Data(Part::Open { block_bytes, .. }) = &mut huge[0].content else { panic!("an open") };
    *block_bytes = u32::MAX;
    assert_eq!(feed(huge), 0, "more than a block may have");
}

#[test]
fn streams_and_bytes_are_bounded_and_decided_heights_forgotten() {
    let mut assembler = assembler();
    for publisher in 0..40 {
        for height in 1..40 {
            let parts = stream(&block(height, 100), 0);
            assert_eq!(assembler.add(peer(publisher), parts[0].clone()), None);
        }
    }
    assert_eq!(assembler.streams.len(), STREAMS_MAX);
    assembler.prune(BftHeight::new(3));
    assert_eq!(assembler.streams.len(), STREAMS_MAX / PUBLISHER_STREAMS_MAX);
    assembler.prune(BftHeight::new(40));
    assert!(assembler.streams.is_empty());

    let id = StreamId::new(Bytes::from_static(b"x"));
    for sequence in 1..2_000 {
        let chunk = StreamContent::Data(Part::Chunk(vec![0; Part::CHUNK_BYTES_MAX]));
        assembler.add(peer(1), StreamMessage::new(id.clone(), sequence, chunk));
        let kept: usize = assembler.streams.values().map(|stream| stream.bytes).sum();
        assert!(kept <= encoded_bytes_max(BLOCK_BYTES_MAX));
    }
}
