//! Block 0, and whose chain a store holds.

use chain_spec::ChainSpec;
use primitives::NetworkId;
use store::{Durability, Store, schema};

use super::{Chain, FinalBlock};
use crate::error::ConsensusError;

/// Row of [`schema::NodeMeta`] that names the network of the chain in this database.
const NETWORK: &str = "chain-network";

/// Refuses a store that holds another network's chain; claims an empty one.
pub(super) fn check_network(store: &Store, spec: &ChainSpec) -> Result<(), ConsensusError> {
    let key = NETWORK.to_owned();
    match store.get::<schema::NodeMeta>(&key)? {
        Some(bytes) => {
            let found = <[u8; 32]>::try_from(bytes).map(NetworkId::new).unwrap_or_default();
            if found != spec.network {
                return Err(ConsensusError::OtherNetwork { expected: spec.network, found });
            }
        }
        None => {
            let mut batch = store.batch();
            batch.put::<schema::NodeMeta>(&key, &spec.network.as_bytes().to_vec())?;
            batch.commit(Durability::Synced)?;
        }
    }
    Ok(())
}

/// Executes and commits block 0.
pub(super) fn write(chain: &Chain) -> Result<(), ConsensusError> {
    let spec = chain.spec();
    let failed = |reason: String| ConsensusError::Genesis { reason };
    let outcome = runtime::genesis(spec);
    let update =
        merkle::state::apply(&chain.state(), 0, &outcome.changes).map_err(|error| failed(error.to_string()))?;
    let header = runtime::genesis_header(spec, &outcome, update.root);
    chain.commit(&FinalBlock {
        header: &header,
        transactions: &[],
        outcome: &outcome,
        update: &update,
        certificate: None,
        validators: &spec.validators,
        pool_rows: &[],
    })?;
    chain.announce();
    tracing::info!(target: "consensus", network = %spec.network, block = %header.hash(), "wrote block 0");
    Ok(())
}
