//! Verifying parts of a shard: hashes of its 16 KiB groups, proven once against its id.

use primitives::ShardId;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Bytes of a group: 16 BLAKE3 chunks.
pub(crate) const GROUP: u64 = 16 * 1024;

/// The chaining values of all groups of one shard, known to belong to its id. A range is then verified by hashing its
/// groups and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupHashes {
    len: u64,
    values: Vec<ChainingValue>,
}

impl GroupHashes {
    /// Reads a bao outboard (pairs of child hashes in pre-order) and checks every pair against its parent, the first
    /// against the shard's id. `None` when it does not belong to the shard, or the shard has only one group.
    pub(crate) fn from_outboard(shard: &ShardId, len: u64, outboard: &[u8]) -> Option<Self> {
        let groups = len.div_ceil(GROUP);
        if groups < 2 || u64::try_from(outboard.len()).ok()? != (groups - 1) * 64 {
            return None;
        }
        let mut values = Vec::with_capacity(usize::try_from(groups).ok()?);
        let mut rest = outboard;
        let (left, right) = pair(&mut rest)?;
        if merge_subtrees_root(&left, &right, Mode::Hash).as_bytes() != shard.as_bytes() {
            return None;
        }
        let half = left_groups(groups);
        descend(&mut rest, half, left, &mut values)?;
        descend(&mut rest, groups - half, right, &mut values)?;
        rest.is_empty().then_some(Self { len, values })
    }

    /// Whether `bytes` are the groups from `first` on, all of them whole but for the shard's last.
    pub(crate) fn verify(&self, first: u64, bytes: &[u8]) -> bool {
        let Ok(group_bytes) = usize::try_from(GROUP) else { return false };
        (first..).zip(bytes.chunks(group_bytes)).all(|(group, bytes)| {
            let expected_len = GROUP.min(self.len.saturating_sub(group.saturating_mul(GROUP)));
            let expected = usize::try_from(group).ok().and_then(|at| self.values.get(at));
            u64::try_from(bytes.len()) == Ok(expected_len) && expected == Some(&group_value(group, bytes))
        })
    }

    /// Memory that it takes, bytes.
    pub(crate) const fn weight(&self) -> usize {
        self.values.len().saturating_mul(32).saturating_add(128)
    }
}

/// The chaining value of one group.
fn group_value(group: u64, bytes: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(group.saturating_mul(GROUP));
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// Checks the subtree of `groups` groups whose value is `expected`, and collects the values of its groups.
fn descend(rest: &mut &[u8], groups: u64, expected: ChainingValue, values: &mut Vec<ChainingValue>) -> Option<()> {
    if groups == 1 {
        values.push(expected);
        return Some(());
    }
    let (left, right) = pair(rest)?;
    if merge_subtrees_non_root(&left, &right, Mode::Hash) != expected {
        return None;
    }
    let half = left_groups(groups);
    descend(rest, half, left, values)?;
    descend(rest, groups - half, right, values)
}

/// Groups of the left subtree: the greatest power of two below `groups`.
const fn left_groups(groups: u64) -> u64 {
    groups.next_power_of_two() / 2
}

fn pair(rest: &mut &[u8]) -> Option<(ChainingValue, ChainingValue)> {
    let (left, tail) = rest.split_first_chunk()?;
    let (right, tail) = tail.split_first_chunk()?;
    *rest = tail;
    Some((*left, *right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shard(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
    }

    fn hashes(bytes: &[u8]) -> Option<GroupHashes> {
        let (id, outboard) = coding::range::outboard(bytes);
        GroupHashes::from_outboard(&id, u64::try_from(bytes.len()).unwrap(), &outboard)
    }

    #[test]
    fn every_group_count_verifies_and_no_single_changed_byte_does() {
        for len in [16_385, 32_768, 32_832, 49_152, 50_000, 81_920, 131_072, 131_136, 1_000_000] {
            let mut bytes = shard(len);
            let hashes = hashes(&bytes).unwrap();
            assert!(hashes.verify(0, &bytes), "{len}");
            assert!(hashes.verify(1, &bytes[16_384..]), "{len}");
            assert!(!hashes.verify(0, &bytes[16_384..]), "{len}: shifted by a group");
            // A cut inside a group; at its end a shorter range is left, which is right.
            assert!(!hashes.verify(0, &bytes[..len - 1]) || (len - 1) % 16_384 == 0, "{len}: cut");
            for at in [0, 16_383, 16_384, len - 1] {
                bytes[at] ^= 1;
                assert!(!hashes.verify(0, &bytes), "{len}: flipped at {at}");
                bytes[at] ^= 1;
            }
        }
    }

    #[test]
    fn one_group_has_no_outboard() {
        assert_eq!(hashes(&shard(16_384)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_changed_outboard_or_length_is_refused(len in 16_385usize..400_000, at: prop::sample::Index, bit in 0u8..8) {
            let bytes = shard(len);
            let (id, mut outboard) = coding::range::outboard(&bytes);
            let len = u64::try_from(len).unwrap();
            prop_assert!(GroupHashes::from_outboard(&id, len + GROUP, &outboard).is_none());
            let at = at.index(outboard.len());
            outboard[at] ^= 1 << bit;
            prop_assert!(GroupHashes::from_outboard(&id, len, &outboard).is_none());
        }
    }
}
