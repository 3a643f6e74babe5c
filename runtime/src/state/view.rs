//! What the runtime needs of a store.

use std::collections::BTreeMap;

use crate::ViewError;

/// Reads of the state as it was after some block. The runtime asks for nothing else.
pub trait StateView {
    /// The value at a key; `None` when there is none.
    ///
    /// # Errors
    /// [`ViewError`] when the store fails; never for an absent key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;
}

/// A state in memory, for tests and tools.
impl StateView for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(Self::get(self, key).cloned())
    }
}

impl<V: StateView + ?Sized> StateView for &V {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        (**self).get(key)
    }
}
