//! Typed reads of the state.

use merkle::log::Frontier;
use parity_scale_codec::DecodeAll as _;
use primitives::{Address, Hash32, ValidatorSet, VaultId};

use crate::ViewError;
use crate::state::{Account, ClusterState, CommitmentEntry, EquivocationEntry, StateKey, StateView, VaultState};

/// Reads and decodes one value.
pub(crate) fn read<T: parity_scale_codec::Decode, V: StateView + ?Sized>(
    view: &V,
    key: &StateKey,
) -> Result<Option<T>, ViewError> {
    view.get(&key.bytes())?.map(|bytes| decode(key, &bytes)).transpose()
}

/// Decodes a stored value; bytes of the state were checked when they were written, so a failure is corruption.
pub(crate) fn decode<T: parity_scale_codec::Decode>(key: &StateKey, bytes: &[u8]) -> Result<T, ViewError> {
    T::decode_all(&mut &*bytes)
        .map_err(|error| ViewError::Corrupt { key: format!("{key:?}"), reason: error.to_string() })
}

/// An account; zeros when it was never used.
///
/// # Errors
/// [`ViewError`] when the store fails.
pub fn account<V: StateView + ?Sized>(view: &V, address: &Address) -> Result<Account, ViewError> {
    Ok(read(view, &StateKey::Account(*address))?.unwrap_or_default())
}

/// A vault.
///
/// # Errors
/// [`ViewError`] when the store fails.
pub fn vault<V: StateView + ?Sized>(view: &V, vault: &VaultId) -> Result<Option<VaultState>, ViewError> {
    read(view, &StateKey::Vault(*vault))
}

/// One place of a vault's stream.
///
/// # Errors
/// [`ViewError`] when the store fails.
pub fn commitment_at<V: StateView + ?Sized>(
    view: &V,
    vault: &VaultId,
    seq: u64,
) -> Result<Option<CommitmentEntry>, ViewError> {
    read(view, &StateKey::Commitment(*vault, seq))
}

/// The equivocation recorded for one place of a vault's stream.
///
/// # Errors
/// [`ViewError`] when the store fails.
pub fn equivocation_at<V: StateView + ?Sized>(
    view: &V,
    vault: &VaultId,
    seq: u64,
) -> Result<Option<EquivocationEntry>, ViewError> {
    read(view, &StateKey::Equivocation(*vault, seq))
}

/// A root cluster.
///
/// # Errors
/// [`ViewError`] when the store fails.
pub fn cluster<V: StateView + ?Sized>(view: &V, cluster: &Hash32) -> Result<Option<ClusterState>, ViewError> {
    read(view, &StateKey::Cluster(*cluster))
}

/// The frontier of the snapshot log.
///
/// # Errors
/// [`ViewError`] when the store fails, or has no genesis.
pub fn frontier<V: StateView + ?Sized>(view: &V) -> Result<Frontier, ViewError> {
    read(view, &StateKey::SnapshotLog)?.ok_or_else(|| ViewError::absent(&StateKey::SnapshotLog))
}

/// The set that signs the next block.
///
/// # Errors
/// [`ViewError`] when the store fails, or has no genesis.
pub fn validators<V: StateView + ?Sized>(view: &V) -> Result<ValidatorSet, ViewError> {
    read(view, &StateKey::Validators)?.ok_or_else(|| ViewError::absent(&StateKey::Validators))
}
