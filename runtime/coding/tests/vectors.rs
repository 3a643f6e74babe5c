//! Pins the bytes of `docs/spec/coding.md`.
#![allow(clippy::unwrap_used, reason = "a test file: helpers may fail loudly too")]

use coding::range::{encode_range, outboard, verify_range};
use coding::{CheckedShard, Encoder, Shards, decode};
use conformance::pinned;
use primitives::Policy;
use serde_json::{Value, json};

/// The first `len` bytes of the BLAKE3 output stream of `label`.
fn stream(label: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(label.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn packs() {
    let vectors: Vec<Value> =
        [("4+2", 256), ("4+2", 1024), ("8+4", 512), ("6+3", 1152), ("1+4", 192), ("2+1", 2 * 65_600), ("3+0", 192)]
            .into_iter()
            .map(|(text, len)| {
                let policy: Policy = text.parse().unwrap();
                let label = format!("pack {text} {len}");
                let pack = stream(&label, len);
                let parity = Encoder::new().encode(policy, &pack).unwrap();
                let shards = Shards::new(policy, &pack, &parity).unwrap();
                let header = shards.header();
                let last = policy.width() - policy.data_shards()..policy.width();
                let left: Vec<_> = last
                    .map(|index| CheckedShard::check(&header, index, shards.shard(index).unwrap()).unwrap())
                    .collect();
                assert_eq!(decode(&header, &left).unwrap(), pack);
                json!({
                    "packIsBlake3StreamOf": label,
                    "packBytes": len,
                    "policy": text,
                    "shardBytes": shards.shard_bytes(),
                    "parity": if parity.len() <= 512 { hex::encode(&parity) } else { String::new() },
                    "parityBlake3": blake3::hash(&parity).to_string(),
                    "shardIds": shards.ids().iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "packId": header.id().to_string(),
                })
            })
            .collect();
    let description = "Packs, their parity, shard ids and pack ids. `parity` is empty when longer than 512 bytes.";
    pinned(
        "coding-packs.json",
        &json!({"description": description, "spec": "docs/spec/coding.md", "vectors": vectors}),
    );
}

#[test]
fn ranges() {
    let policy = Policy::new(2, 1).unwrap();
    let pack = stream("ranges", 2 * 40_000);
    let parity = Encoder::new().encode(policy, &pack).unwrap();
    let shards = Shards::new(policy, &pack, &parity).unwrap();
    let header = shards.header();
    let shard = shards.shard(1).unwrap();
    let (id, outboard) = outboard(shard);
    assert_eq!(id, header.shards[1]);
    let vectors: Vec<Value> = [0..1, 1023..1025, 16_384..32_768, 39_999..40_000, 0..40_000]
        .into_iter()
        .map(|range| {
            let encoded = encode_range(&id, 40_000, &outboard, shard, range.clone()).unwrap();
            let checked = verify_range(&header, 1, range.clone(), &encoded).unwrap();
            assert_eq!(checked.into_bytes(), shard[range.start.try_into().unwrap()..range.end.try_into().unwrap()]);
            json!({
                "start": range.start,
                "end": range.end,
                "encodedBytes": encoded.len(),
                "encodedBlake3": blake3::hash(&encoded).to_string(),
                "encoded": if encoded.len() <= 3000 { hex::encode(&encoded) } else { String::new() },
            })
        })
        .collect();
    let file = json!({
        "description": "Proven ranges of data shard 1 of the 2+1 pack whose bytes are the BLAKE3 output stream of \
                        `ranges`. `encoded` is empty when longer than 3000 bytes.",
        "spec": "docs/spec/coding.md",
        "packBytes": 80_000,
        "shardId": id.to_string(),
        "outboard": hex::encode(&outboard),
        "vectors": vectors,
    });
    pinned("coding-ranges.json", &file);
}
