//! Heights as the engine counts them; the first that it decides is 1.

use std::fmt;

use malachite_core_types::Height as EngineHeight;
use primitives::Height;

/// A block's height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BftHeight(pub Height);

impl BftHeight {
    /// Wraps a bare number.
    pub(crate) const fn new(height: u64) -> Self {
        Self(Height::new(height))
    }
}

impl fmt::Display for BftHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl EngineHeight for BftHeight {
    const ZERO: Self = Self::new(0);
    const INITIAL: Self = Self::new(1);

    fn increment_by(&self, n: u64) -> Self {
        Self::new(self.0.get().saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.get().checked_sub(n).map(Self::new)
    }

    fn as_u64(&self) -> u64 {
        self.0.get()
    }
}
