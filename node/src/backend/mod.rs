//! Shows chain, ledger and replica to the RPC server.

mod chain;
mod ledger;
mod replica;

use std::sync::Arc;

use ::ledger::Ledger;
use ::replica::Replica;
use chain_spec::ChainSpec;
use consensus::Consensus;

/// Everything that the RPC server asks for.
pub(crate) struct NodeBackend {
    spec: Arc<ChainSpec>,
    consensus: Consensus,
    ledger: Ledger,
    replica: Replica,
}

impl NodeBackend {
    pub(crate) fn new(spec: Arc<ChainSpec>, consensus: Consensus, ledger: Ledger, replica: Replica) -> Self {
        Self { spec, consensus, ledger, replica }
    }
}
