//! Pins the bytes of `docs/spec/chunking.md`, `frame.md`, `pack.md`, `tree.md`, `content-root.md` and `manifest.md`.
#![allow(clippy::unwrap_used, reason = "a test file: helpers may fail loudly too")]

use conformance::{kept, pinned};
use parity_scale_codec::Encode;
use primitives::{ChunkId, Policy, TimestampMs, VaultId};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use seal::chunk::{CHUNK_AVG, CHUNK_MAX, CHUNK_MIN, Chunker, Cut, ZERO_RUN, chunk_id};
use seal::content::ContentKey;
use seal::frame::{FrameKeys, FrameOpener, FrameSealer, frame_len_max};
use seal::manifest::{Manifest, Stats};
use seal::pack::{FooterKeys, PackBuilder, PackFooter, PackKind, footer_len, pack_capacity};
use seal::tree::{
    ChunkRef, Content, DirectoryNode, DirectoryReader, DirectoryWriter, Entry, FileNode, Meta, Mtime, Name, Node,
    Piece, Xattr, decode_list, encode_list,
};
use seal::{Identity, OwnerSecret};
use serde_json::{Value, json};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Bytes that any language can make: BLAKE3's extended output of the label.
fn bytes(label: &str, len: usize) -> Vec<u8> {
    let mut output = vec![0; len];
    blake3::Hasher::new().update(label.as_bytes()).finalize_xof().fill(&mut output);
    output
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn cut_points() {
    let mut input = bytes("strongroom chunking vector", 24 << 20);
    input[6_000_000..15_000_000].fill(0);
    let key = [0x11; 32];
    let cases: Vec<Value> = [1u64, 0x0123_4567_89ab_cdef]
        .into_iter()
        .map(|seed| {
            let chunker = Chunker::new(seed);
            let (mut at, mut pieces) = (0, Vec::new());
            while at < input.len() {
                at += match chunker.cut(&input[at..], true) {
                    Cut::Chunk(len) => {
                        let id = chunk_id(&key, &input[at..at + len]);
                        pieces.push(json!({ "len": len, "id": id.to_string() }));
                        len
                    }
                    Cut::Zeros => {
                        pieces.push(json!({ "zeros": ZERO_RUN }));
                        ZERO_RUN
                    }
                    Cut::NeedMore => panic!("the last window needs no more"),
                };
            }
            json!({ "seed": seed.to_string(), "pieces": pieces })
        })
        .collect();
    let input = json!({
        "label": "strongroom chunking vector",
        "made": "BLAKE3 extended output of the label; bytes 6000000..15000000 set to zero",
        "len": input.len(),
        "blake3": blake3::hash(&input).to_string(),
    });
    let sizes = json!({ "min": CHUNK_MIN, "avg": CHUNK_AVG, "max": CHUNK_MAX, "zeroRun": ZERO_RUN });
    let file = json!({ "sizes": sizes, "chunkIdKey": hex::encode(key), "input": input, "cases": cases });
    pinned("data-chunking.json", &file);
}

#[test]
fn frames() {
    let dedup = [0x22; 32];
    let ids = [0x11; 32];
    let plains = [b"a short chunk".to_vec(), b"compresses well, ".repeat(60), bytes("noise", 300)];
    let made = kept("data-frame.json", || {
        let mut sealer = FrameSealer::new(FrameKeys::new(&dedup)).unwrap();
        let cases: Vec<Value> = plains
            .iter()
            .map(|plain| {
                let chunk = chunk_id(&ids, plain);
                let mut frame = vec![0; frame_len_max(plain.len())];
                let len = sealer.seal(&chunk, plain, &mut frame, &mut rng(9)).unwrap();
                json!({
                    "chunk": chunk.to_string(), "plain": hex::encode(plain), "frame": hex::encode(&frame[..len]),
                })
            })
            .collect();
        json!({ "dedupKey": hex::encode(dedup), "chunkIdKey": hex::encode(ids), "cases": cases })
    });
    let cases = made["cases"].as_array().unwrap();
    assert_eq!(cases.len(), plains.len());
    let mut opener = FrameOpener::new(FrameKeys::new(&dedup)).unwrap();
    for (case, plain) in cases.iter().zip(&plains) {
        assert_eq!(&unhex(&case["plain"]), plain);
        let chunk: ChunkId = case["chunk"].as_str().unwrap().parse().unwrap();
        assert_eq!(chunk, chunk_id(&ids, plain));
        let mut opened = vec![0; plain.len()];
        opener.open(&chunk, &unhex(&case["frame"]), &mut opened).unwrap();
        assert_eq!(&opened, plain);
    }
    // What does not compress has one form only, given the nonce.
    let mut sealer = FrameSealer::new(FrameKeys::new(&dedup)).unwrap();
    let mut frame = vec![0; frame_len_max(plains[2].len())];
    let len = sealer.seal(&chunk_id(&ids, &plains[2]), &plains[2], &mut frame, &mut rng(9)).unwrap();
    assert_eq!(hex::encode(&frame[..len]), cases[2]["frame"].as_str().unwrap());
}

#[test]
fn packs() {
    let (dedup, ids, key) = ([0x22; 32], [0x11; 32], [0x33; 32]);
    let policy = Policy::ERASURE;
    let mut rng = rng(3);
    let mut sealer = FrameSealer::new(FrameKeys::new(&dedup)).unwrap();
    let mut builder = PackBuilder::new(PackKind::Tree, policy, vec![0; pack_capacity(policy)]).unwrap();
    for label in ["one", "two", "three"] {
        let plain = bytes(label, 1_000);
        builder.push(&mut sealer, chunk_id(&ids, &plain), &plain, &mut rng).unwrap();
    }
    let keys = FooterKeys::new(&key);
    let pack = builder.finish(&keys, &mut rng).unwrap();
    let tail = &pack.bytes()[pack.bytes().len() - footer_len(3)..];
    let footer = PackFooter::open(&keys, pack.bytes().len(), tail).unwrap();
    assert_eq!(footer.entries, pack.entries());
    let entries: Vec<Value> = footer
        .entries
        .iter()
        .map(|entry| {
            json!({
                "chunk": entry.chunk.to_string(), "offset": entry.offset, "len": entry.len,
                "plainLen": entry.plain_len,
            })
        })
        .collect();
    let file = json!({
        "packKey": hex::encode(key),
        "kind": 1,
        "packLen": pack.bytes().len(),
        "packBlake3": blake3::hash(pack.bytes()).to_string(),
        "entries": entries,
        "footerAndTrailer": hex::encode(tail),
    });
    pinned("data-pack.json", &file);
}

/// A directory with one of everything.
fn entries() -> Vec<Entry> {
    let meta = |mode| Meta {
        mode,
        uid: 1000,
        gid: 100,
        user: b"ann".to_vec(),
        group: b"users".to_vec(),
        mtime: Mtime { secs: -2, nanos: 7 },
        xattrs: Vec::new(),
    };
    let id = |byte| ChunkId::new([byte; 32]);
    let name = |bytes: &[u8]| Name::new(bytes.to_vec()).unwrap();
    let pieces = vec![Piece::Chunk { id: id(1), len: 5 }, Piece::Zeros { len: 4 << 20 }];
    let file = FileNode { size: (4 << 20) + 5, content: Content::Direct(pieces), sparse: true, link: Some(9) };
    let lists = vec![ChunkRef { id: id(2), len: 600_000 }];
    let digest = primitives::Hash32::new([4; 32]);
    let long = FileNode {
        size: 5 << 30,
        content: Content::Indirect { digest, pieces: 5_000, lists },
        sparse: false,
        link: None,
    };
    let chunks = vec![ChunkRef { id: id(3), len: 77 }];
    let directory = DirectoryNode { chunks, digest, files: 1, directories: 2, bytes: 3 };
    let xattrs = vec![Xattr { name: b"user.x".to_vec(), value: vec![0, 255] }];
    vec![
        Entry { name: name(b"directory"), meta: meta(0o755), node: Node::Directory(directory) },
        Entry { name: name(b"file"), meta: Meta { xattrs, ..meta(0o4644) }, node: Node::File(file) },
        Entry { name: name(b"link"), meta: meta(0o777), node: Node::Symlink { target: b"../file".to_vec() } },
        Entry { name: name(b"long \xff"), meta: meta(0o600), node: Node::File(long) },
    ]
}

#[test]
fn trees() {
    let entries = entries();
    let mut writer = DirectoryWriter::new();
    for entry in &entries {
        assert!(writer.push(entry).is_none());
    }
    let chunk = writer.finish().unwrap();
    let read: Result<Vec<Entry>, _> = DirectoryReader::new(&chunk, None).unwrap().collect();
    assert_eq!(read.unwrap(), entries);
    let pieces = [Piece::Zeros { len: 8 << 20 }, Piece::Chunk { id: ChunkId::new([6; 32]), len: 1_000_000 }];
    let list = encode_list(&pieces);
    assert_eq!(decode_list(&list).unwrap(), pieces);
    let each: Vec<Value> = entries
        .iter()
        .map(|entry| json!({ "name": hex::encode(entry.name.as_bytes()), "scale": hex::encode(entry.encode()) }))
        .collect();
    let file = json!({ "entries": each, "directoryChunk": hex::encode(&chunk), "listChunk": hex::encode(list) });
    pinned("data-tree.json", &file);
}

#[test]
fn content_roots() {
    let key = ContentKey::new(&[0x44; 32]);
    let pieces = [Piece::Chunk { id: ChunkId::new([1; 32]), len: 5 }, Piece::Zeros { len: 4 << 20 }];
    let file = |pieces: &[Piece]| {
        let mut digest = key.file();
        pieces.iter().for_each(|piece| digest.push(piece));
        digest.finish()
    };
    let (empty, two, link) = (file(&[]), file(&pieces), key.symlink(b"../target"));
    let mut directory = key.directory();
    for (name, digest) in [(&b"a"[..], &two), (b"b\xff", &link)] {
        directory.push(&Name::new(name.to_vec()).unwrap(), digest);
    }
    let file = json!({
        "contentKey": hex::encode([0x44; 32]),
        "emptyFile": empty.to_string(),
        "file": { "pieces": [{ "id": hex::encode([1; 32]), "len": 5 }, { "zeros": 4 << 20 }], "digest": two.to_string() },
        "symlink": { "target": hex::encode("../target"), "digest": link.to_string() },
        "emptyDirectory": key.directory().finish().to_string(),
        "directory": { "names": ["61", "62ff"], "digest": directory.finish().to_string() },
    });
    pinned("data-content-root.json", &file);
}

#[test]
fn manifests() {
    let owner = OwnerSecret::from_bytes(&[0x55; 32]).unwrap();
    let Node::Directory(root) = entries().remove(0).node else { panic!("the first entry is a directory") };
    let manifest = Manifest {
        vault: VaultId::new([0x66; 32]),
        seq: 12,
        taken_at: TimestampMs::new(1_700_000_000_000),
        meta: Meta { mode: 0o755, ..Meta::default() },
        root,
        stats: Stats { files: 1, directories: 2, bytes: 3, skipped: 4, errors: 5 },
        host: "here".to_owned(),
        user: "ann".to_owned(),
        paths: vec![b"/home/ann".to_vec()],
        tags: vec!["nightly".to_owned()],
        program: "strongroom 0.1.0".to_owned(),
    };
    let recipients = [owner.recipient(), owner.x_wing().recipient()];
    let mut rng = rng(4);
    rng.next_u32();
    let sealed = manifest.seal(&recipients, &mut rng).unwrap();
    let opened = Manifest::open(&sealed, &Identity::Owner(&owner), &manifest.vault, 12).unwrap();
    assert_eq!(opened, manifest);
    let file = json!({
        "ownerSecret": hex::encode(owner.expose()),
        "vault": manifest.vault.to_string(),
        "seq": 12,
        "plain": hex::encode((1u8, &manifest).encode()),
        "bytes": hex::encode(&sealed),
        "blake3": blake3::hash(&sealed).to_string(),
    });
    pinned("data-manifest.json", &file);
}
