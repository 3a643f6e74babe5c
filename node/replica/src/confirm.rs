//! Before a pack is recorded: are the shards that were acknowledged here still, and do they stay until it is?

use std::collections::BTreeMap;
use std::sync::Arc;

use primitives::{PackHeader, PackId, ShardAck, ShardId, VolumeId};
use tokio::sync::OwnedSemaphorePermit;

use crate::claims::Claim;
use crate::ingress::Message;
use crate::orphans::touch;
use crate::shared::{Shared, blocking};
use crate::slot::Slot;
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
    commits: Vec<Commit>,
    short: Vec<Shortage>,
    claim: Claim,
    permit: OwnedSemaphorePermit,
}

/// A pack that is to be recorded, with the acknowledgements of its shards.
type Commit = (PackHeader, Vec<ShardAck>);

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

    /// To be called when the ledger has answered: those of the packs that were recorded and lack shards are repaired now. The
    /// files of refused ones are as old as before, so that a commit which its sender may not make keeps no orphan.
    pub fn answered(self, recorded: impl Fn(&PackId) -> bool) {
        self.repair(recorded);
    }

    /// To be called when the ledger did not answer, and may record the packs yet: their shards become as young as new ones, so
    /// that they are not old by then.
    ///
    /// # Errors
    /// [`ReplicaError::Panicked`], [`ReplicaError::Stopped`].
    pub async fn unanswered(self) -> Result<(), ReplicaError> {
        self.repair(|_| true);
        let Self { shared, commits, claim, permit, .. } = self;
        // Goes along to each disk, also when nobody waits any more because one of them hangs.
        let held = Arc::new((claim, permit));
        let mut shards: BTreeMap<VolumeId, Vec<ShardId>> = BTreeMap::new();
        for ack in commits.iter().flat_map(|(_, acks)| acks).filter(|ack| ack.node == shared.node) {
            shards.entry(ack.volume).or_default().push(ack.shard);
        }
        let slots = shards.into_iter().filter_map(|(volume, shards)| Some((shared.shelf.slot(volume)?, shards)));
        let renewals = slots.map(|(slot, shards)| tokio::spawn(renew(slot, shards, held.clone())));
        let renewals = renewals.map(|task| async { task.await.map_err(ReplicaError::unfinished)? });
        let all = futures::future::try_join_all(renewals);
        tokio::time::timeout(shared.write_patience(), all).await.map_or(Ok(()), |done| done.map(drop))
    }

    /// Repairs the packs that lack shards, where there is something to repair.
    fn repair(&self, may_be_recorded: impl Fn(&PackId) -> bool) {
        for Shortage { pack, have, need } in self.short.iter().filter(|short| may_be_recorded(&short.pack)) {
            // When the mailbox is full the census finds them.
            let margin = i16::from(*have) - i16::from(*need);
            let _ = self.shared.mailbox.try_send(Message::Damaged { pack: *pack, margin });
        }
    }
}

/// Claims the acknowledged shards of these packs and looks which of them are here. Acknowledgements of other nodes count
/// as they stand.
pub(crate) async fn confirm(shared: &Arc<Shared>, commits: Vec<Commit>) -> Result<Confirmed, ReplicaError> {
    let permit = shared.commits.clone().acquire_owned().await.map_err(|_| ReplicaError::Stopped)?;
    let own = commits.iter().flat_map(|(_, acks)| acks).filter(|ack| ack.node == shared.node);
    let claim = shared.claims.claim(own.map(|ack| ack.shard).collect()).await;
    let task = shared.clone();
    blocking(move || {
        let shortages = commits.iter().map(|(header, acks)| shortage(&task, header, acks));
        let short = shortages.filter_map(Result::transpose).collect::<Result<Vec<_>, ReplicaError>>()?;
        Ok(Confirmed { shared: task, commits, short, claim, permit })
    })
    .await?
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

/// Whether the shard is on the volume that was acknowledged.
fn is_here(shared: &Shared, ack: &ShardAck) -> Result<bool, ReplicaError> {
    let slot = shared.shelf.slot(ack.volume).filter(|slot| slot.state() != VolumeState::Lost);
    let is_open = slot.is_some_and(|slot| slot.volume().is_some());
    Ok(is_open && !shared.is_gone(ack.volume, &ack.shard) && shared.index.row(ack.volume, &ack.shard)?.is_some())
}

/// Makes the files of these shards on one volume as young as new ones, those that are here, and keeps `held` until it has.
/// Waits for its turn as a write does, so that a disk that hangs takes no more threads.
async fn renew(
    slot: Arc<Slot>,
    shards: Vec<ShardId>,
    held: Arc<(Claim, OwnedSemaphorePermit)>,
) -> Result<(), ReplicaError> {
    let place = slot.calls().writers.clone().acquire_owned().await.map_err(|_| ReplicaError::Stopped)?;
    blocking(move || {
        let _until_it_ends = (held, place);
        shards.iter().for_each(|shard| touch(&slot, shard));
    })
    .await
}
