//! Shows chain, ledger and replica to the RPC server.

mod chain;
mod ledger;
mod replica;

use std::sync::Arc;

use ::ledger::Ledger;
use ::replica::Replica;
use chain_spec::ChainSpec;
use consensus::Consensus;
use primitives::{Hash32, MemberKey};

/// Everything that the RPC server asks for.
#[derive(Debug)]
pub(crate) struct NodeBackend {
    spec: Arc<ChainSpec>,
    consensus: Consensus,
    ledger: Ledger,
    replica: Replica,
    cluster: Hash32,
    member: MemberKey,
}

impl NodeBackend {
    /// `cluster` and `member` say which root cluster this node belongs to, and as whom.
    pub(crate) fn new(
        spec: Arc<ChainSpec>,
        consensus: Consensus,
        ledger: Ledger,
        replica: Replica,
        cluster: Hash32,
        member: MemberKey,
    ) -> Self {
        Self { spec, consensus, ledger, replica, cluster, member }
    }
}
