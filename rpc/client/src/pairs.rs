//! Goes through two lists that ascend by name side by side.

use std::cmp::Ordering;

use itertools::{Itertools, MergeJoinBy};

/// What is in the left list, in the right one, or under the same name in both.
pub(crate) type Pairs<L, R> = MergeJoinBy<std::vec::IntoIter<L>, std::vec::IntoIter<R>, fn(&L, &R) -> Ordering>;

/// Puts two lists side by side; both must ascend in the order of `compare`.
pub(crate) fn pairs<L, R>(left: Vec<L>, right: Vec<R>, compare: fn(&L, &R) -> Ordering) -> Pairs<L, R> {
    left.into_iter().merge_join_by(right, compare)
}
