//! The state in the store: latest values flat, and the tree's nodes for roots and proofs.

use merkle::state::{StateError, StateNodes, StateProof};
use primitives::{Hash32, Height};
use runtime::{StateView, ViewError};
use store::{Store, schema};

use super::Chain;
use crate::error::ChainError;

/// The state after the last final block.
#[derive(Clone, Debug)]
pub struct State {
    store: Store,
}

impl State {
    pub(super) const fn new(store: Store) -> Self {
        Self { store }
    }
}

impl StateView for State {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let raw = self.store.get::<schema::StateLatest>(&key.to_vec()).map_err(ViewError::unavailable)?;
        Ok(raw.map(|raw| raw.0))
    }
}

impl StateNodes for State {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let raw = self.store.get::<schema::StateNodes>(&key.to_vec()).map_err(StateError::read)?;
        Ok(raw.map(|raw| raw.0))
    }

    fn value(&self, key_hash: &Hash32, max_version: u64) -> Result<Option<Vec<u8>>, StateError> {
        let newest = self.store.floor::<schema::StateValues>(&(*key_hash, max_version)).map_err(StateError::read)?;
        Ok(newest.filter(|((found, _), _)| found == key_hash).and_then(|(_, value)| value))
    }
}

impl From<StateError> for ChainError {
    fn from(error: StateError) -> Self {
        Self::State { reason: error.to_string() }
    }
}

impl Chain {
    /// A state value at a height, and the proof of it (or of its absence) under that header's state root.
    ///
    /// # Errors
    /// [`ChainError::State`] when that height's state does not exist or is pruned.
    pub fn state_proof(&self, height: Height, key: &[u8]) -> Result<(Option<Vec<u8>>, StateProof), ChainError> {
        Ok(merkle::state::prove(&self.state(), height.get(), key)?)
    }
}
