//! The methods, one file per namespace; all on one small state.

mod audit;
mod block;
mod chain;
mod eth;
mod ledger;
mod logs;
mod net;
mod proof;
mod replica;
mod snapshot;
mod web3;

use std::sync::Arc;

use crate::ethereum::Blocks;
use crate::{Backend, RpcLimits};

/// What every method works on.
#[derive(Debug)]
pub(crate) struct Methods<B> {
    backend: Arc<B>,
    blocks: Arc<Blocks>,
    limits: RpcLimits,
}

impl<B> Clone for Methods<B> {
    fn clone(&self) -> Self {
        Self { backend: Arc::clone(&self.backend), blocks: Arc::clone(&self.blocks), limits: self.limits }
    }
}

impl<B: Backend> Methods<B> {
    pub(crate) fn new(backend: Arc<B>, limits: RpcLimits) -> Self {
        Self { backend, blocks: Arc::new(Blocks::new(limits.block_cache_bytes)), limits }
    }
}
