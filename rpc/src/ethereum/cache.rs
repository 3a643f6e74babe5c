//! Assembled blocks, kept while there is memory for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use primitives::Height;

use super::EthBlock;

/// A bounded set of blocks; those kept longest go first. Blocks are final, so none is ever wrong.
#[derive(Debug)]
pub(crate) struct Blocks {
    kept: Mutex<Kept>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    blocks: HashMap<Height, Arc<EthBlock>>,
    order: VecDeque<Height>,
    bytes: usize,
}

impl Blocks {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::default(), bytes_max }
    }

    /// The block at this height, when it is kept.
    pub(crate) fn find(&self, height: Height) -> Option<Arc<EthBlock>> {
        self.lock().blocks.get(&height).cloned()
    }

    /// Keeps a block and lets others go.
    pub(crate) fn keep(&self, height: Height, block: &Arc<EthBlock>) {
        let mut kept = self.lock();
        if kept.blocks.insert(height, Arc::clone(block)).is_none() {
            kept.order.push_back(height);
            kept.bytes = kept.bytes.saturating_add(block.memory());
        }
        while kept.bytes > self.bytes_max {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some(gone) = kept.blocks.remove(&oldest) {
                kept.bytes = kept.bytes.saturating_sub(gone.memory());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whoever panicked with the lock held left a set of blocks that is still right, if not well counted.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
