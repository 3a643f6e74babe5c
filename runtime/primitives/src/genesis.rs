//! The network's identity.

use crate::{Domain, NetworkId, hash_parts};

/// The network id: BLAKE3 (domain `genesis`) of the genesis description's canonical bytes (`chain-spec` makes them).
#[must_use]
pub fn network_id(genesis_bytes: &[u8]) -> NetworkId {
    hash_parts(Domain::Genesis, &[genesis_bytes]).into()
}
