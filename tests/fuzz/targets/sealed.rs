//! Sealed bytes that a holder may have changed: frames, footers, envelopes, manifests. None opens, none panics.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parity_scale_codec::Decode;
use primitives::{ChunkId, VaultId};
use seal::frame::{FrameKeys, FrameOpener};
use seal::manifest::Manifest;
use seal::pack::{FooterKeys, PackFooter};
use seal::{Identity, OwnerSecret, SealedEnvelope};

static OWNER: LazyLock<OwnerSecret> = LazyLock::new(|| OwnerSecret::from_bytes(&[7; 32]).expect("a scalar"));

fuzz_target!(|bytes: &[u8]| {
    let mut opener = FrameOpener::new(FrameKeys::new(&[1; 32])).expect("the decompressor starts");
    assert!(opener.open(&ChunkId::new([2; 32]), bytes, &mut [0; 4096]).is_err());
    let _ = PackFooter::open(&FooterKeys::new(&[3; 32]), bytes.len(), bytes);
    if let Ok(envelope) = SealedEnvelope::decode(&mut &bytes[..]) {
        assert!(envelope.open(&Identity::Owner(&OWNER), b"fuzz").is_err());
    }
    assert!(Manifest::open(bytes, &Identity::Owner(&OWNER), &VaultId::new([4; 32]), 1).is_err());
});
