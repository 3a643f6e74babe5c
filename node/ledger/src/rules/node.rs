//! Storage nodes.

use primitives::NodeKey;
use primitives::ledger::{Applied, NodeRecord, Refusal, Speaker, VOLUMES_MAX, VolumeInfo};
use store::schema;

use crate::machine::{Call, Stop, count, invalid, totals};
use crate::tables::{LedgerReads, Tables};

/// Announces a node's volumes (§8).
pub(crate) fn announce<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    volumes: &[VolumeInfo],
) -> Result<Applied, Stop> {
    let node = speaking_node(call)?;
    if volumes.len() > VOLUMES_MAX {
        return Err(invalid("volumes", format!("{}, at most {VOLUMES_MAX} allowed", volumes.len())).into());
    }
    if volumes.iter().zip(volumes.iter().skip(1)).any(|(left, right)| left.volume >= right.volume) {
        return Err(invalid("volumes", "must be strictly ascending".to_owned()).into());
    }
    if volumes.iter().any(|volume| volume.weight == 0) {
        return Err(invalid("volumes", "each weighs at least 1".to_owned()).into());
    }
    let mut totals = totals(tables)?;
    match tables.get::<schema::LedgerNodes>(&node)? {
        Some(record) if record.volumes == volumes => return Ok(Applied::Done),
        Some(record) => totals.volumes = totals.volumes.saturating_sub(count(&record.volumes)),
        None if totals.nodes >= call.rules.limits.nodes => {
            return Err(invalid("node", format!("the ledger keeps at most {} nodes", call.rules.limits.nodes)).into());
        }
        None => totals.nodes = totals.nodes.saturating_add(1),
    }
    totals.volumes = totals.volumes.saturating_add(count(volumes));
    tables.put::<schema::LedgerTotals>((), totals);
    tables.put::<schema::LedgerNodes>(node, NodeRecord { node, volumes: volumes.to_vec() });
    Ok(Applied::Done)
}

/// The node that speaks.
pub(crate) fn speaking_node(call: &Call<'_>) -> Result<NodeKey, Refusal> {
    match call.speaker {
        Speaker::Node(key) => Ok(key),
        _ => Err(Refusal::NotAllowed { needs: "the storage node that this is about".to_owned() }),
    }
}
