//! Everything that is signed or stored in SCALE: what decodes encodes to the same bytes, so nothing has two encodings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parity_scale_codec::{Decode, Encode};
use primitives::ledger::{
    Applied, ObjectRecord, PackRecord, Refusal, SignedCommand, SnapshotRecord, VaultRecord, VaultTerms,
};
use primitives::{Certificate, Commitment, Header, PackHeader, ShardAck, ValidatorSet, decode_exact};

/// Longest input that is looked at.
const LIMIT: usize = 1 << 20;

fn one<T: Decode + Encode>(bytes: &[u8]) {
    if let Ok(value) = decode_exact::<T>("fuzzed", bytes, LIMIT) {
        assert_eq!(value.encode(), bytes, "two encodings of one {}", std::any::type_name::<T>());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 13 {
        0 => one::<Header>(bytes),
        1 => one::<Commitment>(bytes),
        2 => one::<Certificate>(bytes),
        3 => one::<ValidatorSet>(bytes),
        4 => one::<PackHeader>(bytes),
        5 => one::<ShardAck>(bytes),
        6 => one::<SignedCommand>(bytes),
        7 => one::<VaultTerms>(bytes),
        8 => one::<VaultRecord>(bytes),
        9 => one::<PackRecord>(bytes),
        10 => one::<ObjectRecord>(bytes),
        11 => one::<SnapshotRecord>(bytes),
        _ => one::<Result<Applied, Refusal>>(bytes),
    }
});
