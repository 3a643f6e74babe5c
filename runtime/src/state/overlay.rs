//! A view of the state with a block's changes, and a transaction's changes on top of them.

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode};

use crate::ViewError;
use crate::state::{StateKey, StateView, query};

type Layer = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Three layers: the view (read once per key), what this block changed, what the running transaction changed.
pub(crate) struct Overlay<'v> {
    view: &'v dyn StateView,
    base: Layer,
    block: Layer,
    transaction: Layer,
}

impl<'v> Overlay<'v> {
    pub(crate) fn new(view: &'v dyn StateView) -> Self {
        Self { view, base: Layer::new(), block: Layer::new(), transaction: Layer::new() }
    }

    /// Writes into the running transaction.
    pub(crate) fn put<T: Encode>(&mut self, key: &StateKey, value: &T) {
        self.transaction.insert(key.bytes(), Some(value.encode()));
    }

    /// Keeps what the running transaction wrote.
    pub(crate) fn keep(&mut self) {
        self.block.append(&mut self.transaction);
    }

    /// Forgets what the running transaction wrote.
    pub(crate) fn discard(&mut self) {
        self.transaction.clear();
    }

    /// Reads through the layers.
    pub(crate) fn read<T: Decode>(&mut self, key: &StateKey) -> Result<Option<T>, ViewError> {
        let bytes = key.bytes();
        let found = match self.transaction.get(&bytes).or_else(|| self.block.get(&bytes)) {
            Some(value) => value.as_deref(),
            None => {
                if !self.base.contains_key(&bytes) {
                    let value = self.view.get(&bytes)?;
                    self.base.insert(bytes.clone(), value);
                }
                self.base.get(&bytes).and_then(Option::as_deref)
            }
        };
        found.map(|bytes| query::decode(key, bytes)).transpose()
    }

    /// What the block changed. A key that was read and ends with the value it had is left out: the state tree would
    /// make new nodes for it.
    pub(crate) fn into_changes(self) -> Layer {
        let Self { base, mut block, .. } = self;
        block.retain(|key, value| base.get(key).is_none_or(|before| before != value));
        block
    }
}
