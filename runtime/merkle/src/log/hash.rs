//! The log's hashes.

use primitives::LogHash;
use sha2::{Digest, Sha256};

/// Hash of leaf data: `SHA-256(0x00 | data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> LogHash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    LogHash::new(hasher.finalize().into())
}

/// Hash of two children: `SHA-256(0x01 | left | right)`.
#[must_use]
#[inline]
pub fn node_hash(left: &LogHash, right: &LogHash) -> LogHash {
    let mut block = [1u8; 65];
    for (target, source) in block.iter_mut().skip(1).zip(left.as_bytes().iter().chain(right.as_bytes())) {
        *target = *source;
    }
    LogHash::new(Sha256::digest(block).into())
}

/// Root of the log without leaves: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> LogHash {
    LogHash::new(Sha256::digest([]).into())
}
