//! The state before the first block.

use std::collections::BTreeMap;

use chain_spec::ChainSpec;
use merkle::log::Frontier;
use parity_scale_codec::Encode as _;
use primitives::Height;

use crate::Outcome;
use crate::state::{Account, ClusterState, StateKey};

/// What genesis writes: balances, clusters, validators, an empty snapshot log.
#[must_use]
pub fn genesis(spec: &ChainSpec) -> Outcome {
    let frontier = Frontier::new();
    let mut changes = BTreeMap::new();
    let mut put = |key: StateKey, value: Vec<u8>| changes.insert(key.bytes(), Some(value));
    for (address, balance) in &spec.allocations {
        put(StateKey::Account(*address), Account { nonce: 0, balance: *balance }.encode());
    }
    for cluster in &spec.clusters {
        let state = ClusterState {
            epoch: cluster.epoch,
            members: cluster.members.clone(),
            threshold: cluster.threshold,
            operator: cluster.operator,
            since: Height::GENESIS,
        };
        put(StateKey::Cluster(cluster.id), state.encode());
    }
    put(StateKey::Validators, spec.validators.encode());
    put(StateKey::SnapshotLog, frontier.encode());
    Outcome {
        changes,
        receipts: Vec::new(),
        leaves: Vec::new(),
        frontier,
        log_nodes: Vec::new(),
        next_validators: spec.validators.clone(),
        gas_used: 0,
    }
}
