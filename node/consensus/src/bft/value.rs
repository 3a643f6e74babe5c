//! What validators agree on: the hash of a block's header.

use malachite_core_types::Value;
use primitives::BlockHash;

/// A block, named by its hash. The engine needs no more, and its log keeps no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockValue(pub BlockHash);

impl Value for BlockValue {
    type Id = BlockHash;

    fn id(&self) -> BlockHash {
        self.0
    }
}
