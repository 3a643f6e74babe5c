//! Objects.

use primitives::ledger::{Applied, ObjectRecord, Refusal, SEALED_MAX};
use primitives::{ObjectKey, PackId, VaultId};
use store::schema;

use crate::machine::{Call, Stop, invalid, totals};
use crate::rules::{packs_of, reference, writable_vault};
use crate::tables::{LedgerReads, Tables};

/// Adds a version of an object (§6).
pub(crate) fn commit<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
    key: &ObjectKey,
    version: u64,
    sealed: &[u8],
    packs: &[PackId],
) -> Result<Applied, Stop> {
    writable_vault(call, tables, vault)?;
    if sealed.len() > SEALED_MAX {
        return Err(invalid("sealed", format!("{} bytes, at most {SEALED_MAX} allowed", sealed.len())).into());
    }
    if sealed.is_empty() && !packs.is_empty() {
        return Err(invalid("packs", "a tombstone needs none".to_owned()).into());
    }
    let record = ObjectRecord { key: *key, version, sealed: sealed.to_vec(), packs: packs.to_vec() };
    let head = tables.get::<schema::LedgerObjectHeads>(&(*vault, *key))?.unwrap_or(0);
    if version == head && tables.get::<schema::LedgerObjects>(&(*vault, *key, version))?.as_ref() == Some(&record) {
        return Ok(Applied::Done);
    }
    let expected = head.saturating_add(1);
    if version != expected {
        return Err(Refusal::Sequence { expected, found: version }.into());
    }
    let records = packs_of(tables, vault, packs)?;
    reference(tables, packs, records);
    let mut totals = totals(tables)?;
    totals.objects = totals.objects.saturating_add(1);
    tables.put::<schema::LedgerTotals>((), totals);
    tables.put::<schema::LedgerObjectHeads>((*vault, *key), version);
    tables.put::<schema::LedgerObjects>((*vault, *key, version), record);
    Ok(Applied::Done)
}
