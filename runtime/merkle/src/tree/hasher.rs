//! The hasher that `rs_merkle` builds our trees with.

use std::sync::LazyLock;

use primitives::{Domain, Hash32, TreeRoot};
use rs_merkle::Hasher;

static LEAF: LazyLock<[u8; 32]> = LazyLock::new(|| Domain::TreeLeaf.key());
static NODE: LazyLock<[u8; 32]> = LazyLock::new(|| Domain::TreeNode.key());
static ROOT: LazyLock<[u8; 32]> = LazyLock::new(|| Domain::TreeRoot.key());

/// `hash` is a leaf, `concat_and_hash` a node.
#[derive(Clone, Debug)]
pub(super) struct TreeHasher;

impl Hasher for TreeHasher {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&LEAF, data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| {
            let mut hasher = blake3::Hasher::new_keyed(&NODE);
            hasher.update(left);
            hasher.update(right);
            *hasher.finalize().as_bytes()
        })
    }
}

/// The root over the top node: binds the count.
pub(super) fn bind_count(count: u64, top: &[u8; 32]) -> TreeRoot {
    let mut hasher = blake3::Hasher::new_keyed(&ROOT);
    hasher.update(&count.to_le_bytes());
    hasher.update(top);
    Hash32::new(*hasher.finalize().as_bytes()).into()
}
