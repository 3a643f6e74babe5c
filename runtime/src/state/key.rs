//! Keys of the state.

use parity_scale_codec::{Decode, Encode};
use primitives::{Address, CodecError, Hash32, VaultId, decode_exact};

/// A place in the state. Bytes: one tag byte, then the fields; numbers big endian, so that keys of one stream are
/// next to each other and in order (`docs/spec/state.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKey {
    /// `01 | address 20` → [`crate::Account`]
    Account(Address),
    /// `10 | vault 32` → [`crate::VaultState`]
    Vault(VaultId),
    /// `11 | vault 32 | seq u64 BE` → [`crate::CommitmentEntry`]
    Commitment(VaultId, u64),
    /// `12 | vault 32 | seq u64 BE` → [`crate::EquivocationEntry`]
    Equivocation(VaultId, u64),
    /// `20 | cluster 32` → [`crate::ClusterState`]
    Cluster(Hash32),
    /// `30` → [`merkle::log::Frontier`] of the snapshot log
    SnapshotLog,
    /// `40` → [`primitives::ValidatorSet`] that signs the next block
    Validators,
}

/// Bytes that are no state key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a state key: {reason}")]
pub struct StateKeyError {
    reason: String,
}

impl From<CodecError> for StateKeyError {
    fn from(error: CodecError) -> Self {
        Self { reason: error.to_string() }
    }
}

impl StateKey {
    /// The key's bytes, at most 41.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Account(address) => (0x01u8, address).encode(),
            Self::Vault(vault) => (0x10u8, vault).encode(),
            Self::Commitment(vault, seq) => (0x11u8, vault, seq.to_be_bytes()).encode(),
            Self::Equivocation(vault, seq) => (0x12u8, vault, seq.to_be_bytes()).encode(),
            Self::Cluster(cluster) => (0x20u8, cluster).encode(),
            Self::SnapshotLog => vec![0x30],
            Self::Validators => vec![0x40],
        }
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// An unknown tag, or fields of another length.
    pub fn parse(bytes: &[u8]) -> Result<Self, StateKeyError> {
        fn fields<T: Decode>(bytes: &[u8]) -> Result<T, StateKeyError> {
            Ok(decode_exact("state key", bytes, 40)?)
        }
        let stream = |rest| fields::<(VaultId, [u8; 8])>(rest).map(|(vault, seq)| (vault, u64::from_be_bytes(seq)));
        match bytes {
            [0x01, rest @ ..] => fields(rest).map(Self::Account),
            [0x10, rest @ ..] => fields(rest).map(Self::Vault),
            [0x11, rest @ ..] => stream(rest).map(|(vault, seq)| Self::Commitment(vault, seq)),
            [0x12, rest @ ..] => stream(rest).map(|(vault, seq)| Self::Equivocation(vault, seq)),
            [0x20, rest @ ..] => fields(rest).map(Self::Cluster),
            [0x30] => Ok(Self::SnapshotLog),
            [0x40] => Ok(Self::Validators),
            _ => Err(StateKeyError { reason: "unknown tag or length".to_owned() }),
        }
    }
}

#[cfg(test)]
#[path = "key_test.rs"]
mod tests;
