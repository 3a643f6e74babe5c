use super::*;
use proptest::prelude::*;
use rand::RngCore;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const DEDUP: [u8; 32] = [3; 32];

fn sealed(plain: &[u8]) -> (ChunkId, Vec<u8>) {
    let chunk = crate::chunk::chunk_id(&[4; 32], plain);
    let mut target = vec![0; frame_len_max(plain.len())];
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let len = FrameSealer::new(FrameKeys::new(&DEDUP)).unwrap().seal(&chunk, plain, &mut target, &mut rng).unwrap();
    target.truncate(len);
    (chunk, target)
}

fn opened(dedup: &[u8; 32], chunk: &ChunkId, frame: &[u8], len: usize) -> Result<Vec<u8>, FrameError> {
    let mut plain = vec![0; len];
    FrameOpener::new(FrameKeys::new(dedup)).unwrap().open(chunk, frame, &mut plain)?;
    Ok(plain)
}

fn random(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    ChaCha20Rng::seed_from_u64(7).fill_bytes(&mut data);
    data
}

#[test]
fn compressible_chunks_shrink_and_random_ones_stay_raw() {
    for len in [1_000, 200_000, CHUNK_MAX] {
        let text = b"all work and no play ".repeat(len / 21 + 1)[..len].to_vec();
        let (chunk, frame) = sealed(&text);
        assert!(frame.len() < len / 5, "{len} became {}", frame.len());
        assert_eq!(opened(&DEDUP, &chunk, &frame, len).unwrap(), text);
        let noise = random(len);
        let (chunk, frame) = sealed(&noise);
        assert_eq!(frame.len(), len + FRAME_OVERHEAD);
        assert_eq!(opened(&DEDUP, &chunk, &frame, len).unwrap(), noise);
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let plain = b"some plaintext that compresses, compresses, compresses, compresses".to_vec();
    let (chunk, frame) = sealed(&plain);
    for at in 0..frame.len() {
        let mut bad = frame.clone();
        bad[at] ^= 0x40;
        assert!(opened(&DEDUP, &chunk, &bad, plain.len()).is_err(), "byte {at}");
        assert!(opened(&DEDUP, &chunk, &frame[..at], plain.len()).is_err(), "cut at {at}");
    }
    let mut longer = frame;
    longer.push(0);
    assert!(opened(&DEDUP, &chunk, &longer, plain.len()).is_err());
}

#[test]
fn another_key_another_chunk_or_another_length_is_refused() {
    let plain = random(5_000);
    let (chunk, frame) = sealed(&plain);
    assert_eq!(opened(&[9; 32], &chunk, &frame, 5_000), Err(FrameError::WrongKey { chunk }));
    let other = ChunkId::new([1; 32]);
    assert_eq!(opened(&DEDUP, &other, &frame, 5_000), Err(FrameError::WrongKey { chunk: other }));
    assert!(matches!(opened(&DEDUP, &chunk, &frame, 4_999), Err(FrameError::Length { .. })));
}

#[test]
fn what_decompresses_to_more_than_it_says_is_refused() {
    // A sealer that lies about the plain length: 60 KiB of zeros that claim to be 100 bytes.
    let chunk = ChunkId::new([5; 32]);
    let keys = FrameKeys::new(&DEDUP);
    let nonce = [8; NONCE];
    let unit = keys.unit(&chunk, &nonce);
    let mut body = zstd::bulk::compress(&vec![0; 60 * 1024], 1).unwrap();
    let fields = Fields { codec: 1, plain_len: 100, ct_len: u32::try_from(body.len()).unwrap() };
    let aad = Aad::from(fields.aad(&chunk));
    let tag = unit.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body).unwrap();
    let mut masked = fields.bytes();
    unit.mask(&mut masked);
    let frame = [&nonce[..], &masked, &unit.commitment, &body, tag.as_ref()].concat();
    assert_eq!(opened(&DEDUP, &chunk, &frame, 100), Err(FrameError::Decompress { chunk, expected: 100 }));
}

#[test]
fn a_frame_looks_random_and_never_repeats() {
    let plain = vec![7; 3_000];
    let chunk = crate::chunk::chunk_id(&[4; 32], &plain);
    let mut sealer = FrameSealer::new(FrameKeys::new(&DEDUP)).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut frames = Vec::new();
    for _ in 0..2 {
        let mut target = vec![0; frame_len_max(plain.len())];
        let len = sealer.seal(&chunk, &plain, &mut target, &mut rng).unwrap();
        frames.push(target[..len].to_vec());
    }
    let same = frames[0].iter().zip(&frames[1]).filter(|(a, b)| a == b).count();
    assert!(same < 8, "{same} of {} bytes agree", frames[0].len());
    assert!(!frames[0].windows(4).any(|window| window == MAGIC));
}

#[test]
fn too_long_chunks_and_short_buffers_are_refused() {
    let mut sealer = FrameSealer::new(FrameKeys::new(&DEDUP)).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let chunk = ChunkId::ZERO;
    let long = vec![0; CHUNK_MAX + 1];
    let mut target = vec![0; frame_len_max(long.len())];
    assert_eq!(sealer.seal(&chunk, &long, &mut target, &mut rng), Err(FrameError::TooLong { found: CHUNK_MAX + 1 }));
    let mut short = [0; 100];
    let refused = sealer.seal(&chunk, &[0; 27], &mut short, &mut rng);
    assert_eq!(refused, Err(FrameError::NoRoom { needed: 101, found: 100 }));
}

proptest! {
    #[test]
    fn sealing_and_opening_round_trips(plain in proptest::collection::vec(any::<u8>(), 0..5_000), repeat in 1usize..40) {
        let plain = plain.repeat(repeat);
        let (chunk, frame) = sealed(&plain);
        prop_assert!(frame.len() <= frame_len_max(plain.len()));
        prop_assert_eq!(opened(&DEDUP, &chunk, &frame, plain.len()).unwrap(), plain);
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(opened(&DEDUP, &ChunkId::new([6; 32]), &bytes, 32).is_err());
    }
}
