//! Snapshots and the outbox.

use merkle::tree;
use primitives::ledger::{Applied, Refusal, SnapshotRecord, VaultRecord};
use primitives::{COMMITMENT_VERSION, Commitment, PackId};
use store::schema;

use crate::machine::{Call, Stop, count, invalid, totals};
use crate::rules::{pack_of, packs_of, reference, writable_vault};
use crate::tables::{LedgerReads, Tables};

/// Ends a snapshot (§7).
pub(crate) fn commit<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    commitment: &Commitment,
    packs: &[PackId],
    manifest_pack: &PackId,
) -> Result<Applied, Stop> {
    let vault = commitment.vault;
    let mut owner = writable_vault(call, tables, &vault)?;
    let hash = commitment.hash();
    let applied = Applied::Snapshot { commitment: hash };
    let expected = owner.head_seq.saturating_add(1);
    if commitment.seq > 0 && commitment.seq <= owner.head_seq {
        let recorded = tables.get::<schema::LedgerSnapshots>(&(vault, commitment.seq))?;
        let same = recorded.is_some_and(|record| record.commitment == *commitment);
        return if same { Ok(applied) } else { Err(Refusal::Conflict { seq: commitment.seq }.into()) };
    }
    if commitment.seq != expected {
        return Err(Refusal::Sequence { expected, found: commitment.seq }.into());
    }
    if commitment.prev != owner.head {
        return Err(Refusal::Prev { expected: owner.head, found: commitment.prev }.into());
    }
    check_fields(&owner, commitment, packs)?;
    let records = packs_of(tables, &vault, packs)?;
    check_manifest(tables, commitment, manifest_pack)?;
    let mut totals = totals(tables)?;
    if totals.outbox >= call.rules.limits.outbox {
        return Err(Refusal::OutboxFull { limit: call.rules.limits.outbox }.into());
    }

    reference(tables, packs, records);
    if packs.binary_search(manifest_pack).is_err() {
        let manifest = pack_of(tables, &vault, manifest_pack)?;
        reference(tables, &[*manifest_pack], vec![manifest]);
    }
    owner.head_seq = commitment.seq;
    owner.head = hash;
    tables.put::<schema::LedgerVaults>(vault, owner);
    tables.put::<schema::LedgerOutbox>(totals.outbox_next, (vault, commitment.seq));
    tables.put::<schema::LedgerOutboxRows>((vault, commitment.seq), totals.outbox_next);
    totals.outbox = totals.outbox.saturating_add(1);
    totals.outbox_next = totals.outbox_next.saturating_add(1);
    totals.snapshots = totals.snapshots.saturating_add(1);
    tables.put::<schema::LedgerTotals>((), totals);
    let record = SnapshotRecord {
        commitment: commitment.clone(),
        packs: packs.to_vec(),
        manifest_pack: *manifest_pack,
        finality: None,
    };
    tables.put::<schema::LedgerSnapshots>((vault, commitment.seq), record);
    Ok(applied)
}

fn check_fields(owner: &VaultRecord, commitment: &Commitment, packs: &[PackId]) -> Result<(), Refusal> {
    if commitment.version != COMMITMENT_VERSION {
        return Err(invalid("version", format!("{}, this ledger knows {COMMITMENT_VERSION}", commitment.version)));
    }
    if commitment.policy != owner.terms.policy {
        return Err(invalid("policy", format!("{}, the vault's is {}", commitment.policy, owner.terms.policy)));
    }
    let retention = owner.terms.retention_ms;
    let earliest = commitment.taken_at.get().saturating_add(retention);
    if retention > 0 && commitment.retain_until.get() < earliest {
        return Err(invalid("retain until", format!("{}, the vault's terms ask {earliest}", commitment.retain_until)));
    }
    if u64::from(commitment.packs) != count(packs) {
        return Err(invalid("packs", format!("the commitment counts {}, found {}", commitment.packs, packs.len())));
    }
    if commitment.packs_root != tree::root(packs) {
        return Err(invalid("packs root", "is not the tree root of these packs".to_owned()));
    }
    Ok(())
}

fn check_manifest<R: LedgerReads>(
    tables: &mut Tables<'_, R>,
    commitment: &Commitment,
    manifest_pack: &PackId,
) -> Result<(), Stop> {
    let manifest = pack_of(tables, &commitment.vault, manifest_pack)?;
    if !manifest.header.policy.is_copies() {
        return Err(invalid("manifest pack", "must hold whole copies".to_owned()).into());
    }
    if manifest.header.shards.first() != Some(&commitment.manifest) {
        return Err(invalid("manifest pack", "does not hold the commitment's manifest".to_owned()).into());
    }
    Ok(())
}
