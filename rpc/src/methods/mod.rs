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
mod scan;
mod snapshot;
mod web3;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::ethereum::Blocks;
use crate::{Backend, RpcLimits};

/// What every method works on.
#[derive(Clone, Debug)]
pub(crate) struct Methods {
    backend: Arc<dyn Backend>,
    blocks: Arc<Blocks>,
    limits: RpcLimits,
    scans: Arc<Semaphore>,
}

impl Methods {
    pub(crate) fn new(backend: Arc<dyn Backend>, limits: RpcLimits) -> Self {
        Self {
            backend,
            blocks: Arc::new(Blocks::new(limits.block_cache_bytes)),
            limits,
            scans: Arc::new(Semaphore::new(limits.scans_max.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }
}
