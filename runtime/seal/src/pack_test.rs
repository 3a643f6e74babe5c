use super::*;
use crate::chunk::chunk_id;
use crate::frame::{FrameKeys, FrameOpener};
use rand::RngCore;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

fn built(policy: Policy, chunks: &[Vec<u8>]) -> SealedPack<Vec<u8>> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut sealer = FrameSealer::new(FrameKeys::new(&[1; 32])).unwrap();
    let mut pack = PackBuilder::new(PackKind::Data, policy, vec![0xee; pack_capacity(policy)]).unwrap();
    for plain in chunks {
        pack.push(&mut sealer, chunk_id(&[2; 32], plain), plain, &mut rng).unwrap();
    }
    pack.finish(&FooterKeys::new(&[3; 32]), &mut rng).unwrap()
}

fn chunks(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n; 100 + usize::from(n) * 37]).collect()
}

#[test]
fn the_index_is_rebuilt_from_the_packs_end_alone() {
    let chunks = chunks(200);
    let pack = built(Policy::ERASURE, &chunks);
    let keys = FooterKeys::new(&[3; 32]);
    let bytes = pack.bytes();
    let PackError::NeedTail { bytes: needed } =
        PackFooter::open(&keys, bytes.len(), &bytes[bytes.len() - 100..]).unwrap_err()
    else {
        panic!("a short tail asks for more")
    };
    assert_eq!(needed, footer_len(200));
    let footer = PackFooter::open(&keys, bytes.len(), &bytes[bytes.len() - needed..]).unwrap();
    assert_eq!(footer.entries, pack.entries());
    let mut opener = FrameOpener::new(FrameKeys::new(&[1; 32])).unwrap();
    for (entry, plain) in footer.entries.iter().zip(&chunks) {
        let frame = &bytes[entry.offset as usize..][..entry.len as usize];
        let mut out = vec![0; entry.plain_len as usize];
        opener.open(&entry.chunk, frame, &mut out).unwrap();
        assert_eq!(&out, plain);
    }
}

#[test]
fn lengths_are_few_and_shards_are_aligned() {
    for policy in ["4+2", "8+4", "6+3", "1+3", "3+2", "64+64"] {
        let policy: Policy = policy.parse().unwrap();
        let k = usize::from(policy.data_shards());
        for used in [0, 1, PACK_MIN, PACK_MIN + 1, 9_000_000, PACK_TARGET, pack_capacity(policy)] {
            let len = pack_len(used, policy);
            assert!(
                len >= used && len <= pack_capacity(policy) && len.is_multiple_of(k * SHARD_ALIGN),
                "{policy} {used}"
            );
        }
    }
    assert_eq!(pack_len(1, Policy::ERASURE), PACK_MIN);
    assert_eq!(pack_len(17 << 20, Policy::ERASURE), PACK_TARGET);
    assert_eq!(built(Policy::ERASURE, &chunks(3)).bytes().len(), PACK_MIN);
}

#[test]
fn a_changed_footer_or_another_key_does_not_open() {
    let pack = built(Policy::ERASURE, &chunks(3));
    let keys = FooterKeys::new(&[3; 32]);
    let len = pack.bytes().len();
    let tail = &pack.bytes()[len - footer_len(3)..];
    assert!(PackFooter::open(&keys, len, tail).is_ok());
    for at in 0..tail.len() {
        let mut bad = tail.to_vec();
        bad[at] ^= 1;
        assert!(PackFooter::open(&keys, len, &bad).is_err(), "byte {at}");
    }
    assert_eq!(PackFooter::open(&FooterKeys::new(&[4; 32]), len, tail), Err(PackError::WrongKey));
    assert_eq!(PackFooter::open(&keys, len + 4096, tail), Err(PackError::WrongKey));
}

#[test]
fn a_full_pack_says_so_and_still_closes() {
    let policy = Policy::ERASURE;
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut sealer = FrameSealer::new(FrameKeys::new(&[1; 32])).unwrap();
    let mut pack = PackBuilder::new(PackKind::Tree, policy, vec![0; pack_capacity(policy)]).unwrap();
    let mut plain = vec![0; 1 << 20];
    let mut pushed = 0;
    while pack.has_room(plain.len()) {
        rng.fill_bytes(&mut plain[..64]);
        rng.fill_bytes(&mut plain[100_000..]);
        pack.push(&mut sealer, chunk_id(&[2; 32], &plain), &plain, &mut rng).unwrap();
        pushed += 1;
    }
    assert!(pushed >= 31);
    let refused = pack.push(&mut sealer, ChunkId::ZERO, &plain, &mut rng);
    assert_eq!(refused.unwrap_err(), PackError::Full { plain_len: 1 << 20 });
    let sealed = pack.finish(&FooterKeys::new(&[3; 32]), &mut rng).unwrap();
    assert_eq!((sealed.bytes().len(), sealed.kind()), (pack_capacity(policy), PackKind::Tree));
    assert_eq!(sealed.entries().len(), pushed);
}
