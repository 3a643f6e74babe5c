//! Packs and who holds their shards.

use std::collections::BTreeSet;

use primitives::ledger::{Applied, Holder, PackRecord, Refusal, VaultRecord};
use primitives::{PackHeader, PackId, Policy, ShardAck, VaultId, VolumeId};
use store::{StoreError, schema};

use crate::machine::{Call, Stop, invalid, totals};
use crate::rules::node::speaking_node;
use crate::rules::writable_vault;
use crate::tables::{LedgerReads, Tables};

/// Records a pack (§5).
pub(crate) fn commit<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
    header: &PackHeader,
    acks: &[ShardAck],
) -> Result<Applied, Stop> {
    let owner = writable_vault(call, tables, vault)?;
    header.check().map_err(|error| invalid("header", error.to_string()))?;
    let pack = header.id();
    let mut acked = Vec::with_capacity(acks.len());
    for (position, ack) in acks.iter().enumerate() {
        let holder = check_ack(call, tables, &pack, header, ack, position)?;
        if acked.iter().any(|other: &Holder| other.index == holder.index) {
            return Err(bad_ack(ack, "a second one for this index").into());
        }
        acked.push(holder);
    }
    let known = tables.get::<schema::LedgerPacks>(&pack)?;
    if let Some(record) = known.as_ref().filter(|record| record.vault != *vault) {
        return Err(invalid("pack", format!("is recorded for vault {}", record.vault)).into());
    }
    let recorded = known.as_ref().map_or(&[][..], |record| record.holders.as_slice());
    let holders = merge(header.policy, recorded, acked);
    let volumes = totals(tables)?.volumes;
    let tally = Tally::of(header.policy, volumes, &holders);
    if known.is_none() {
        tally.enough_to_read()?;
    }
    match known {
        Some(record) if record.holders != holders => set_holders(tables, pack, record, holders)?,
        Some(_) => {}
        None => add(tables, pack, PackRecord { vault: *vault, header: header.clone(), holders, references: 0 }, owner)?,
    }
    Ok(Applied::Pack { pack, degraded: !tally.is_quorum() })
}

fn add<R: LedgerReads>(
    tables: &mut Tables<'_, R>,
    pack: PackId,
    record: PackRecord,
    mut vault: VaultRecord,
) -> Result<(), StoreError> {
    let mut totals = totals(tables)?;
    let bytes = record.header.stored_bytes();
    totals.packs = totals.packs.saturating_add(1);
    totals.stored_bytes = totals.stored_bytes.saturating_add(bytes);
    totals.degraded_packs = totals.degraded_packs.saturating_add(u64::from(record.is_degraded()));
    tables.put::<schema::LedgerTotals>((), totals);
    let mut shards = BTreeSet::new();
    for (index, shard) in (0u8..).zip(&record.header.shards) {
        if shards.insert(*shard) {
            tables.put::<schema::LedgerShards>((*shard, pack), index);
        }
    }
    tables.put::<schema::LedgerVaultPacks>((record.vault, vault.packs), pack);
    vault.packs = vault.packs.saturating_add(1);
    vault.stored_bytes = vault.stored_bytes.saturating_add(bytes);
    tables.put::<schema::LedgerVaults>(record.vault, vault);
    tables.put::<schema::LedgerPacks>(pack, record);
    Ok(())
}

/// Changes who holds a pack's shards, and counts whether the pack is degraded.
fn set_holders<R: LedgerReads>(
    tables: &mut Tables<'_, R>,
    pack: PackId,
    mut record: PackRecord,
    holders: Vec<Holder>,
) -> Result<(), StoreError> {
    let before = record.is_degraded();
    record.holders = holders;
    let after = record.is_degraded();
    if before != after {
        let mut totals = totals(tables)?;
        totals.degraded_packs =
            totals.degraded_packs.saturating_add(u64::from(after)).saturating_sub(u64::from(before));
        tables.put::<schema::LedgerTotals>((), totals);
    }
    tables.put::<schema::LedgerPacks>(pack, record);
    Ok(())
}

/// Records a new holder after a repair or a move (§9).
pub(crate) fn held<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    ack: &ShardAck,
) -> Result<Applied, Stop> {
    if speaking_node(call)? != ack.node {
        return Err(Refusal::NotAllowed { needs: "the new holder".to_owned() }.into());
    }
    let record = tables.get::<schema::LedgerPacks>(&ack.pack)?.ok_or(Refusal::UnknownPack { pack: ack.pack })?;
    let holder = check_ack(call, tables, &ack.pack, &record.header, ack, 0)?;
    let doubled = |other: &Holder| other.index != holder.index && same_volume(other, &holder);
    if record.header.policy.is_copies() && record.holders.iter().any(doubled) {
        return Err(bad_ack(ack, "the volume holds another copy already").into());
    }
    let mut holders = record.holders.clone();
    holders.retain(|other| other.index != holder.index);
    holders.push(holder);
    holders.sort_unstable();
    set_holders(tables, ack.pack, record, holders)?;
    Ok(Applied::Done)
}

/// Takes a holder off a shard that it lost (§10).
pub(crate) fn lost<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    pack: &PackId,
    index: u8,
    volume: VolumeId,
) -> Result<Applied, Stop> {
    let holder = Holder { index, node: speaking_node(call)?, volume };
    let record = tables.get::<schema::LedgerPacks>(pack)?.ok_or(Refusal::UnknownPack { pack: *pack })?;
    if record.holders.contains(&holder) {
        let holders = record.holders.iter().copied().filter(|other| *other != holder).collect();
        set_holders(tables, *pack, record, holders)?;
    }
    Ok(Applied::Done)
}

fn check_ack<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    pack: &PackId,
    header: &PackHeader,
    ack: &ShardAck,
    position: usize,
) -> Result<Holder, Stop> {
    if ack.pack != *pack {
        return Err(bad_ack(ack, "it is for another pack").into());
    }
    match header.shards.get(usize::from(ack.index)) {
        None => return Err(bad_ack(ack, "the pack has no such index").into()),
        Some(shard) if *shard != ack.shard => return Err(bad_ack(ack, "it is for another shard").into()),
        Some(_) => {}
    }
    if !call.ack_holds(position) {
        return Err(bad_ack(ack, "its signature does not verify on this network").into());
    }
    let node = tables.get::<schema::LedgerNodes>(&ack.node)?;
    let announced = node.is_some_and(|node| node.volumes.iter().any(|volume| volume.volume == ack.volume));
    if !announced {
        return Err(bad_ack(ack, "the node has not announced this volume").into());
    }
    Ok(Holder { index: ack.index, node: ack.node, volume: ack.volume })
}

fn bad_ack(ack: &ShardAck, reason: &str) -> Refusal {
    Refusal::BadAck { index: ack.index, reason: reason.to_owned() }
}

fn same_volume(left: &Holder, right: &Holder) -> bool {
    (left.node, left.volume) == (right.node, right.volume)
}

/// Holders recorded, and new ones for indexes that have none. A volume keeps one copy of a copies pack: a second
/// would be lost with the first.
fn merge(policy: Policy, recorded: &[Holder], mut acked: Vec<Holder>) -> Vec<Holder> {
    acked.sort_unstable();
    let mut holders = recorded.to_vec();
    for holder in acked {
        let taken = |other: &Holder| other.index == holder.index || policy.is_copies() && same_volume(other, &holder);
        if !holders.iter().any(taken) {
            holders.push(holder);
        }
    }
    holders.sort_unstable();
    holders
}

/// Holders counted against what the policy asks and the network has.
struct Tally {
    indexes: usize,
    volumes: usize,
    policy: Policy,
    announced: usize,
}

impl Tally {
    fn of(policy: Policy, announced: u64, holders: &[Holder]) -> Self {
        let volumes: BTreeSet<_> = holders.iter().map(|holder| (holder.node, holder.volume)).collect();
        Self {
            indexes: holders.len(),
            volumes: volumes.len(),
            policy,
            announced: usize::try_from(announced).unwrap_or(usize::MAX),
        }
    }

    /// `needed` shards, on as many distinct volumes as there are, up to `needed`. Copies are all the same shard:
    /// only their volumes count.
    fn reaches(&self, needed: u8) -> bool {
        let needed = usize::from(needed);
        let shards = if self.policy.is_copies() { self.volumes } else { self.indexes };
        let capped = needed.min(self.announced);
        self.volumes >= capped && shards >= if self.policy.is_copies() { capped } else { needed }
    }

    fn is_quorum(&self) -> bool {
        self.reaches(self.policy.write_quorum())
    }

    fn enough_to_read(&self) -> Result<(), Refusal> {
        let needed = self.policy.data_shards();
        // With nothing announced no acknowledgement was good, so nothing is held.
        if self.indexes > 0 && self.reaches(needed) {
            return Ok(());
        }
        let found = if self.indexes < usize::from(needed) { self.indexes } else { self.volumes };
        Err(Refusal::TooFewHolders { found: u8::try_from(found).unwrap_or(u8::MAX), needed })
    }
}
