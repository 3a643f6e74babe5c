//! Keys of the tree and of its stored nodes.

use jmt::KeyHash;
use jmt::storage::{NibblePath, NodeKey};
use primitives::{Domain, Hash32, hash_parts};

/// Where a state key stands in the tree: BLAKE3 (domain `state key`) of the key's bytes.
#[must_use]
pub fn key_hash(key: &[u8]) -> Hash32 {
    hash_parts(Domain::StateKey, &[key])
}

/// The same as `jmt`'s type.
pub(super) fn jmt_key(key: &[u8]) -> KeyHash {
    KeyHash(key_hash(key).into())
}

/// The key of a version's root node.
pub(super) fn root_key(version: u64) -> NodeKey {
    NodeKey::new(version, std::iter::empty().collect::<NibblePath>())
}

/// The bytes under which a node is stored: `version u64 BE | nibbles u8 | nibbles, two to a byte, high first`.
pub(super) fn node_key_bytes(key: &NodeKey) -> Vec<u8> {
    let path = key.nibble_path();
    let mut bytes = Vec::with_capacity(41);
    bytes.extend_from_slice(&key.version().to_be_bytes());
    bytes.push(u8::try_from(path.num_nibbles()).expect("a path has at most 64 nibbles"));
    let mut high = None;
    for nibble in path.nibbles() {
        let nibble = u8::from(nibble);
        match high.take() {
            None => high = Some(nibble << 4),
            Some(high) => bytes.push(high | nibble),
        }
    }
    bytes.extend(high);
    bytes
}
