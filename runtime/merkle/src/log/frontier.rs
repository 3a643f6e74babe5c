//! What is needed to append to the log and to know its root.

use parity_scale_codec::{Decode, Encode, Input};
use primitives::LogHash;

use super::{empty_root, node_hash, stored_index};

/// The roots of the log's complete subtrees, largest first: one per set bit of the size.
///
/// SCALE: `size u64 | hashes Vec<32 bytes>`; decoding checks that there is one hash per set bit of the size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct Frontier {
    size: u64,
    hashes: Vec<LogHash>,
}

impl Frontier {
    /// The frontier of the empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// Leaves in the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the log.
    #[must_use]
    pub fn root(&self) -> LogHash {
        self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Appends a leaf and returns the nodes that this completes, with their places in the post-order array. The first
    /// is the leaf; their places are consecutive and follow those of the push before.
    pub fn push(&mut self, leaf: LogHash) -> Vec<(u64, LogHash)> {
        let (mut level, mut index, mut hash) = (0u8, self.size, leaf);
        let mut nodes = vec![(stored_index(0, index), hash)];
        while index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            index >>= 1;
            level = level.saturating_add(1);
            nodes.push((stored_index(level, index), hash));
        }
        self.hashes.push(hash);
        self.size = self.size.checked_add(1).expect("no log reaches 2^64 leaves");
        nodes
    }
}

impl Decode for Frontier {
    fn decode<I: Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        let (size, hashes) = <(u64, Vec<LogHash>)>::decode(input)?;
        if u32::try_from(hashes.len()).ok() != Some(size.count_ones()) {
            return Err("a frontier has one hash per set bit of its size".into());
        }
        Ok(Self { size, hashes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf_hash;
    use super::*;

    #[test]
    fn it_round_trips_and_refuses_another_number_of_hashes() {
        let mut frontier = Frontier::new();
        for leaf in 0u64..300 {
            assert_eq!(Frontier::decode(&mut &frontier.encode()[..]).unwrap(), frontier);
            frontier.push(leaf_hash(&leaf.to_le_bytes()));
        }
        let hash = LogHash::ZERO;
        for (size, hashes) in [(0u64, vec![hash]), (3, vec![hash]), (4, vec![hash, hash]), (1, vec![])] {
            assert!(Frontier::decode(&mut &(size, hashes).encode()[..]).is_err());
        }
    }

    #[test]
    fn pushed_nodes_follow_one_another() {
        let mut frontier = Frontier::new();
        let mut next = 0;
        for leaf in 0u64..1000 {
            for (index, _) in frontier.push(leaf_hash(&leaf.to_le_bytes())) {
                assert_eq!(index, next);
                next += 1;
            }
            assert_eq!(next, super::super::stored_count(frontier.size()));
        }
    }
}
