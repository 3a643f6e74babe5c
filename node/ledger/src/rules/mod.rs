//! One file per family of commands. Every rule checks everything before it writes anything.

pub(crate) mod finality;
pub(crate) mod node;
pub(crate) mod object;
pub(crate) mod pack;
pub(crate) mod snapshot;
pub(crate) mod vault;

use primitives::ledger::{PackRecord, Refusal, Speaker, VaultRecord};
use primitives::{PackId, VaultId};
use store::schema;

use crate::machine::{Call, Stop, invalid};
use crate::tables::{LedgerReads, Tables};

/// The vault, if the speaker may write to it.
fn writable_vault<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
) -> Result<VaultRecord, Stop> {
    let record = tables.get::<schema::LedgerVaults>(vault)?.ok_or(Refusal::UnknownVault { vault: *vault })?;
    match call.speaker {
        Speaker::Account(account) if account == record.terms.owner || record.terms.delegates.contains(&account) => {
            Ok(record)
        }
        _ => Err(Refusal::NotAllowed { needs: "the vault's owner or one of its delegates".to_owned() }.into()),
    }
}

/// The pack, if it is recorded for this vault.
fn pack_of<R: LedgerReads>(tables: &mut Tables<'_, R>, vault: &VaultId, pack: &PackId) -> Result<PackRecord, Stop> {
    let record = tables.get::<schema::LedgerPacks>(pack)?.filter(|record| record.vault == *vault);
    Ok(record.ok_or(Refusal::UnknownPack { pack: *pack })?)
}

/// All of these packs, which must be ascending and recorded for this vault.
fn packs_of<R: LedgerReads>(
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
    packs: &[PackId],
) -> Result<Vec<PackRecord>, Stop> {
    if packs.iter().zip(packs.iter().skip(1)).any(|(left, right)| left >= right) {
        return Err(invalid("packs", "must be strictly ascending".to_owned()).into());
    }
    packs.iter().map(|pack| pack_of(tables, vault, pack)).collect()
}

/// Takes one more reference on each of these packs.
fn reference<R: LedgerReads>(tables: &mut Tables<'_, R>, packs: &[PackId], records: Vec<PackRecord>) {
    for (pack, mut record) in packs.iter().zip(records) {
        record.references = record.references.saturating_add(1);
        tables.put::<schema::LedgerPacks>(*pack, record);
    }
}
