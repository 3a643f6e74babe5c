//! Storage nodes. Root members admit them: the number of volumes decides how many distinct ones a pack needs, so strangers
//! may not add any.

use primitives::NodeKey;
use primitives::ledger::{Applied, NodeRecord, Refusal, Speaker, VOLUMES_MAX, VolumeInfo};
use store::schema;

use crate::machine::{Call, Stop, count, invalid, totals};
use crate::tables::{LedgerReads, Tables};

/// Admits a node (§8).
pub(crate) fn admit<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    node: &NodeKey,
) -> Result<Applied, Stop> {
    call.member()?;
    if tables.get::<schema::LedgerNodes>(node)?.is_some() {
        return Ok(Applied::Done);
    }
    let mut totals = totals(tables)?;
    if totals.nodes >= call.rules.limits.nodes {
        return Err(invalid("node", format!("the ledger keeps at most {} nodes", call.rules.limits.nodes)).into());
    }
    totals.nodes = totals.nodes.saturating_add(1);
    tables.put::<schema::LedgerTotals>((), totals);
    tables.put::<schema::LedgerNodes>(*node, NodeRecord { node: *node, volumes: Vec::new() });
    Ok(Applied::Done)
}

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
    let Some(record) = tables.get::<schema::LedgerNodes>(&node)? else {
        return Err(Refusal::NotAllowed { needs: "a storage node that a root member admitted".to_owned() }.into());
    };
    if record.volumes == volumes {
        return Ok(Applied::Done);
    }
    let mut totals = totals(tables)?;
    totals.volumes = totals.volumes.saturating_sub(count(&record.volumes)).saturating_add(count(volumes));
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
