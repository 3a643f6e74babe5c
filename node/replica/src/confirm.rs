//! Before a pack is recorded: are the shards that were acknowledged here still, and do they stay until it is?

use std::sync::Arc;

use primitives::{PackHeader, PackId, ShardAck};

use crate::claims::Claim;
use crate::ingress::Message;
use crate::orphans::{age, touch};
use crate::shared::{Shared, blocking, wall_clock};
use crate::{ReplicaError, VolumeState};

/// A pack that is about to be recorded and lacks shards that were acknowledged for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The pack.
    pub pack: PackId,
    /// Acknowledged shards that are held.
    pub have: u8,
    /// Shards that make the pack readable.
    pub need: u8,
}

/// Acknowledged shards that stay here until this is dropped. Keep it until the ledger has answered to the commits.
pub struct Confirmed {
    shared: Arc<Shared>,
    short: Vec<Shortage>,
    _claim: Claim,
}

impl std::fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirmed").field("short", &self.short).finish_non_exhaustive()
    }
}

impl Confirmed {
    /// Packs that lack shards that were acknowledged for them: lost, or removed as orphans because the commit came too late.
    #[must_use]
    pub fn short(&self) -> &[Shortage] {
        &self.short
    }

    /// Those of the packs that were recorded, or may have been, and that lack shards are repaired now.
    pub fn recorded(self, was: impl Fn(&PackId) -> bool) {
        for Shortage { pack, have, need } in self.short.iter().filter(|short| was(&short.pack)) {
            // When the mailbox is full the census finds them.
            let margin = i16::from(*have) - i16::from(*need);
            let _ = self.shared.mailbox.try_send(Message::Damaged { pack: *pack, margin });
        }
    }
}

/// Claims the acknowledged shards of these packs and looks which of them are here. Acknowledgements of other nodes count
/// as they stand.
pub(crate) async fn confirm(
    shared: &Arc<Shared>,
    commits: Vec<(PackHeader, Vec<ShardAck>)>,
) -> Result<Confirmed, ReplicaError> {
    let own = commits.iter().flat_map(|(_, acks)| acks).filter(|ack| ack.node == shared.node);
    let claim = shared.claims.claim(own.map(|ack| ack.shard).collect()).await;
    let task = shared.clone();
    let short = blocking(move || {
        let shortages = commits.iter().map(|(header, acks)| shortage(&task, header, acks));
        shortages.filter_map(Result::transpose).collect::<Result<Vec<_>, ReplicaError>>()
    });
    Ok(Confirmed { shared: shared.clone(), short: short.await??, _claim: claim })
}

fn shortage(shared: &Shared, header: &PackHeader, acks: &[ShardAck]) -> Result<Option<Shortage>, ReplicaError> {
    let (mut have, mut missing) = (0u8, false);
    for ack in acks {
        if ack.node != shared.node || is_here(shared, ack)? {
            have = have.saturating_add(1);
        } else {
            missing = true;
        }
    }
    Ok(missing.then(|| Shortage { pack: header.id(), have, need: header.policy.data_shards() }))
}

/// Whether the shard is on the volume that was acknowledged. One that is stays young: should the answer to the commit be
/// lost and the ledger apply it later, the shard is not old by then.
fn is_here(shared: &Shared, ack: &ShardAck) -> Result<bool, ReplicaError> {
    let slot = shared.shelf.slot(ack.volume).filter(|slot| slot.state() != VolumeState::Lost);
    let Some(volume) = slot.and_then(|slot| slot.volume()) else { return Ok(false) };
    if shared.is_gone(ack.volume, &ack.shard) || shared.index.row(ack.volume, &ack.shard)?.is_none() {
        return Ok(false);
    }
    let Some(grace) = shared.config.orphan_grace else { return Ok(true) };
    if let Ok(Some(touched)) = volume.touched(&ack.shard)
        && age(touched, wall_clock()) > grace / 2
    {
        touch(&volume, &ack.shard);
    }
    Ok(true)
}
