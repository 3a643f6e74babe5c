//! When a volume is full: marks with a gap between closing and opening again.

use store::Space;

use crate::ReplicaConfig;

/// Per mille below a mark at which a closed volume opens again.
const GAP: u64 = 30;

/// What a volume above a mark still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fill {
    /// New shards and repaired ones.
    Open,
    /// Repaired shards only.
    RepairOnly,
    /// Nothing.
    Closed,
}

/// Why a shard is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A client's put.
    Write,
    /// A repair.
    Repair,
}

impl Fill {
    /// Rule F1: the state after looking at the disk with `more` bytes about to be written.
    pub(crate) fn next(self, space: Space, more: u64, config: &ReplicaConfig) -> Self {
        let used = space.total.saturating_sub(space.free).saturating_add(more);
        let permille = u128::from(used) * 1000 / u128::from(space.total.max(1));
        let above = |mark: u16, closed: bool| {
            let gap = if closed { GAP } else { 0 };
            permille >= u128::from(u64::from(mark).saturating_sub(gap))
        };
        if space.free < more || above(config.repair_full_permille, self == Self::Closed) {
            Self::Closed
        } else if above(config.full_permille, self >= Self::RepairOnly) {
            Self::RepairOnly
        } else {
            Self::Open
        }
    }

    /// Whether a volume in this state takes a shard.
    pub(crate) fn admits(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Write => self == Self::Open,
            Purpose::Repair => self <= Self::RepairOnly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_close_a_volume_and_a_gap_keeps_it_from_flapping() {
        let config = ReplicaConfig::default();
        let space = |permille: u64| Space { free: 1000 - permille, total: 1000 };
        let mut fill = Fill::Open;
        for (used, more, expected) in [
            (0, 0, Fill::Open),
            (949, 0, Fill::Open),
            (949, 1, Fill::RepairOnly),
            (921, 0, Fill::RepairOnly),
            (919, 0, Fill::Open),
            (969, 1, Fill::Closed),
            (941, 0, Fill::Closed),
            (939, 0, Fill::RepairOnly),
            (921, 0, Fill::RepairOnly),
            (900, 200, Fill::Closed),
            (900, 0, Fill::Open),
        ] {
            fill = fill.next(space(used), more, &config);
            assert_eq!(fill, expected, "{used} + {more}");
        }
        assert!(!Fill::RepairOnly.admits(Purpose::Write) && Fill::RepairOnly.admits(Purpose::Repair));
        assert!(!Fill::Closed.admits(Purpose::Repair));
    }
}
