//! Shows chain, ledger and replica to the RPC server.

mod chain;
mod commits;
mod ledger;
mod replica;

use std::sync::Arc;

use ::ledger::Ledger;
use ::replica::Replica;
use chain_spec::ChainSpec;
use consensus::Consensus;
use primitives::{Hash32, MemberKey};

use crate::cosigner::Cosigner;
use crate::keys::NodeKeys;

/// Everything that the RPC server asks for.
#[derive(Debug)]
pub(crate) struct NodeBackend {
    spec: Arc<ChainSpec>,
    consensus: Consensus,
    ledger: Ledger,
    replica: Replica,
    cluster: Hash32,
    member: MemberKey,
    cosigner: Cosigner,
}

impl NodeBackend {
    /// `cluster` is the root cluster that this node belongs to, with the member key among `keys`.
    pub(crate) fn new(
        spec: Arc<ChainSpec>,
        consensus: Consensus,
        ledger: Ledger,
        replica: Replica,
        cluster: Hash32,
        keys: &NodeKeys,
    ) -> Self {
        let cosigner = Cosigner::new(spec.network, keys.validator.clone());
        Self { spec, consensus, ledger, replica, cluster, member: keys.member_key(), cosigner }
    }
}
