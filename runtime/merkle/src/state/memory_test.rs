//! Stored nodes in memory, for tests.

use std::collections::BTreeMap;
use std::sync::Mutex;

use primitives::Hash32;

use super::{StateError, StateNodes, StateUpdate, apply, root};

pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Nodes in memory, with a switch that makes one of them unreadable.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) nodes: BTreeMap<Vec<u8>, Vec<u8>>,
    values: BTreeMap<(Hash32, u64), Option<Vec<u8>>>,
    stale: Vec<(u64, Vec<u8>)>,
    pub(crate) broken: Mutex<Option<Vec<u8>>>,
}

impl StateNodes for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        if self.broken.lock().unwrap().as_deref() == Some(key) {
            return Err(StateError::read("the disk is on fire"));
        }
        Ok(self.nodes.get(key).cloned())
    }

    fn value(&self, key_hash: &Hash32, max_version: u64) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self
            .values
            .range((*key_hash, 0)..=(*key_hash, max_version))
            .next_back()
            .and_then(|(_, value)| value.clone()))
    }
}

impl Memory {
    pub(crate) fn write(&mut self, version: u64, changes: &Changes) -> StateUpdate {
        let update = apply(self, version, changes).unwrap();
        self.nodes.extend(update.nodes.iter().cloned());
        self.values.extend(update.values.iter().map(|(key, value)| ((*key, version), value.clone())));
        self.stale.extend(update.stale.iter().cloned());
        assert_eq!(root(self, version).unwrap(), Some(update.root));
        update
    }

    pub(crate) fn prune(&mut self, keep: u64) {
        for (_, key) in self.stale.iter().filter(|(since, _)| *since <= keep) {
            assert!(self.nodes.remove(key).is_some(), "a stale node was never stored, or is listed twice");
        }
        self.stale.retain(|(since, _)| *since > keep);
    }
}
