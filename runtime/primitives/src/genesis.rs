//! The network's identity, and what it binds.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{ChainId, Domain, Hash32, NetworkId, TimestampMs, ValidatorsHash, hash_parts};

/// The only genesis version there is.
pub const GENESIS_VERSION: u8 = 1;

/// What a network id is the hash of: enough for a stranger who trusts nothing but the id to check the first
/// validator set, the chain id and the name, without the allocations and clusters (they are behind [`Self::state`]).
///
/// SCALE, fields in this order, integers little endian (`docs/spec/header.md`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Genesis {
    /// Format version, [`GENESIS_VERSION`].
    pub version: u8,
    /// The network's name, 1 to [`Self::NAME_MAX`] bytes of UTF-8.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: ChainId,
    /// Time of the genesis block.
    pub timestamp: TimestampMs,
    /// Hash of the set that signs height 1.
    pub validators: ValidatorsHash,
    /// Hash of the network parameters at genesis.
    pub params: Hash32,
    /// Hash (domain `genesis state`) of the canonical description of the initial state: allocations and clusters.
    /// `chain-spec` makes those bytes.
    pub state: Hash32,
}

impl Genesis {
    /// Longest name, bytes.
    pub const NAME_MAX: usize = 64;

    /// The network id: BLAKE3 (domain `genesis`) of the SCALE bytes.
    #[must_use]
    pub fn network(&self) -> NetworkId {
        hash_parts(Domain::Genesis, &[&self.encode()]).into()
    }

    /// The value of [`Self::state`] for these canonical bytes.
    #[must_use]
    pub fn state_hash(description: &[u8]) -> Hash32 {
        hash_parts(Domain::GenesisState, &[description])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_moves_the_network_id() {
        let genesis = Genesis {
            version: GENESIS_VERSION,
            name: "dev".to_owned(),
            chain_id: ChainId::new(1),
            timestamp: TimestampMs::new(2),
            validators: ValidatorsHash::ZERO,
            params: Hash32::ZERO,
            state: Genesis::state_hash(b"allocations"),
        };
        let id = genesis.network();
        let others = [
            Genesis { version: 2, ..genesis.clone() },
            Genesis { name: "dew".to_owned(), ..genesis.clone() },
            Genesis { chain_id: ChainId::new(2), ..genesis.clone() },
            Genesis { timestamp: TimestampMs::new(3), ..genesis.clone() },
            Genesis { validators: ValidatorsHash::new([1; 32]), ..genesis.clone() },
            Genesis { params: Hash32::new([1; 32]), ..genesis.clone() },
            Genesis { state: Genesis::state_hash(b"other allocations"), ..genesis },
        ];
        for other in others {
            assert_ne!(other.network(), id, "{other:?}");
        }
    }
}
