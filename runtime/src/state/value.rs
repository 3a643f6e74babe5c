//! Values of the state; each is stored as its SCALE bytes.

use parity_scale_codec::{Decode, Encode};
use primitives::ledger::VaultTerms;
use primitives::{Address, CommitmentHash, Hash32, Height, MemberKey};

/// An account. One that was never used has no entry and reads as zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    /// Nonce of its next transaction.
    pub nonce: u64,
    /// Wei.
    pub balance: u128,
}

/// A vault.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VaultState {
    /// The terms it was opened with; they never change.
    pub terms: VaultTerms,
    /// The cluster that may commit now; zero = none.
    pub cluster: Hash32,
    /// Accounts that may commit for the owner now.
    pub delegates: Vec<Address>,
    /// Height of the block that registered it.
    pub registered_at: Height,
    /// Sequence number of its last commitment; 0 = none.
    pub head_seq: u64,
    /// Hash of its last commitment; zero = none.
    pub head: CommitmentHash,
}

impl VaultState {
    /// Whether an account may commit: the owner or a delegate.
    #[must_use]
    pub fn is_committer(&self, account: &Address) -> bool {
        self.terms.owner == *account || self.delegates.contains(account)
    }
}

/// One place of a vault's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommitmentEntry {
    /// Hash of the commitment.
    pub hash: CommitmentHash,
    /// Index of its leaf in the snapshot log, from 0.
    pub leaf_index: u64,
    /// Height of the block that recorded it.
    pub height: Height,
}

/// That a second commitment was signed for a place that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EquivocationEntry {
    /// Hash of the first conflicting commitment.
    pub conflicting: CommitmentHash,
    /// Height of the block that recorded it.
    pub height: Height,
}

/// A root cluster.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ClusterState {
    /// Number of the present epoch.
    pub epoch: u64,
    /// Ed25519 public keys of the members, ascending.
    pub members: Vec<MemberKey>,
    /// Members that must attest.
    pub threshold: u32,
    /// The account that pays for its transactions.
    pub operator: Address,
    /// Height of the block that began this epoch.
    pub since: Height,
}
