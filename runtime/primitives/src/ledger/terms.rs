//! What an owner and a root member sign for the chain.

use parity_scale_codec::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Address, CommitmentHash, Domain, Hash32, NetworkId, Policy, VaultId, hash_parts};

/// What an owner agrees to when a vault is opened; the chain checks the owner's signature over it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultTerms {
    /// Who owns the vault.
    pub owner: Address,
    /// Salt of the vault id: 32 bytes that the owner derives from the vault's name and its secret.
    pub salt: Hash32,
    /// The root cluster that may commit for the owner.
    pub cluster: Hash32,
    /// Durability policy of data packs.
    pub policy: Policy,
    /// Each snapshot is locked for this long after it was taken, milliseconds; 0 = no lock.
    pub retention_ms: u64,
    /// Accounts that may write for the owner.
    pub delegates: Vec<Address>,
}

impl VaultTerms {
    /// The vault's id.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        VaultId::derive(self.owner, &self.salt)
    }

    /// What the owner signs (domain `owner consent`): network and these terms in SCALE.
    #[must_use]
    pub fn consent_hash(&self, network: &NetworkId) -> Hash32 {
        hash_parts(Domain::OwnerConsent, &[&(network, self).encode()])
    }
}

/// What a root member signs so that the chain accepts its cluster's commitments (domain `attestation`):
/// network, cluster, epoch and the commitments' hashes, in order, in SCALE.
#[must_use]
pub fn attestation_hash(network: &NetworkId, cluster: &Hash32, epoch: u64, commitments: &[CommitmentHash]) -> Hash32 {
    hash_parts(Domain::Attestation, &[&(network, cluster, epoch, commitments).encode()])
}
