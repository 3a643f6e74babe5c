//! Proven ranges of shards: what verifies is what the shard holds.
#![no_main]

use std::sync::LazyLock;

use coding::range::{encode_range, outboard, verify_range};
use libfuzzer_sys::fuzz_target;
use primitives::{PackHeader, Policy};

struct World {
    shard: Vec<u8>,
    outboard: Vec<u8>,
    header: PackHeader,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let shard: Vec<u8> = (0..40_960u32).flat_map(u32::to_le_bytes).collect();
    let (id, outboard) = outboard(&shard);
    let policy = Policy::new(1, 0).expect("one copy");
    let header = PackHeader { policy, shard_len: 163_840, shards: vec![id] };
    World { shard, outboard, header }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((place, change)) = bytes.split_first_chunk::<8>() else { return };
    let world = &*WORLD;
    let len = u64::from(world.header.shard_len);
    let [start, end] = [&place[..4], &place[4..]]
        .map(|part| u64::from(u32::from_le_bytes(part.try_into().expect("four bytes"))) % (len + 2));
    let id = world.header.shards[0];
    let honest = encode_range(&id, len, &world.outboard, &world.shard[..], start..end);
    let Ok(honest) = honest else { return };
    let mut encoded = honest.clone();
    for edit in change.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % encoded.len().max(1);
        match edit[2] % 4 {
            0 => encoded.truncate(at),
            1 => encoded.insert(at.min(encoded.len()), edit[3]),
            _ => {
                if let Some(byte) = encoded.get_mut(at) {
                    *byte ^= edit[3];
                }
            }
        }
    }
    match verify_range(&world.header, 0, start..end, &encoded) {
        Ok(range) => {
            assert_eq!(encoded, honest, "only the honest proof holds");
            let [start, end] = [start, end].map(|at| usize::try_from(at).expect("a place in memory"));
            assert_eq!(range.bytes(), &world.shard[start..end]);
        }
        Err(error) => assert_ne!(encoded, honest, "the honest proof holds: {error}"),
    }
});
