//! chunk, id, seal, open, encode, decode, shard ids: bytes a second on one core.
#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use benches::{noise, text};
use coding::{CheckedShard, Decoder, Encoder, Shards};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use primitives::{Policy, ShardId};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use seal::chunk::{Chunker, Cut, chunk_id};
use seal::frame::{FrameKeys, FrameOpener, FrameSealer, frame_len_max};

const PACK: usize = 32 << 20;
const CHUNK: usize = 1 << 20;

fn throughput(bytes: usize) -> Throughput {
    Throughput::Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}

fn chunk(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunk");
    let data = noise(1, PACK);
    group.throughput(throughput(data.len()));
    let chunker = Chunker::new(7);
    group.bench_function("cut", |b| {
        b.iter(|| {
            let mut rest = data.as_slice();
            let mut pieces = 0u32;
            while let Cut::Chunk(length) = chunker.cut(rest, true) {
                rest = &rest[length..];
                pieces += 1;
            }
            pieces
        });
    });
    group.throughput(throughput(CHUNK));
    group.bench_function("id", |b| b.iter(|| chunk_id(&[3; 32], &data[..CHUNK])));
    group.finish();
}

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    group.throughput(throughput(CHUNK));
    let keys = || FrameKeys::new(&[5; 32]);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (name, plain) in [("noise", noise(2, CHUNK)), ("text", text(2, CHUNK))] {
        let id = chunk_id(&[3; 32], &plain);
        let mut frame = vec![0u8; frame_len_max(plain.len())];
        let mut sealer = FrameSealer::new(keys()).expect("zstd has memory");
        // Once before any measurement, so that each of the two may be left out of a run.
        let mut length = sealer.seal(&id, &plain, &mut frame, &mut rng).expect("the frame fits");
        group.bench_function(format!("seal {name}"), |b| {
            b.iter(|| length = sealer.seal(&id, &plain, &mut frame, &mut rng).expect("the frame fits"));
        });
        let mut opener = FrameOpener::new(keys()).expect("zstd has memory");
        let mut back = vec![0u8; plain.len()];
        opener.open(&id, &frame[..length], &mut back).expect("the frame opens");
        assert_eq!(ShardId::of(&back), ShardId::of(&plain));
        group.bench_function(format!("open {name}"), |b| {
            b.iter(|| opener.open(&id, &frame[..length], &mut back).expect("the frame opens"));
        });
    }
    group.finish();
}

fn code(c: &mut Criterion) {
    let mut group = c.benchmark_group("code 4+2");
    group.throughput(throughput(PACK));
    let pack = noise(3, PACK);
    let mut parity = vec![0u8; PACK / 2];
    let mut encoder = Encoder::new();
    group.bench_function("encode", |b| {
        b.iter(|| encoder.encode_into(Policy::ERASURE, &pack, &mut parity).expect("a pack of full length"));
    });
    let shards = Shards::new(Policy::ERASURE, &pack, &parity).expect("the geometry of the policy");
    group.bench_function("shard ids", |b| b.iter(|| shards.ids()));
    let header = shards.header();
    let survivors: Vec<CheckedShard<&[u8]>> = [1u8, 3, 4, 5]
        .into_iter()
        .map(|index| {
            CheckedShard::check(&header, index, shards.shard(index).expect("six shards")).expect("sound shards")
        })
        .collect();
    let mut decoder = Decoder::new();
    group.bench_function("decode, two data shards lost", |b| {
        b.iter(|| decoder.decode(&header, &survivors).expect("four of six are enough"));
    });
    let mut kept = vec![0u8; PACK];
    group.bench_function("decode into a kept buffer, two data shards lost", |b| {
        b.iter(|| decoder.decode_into(&header, &survivors, &mut kept).expect("four of six are enough"));
    });
    group.bench_function("rebuild, one shard lost", |b| {
        b.iter(|| coding::rebuild(&header, &survivors, 0).expect("four of six are enough"));
    });
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = chunk, seal, code }
criterion_main!(benches);
