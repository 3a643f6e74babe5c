//! A validator's address is its public key.

use std::fmt;

use malachite_core_types::Address;
use primitives::ValidatorKey;

/// A validator's place in a set: its Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SetAddress(pub ValidatorKey);

impl fmt::Display for SetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Address for SetAddress {}
