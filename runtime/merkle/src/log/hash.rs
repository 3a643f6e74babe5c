//! The log's hashes.

use primitives::LogHash;
use sha2_11::block_api::compress256;
use sha2_11::{Digest, Sha256};

/// Hash of leaf data: `SHA-256(0x00 | data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> LogHash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    LogHash::new(hasher.finalize().into())
}

/// SHA-256's initial state (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The 65 bytes `0x01 | left | right` padded to two blocks, with zeros where the children go (FIPS 180-4, 5.1.1).
const PADDED: [u8; 128] = {
    let mut bytes = [0; 128];
    bytes[0] = 1;
    bytes[65] = 0x80;
    // Length in bits, 65 * 8 = 520 = 0x208, big endian in the last eight bytes.
    bytes[126] = 0x02;
    bytes[127] = 0x08;
    bytes
};

/// Hash of two children: `SHA-256(0x01 | left | right)`.
///
/// Proofs are made of nothing else, so the two blocks are laid out by hand instead of going through a buffered hasher.
#[must_use]
#[inline]
pub fn node_hash(left: &LogHash, right: &LogHash) -> LogHash {
    let mut bytes = PADDED;
    let (_, children) = bytes.split_at_mut(1);
    let (first, rest) = children.split_at_mut(32);
    let (second, _) = rest.split_at_mut(32);
    first.copy_from_slice(left.as_bytes());
    second.copy_from_slice(right.as_bytes());
    let mut state = INITIAL;
    compress256(&mut state, bytes.as_chunks().0);
    let mut hash = [0; 32];
    for (target, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *target = word.to_be_bytes();
    }
    LogHash::new(hash)
}

/// Root of the log without leaves: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> LogHash {
    LogHash::new(Sha256::digest([]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_node_is_the_plain_hash_of_its_65_bytes(left: [u8; 32], right: [u8; 32]) {
            let plain = Sha256::digest([&[1][..], &left, &right].concat());
            let node = node_hash(&LogHash::new(left), &LogHash::new(right));
            prop_assert_eq!(node.as_bytes().as_slice(), plain.as_slice());
        }
    }
}
