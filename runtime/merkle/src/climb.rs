//! The shape that every list-like tree here has: levels of ⌈n/2⌉ nodes, a last node without a sibling moves up as it
//! is. For RFC 6962 this gives the same tree as its recursive definition.

/// Which side of the path's node the sibling stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// One sibling that a path from a node to the root needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Level of the sibling; leaves are level 0.
    pub(crate) level: u8,
    /// Index of the sibling in its level.
    pub(crate) sibling: u64,
    pub(crate) side: Side,
}

/// The way from a node to the root, one [`Step`] per sibling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climb {
    level: u8,
    index: u64,
    /// Index of the last node of the present level.
    last: u64,
}

impl Climb {
    /// From leaf `index` of `count` leaves; `None` when there is no such leaf.
    pub(crate) fn from_leaf(index: u64, count: u64) -> Option<Self> {
        if index < count { Some(Self { level: 0, index, last: count.saturating_sub(1) }) } else { None }
    }

    /// From node `index` of `level`, whose last node is `last`.
    pub(crate) fn from_node(level: u8, index: u64, last: u64) -> Self {
        Self { level, index, last }
    }

    /// Level, index of the node that the path has reached.
    pub(crate) fn position(&self) -> (u8, u64) {
        (self.level, self.index)
    }
}

impl Iterator for Climb {
    type Item = Step;

    #[inline]
    fn next(&mut self) -> Option<Step> {
        while self.last != 0 {
            let (level, index, last) = (self.level, self.index, self.last);
            self.level = level.saturating_add(1);
            self.index >>= 1;
            self.last >>= 1;
            if index & 1 == 1 {
                return Some(Step { level, sibling: index ^ 1, side: Side::Left });
            }
            if index < last {
                return Some(Step { level, sibling: index ^ 1, side: Side::Right });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_leaves_have_the_paths_of_rfc_6962() {
        // RFC 6962 2.1.3: with seven leaves d0..d6 the path of d0 is [b, h, l], of d3 [c, g, l], of d4 [f, j, k], of d6 [i, k].
        let path = |index| Climb::from_leaf(index, 7).unwrap().map(|s| (s.level, s.sibling)).collect::<Vec<_>>();
        assert_eq!(path(0), [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(path(3), [(0, 2), (1, 0), (2, 1)]);
        assert_eq!(path(4), [(0, 5), (1, 3), (2, 0)]);
        assert_eq!(path(6), [(1, 2), (2, 0)]);
        assert!(Climb::from_leaf(7, 7).is_none());
        assert!(Climb::from_leaf(0, 0).is_none());
        assert_eq!(Climb::from_leaf(0, 1).unwrap().count(), 0);
        assert_eq!(Climb::from_leaf(u64::MAX - 1, u64::MAX).unwrap().count(), 63);
    }
}
