//! Vaults: opening one, and that the chain knows it.

use primitives::ledger::{Applied, DELEGATES_MAX, Refusal, SEALED_MAX, Speaker, VaultRecord, VaultTerms};
use primitives::{CommitmentHash, EcdsaSignature, Height, VaultId};
use store::schema;

use crate::machine::{Call, Stop, invalid, totals};
use crate::tables::{LedgerReads, Tables};

/// Opens a vault (§4).
pub(crate) fn register<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    terms: &VaultTerms,
    sealed: &[u8],
    consent: &EcdsaSignature,
) -> Result<Applied, Stop> {
    if call.speaker != Speaker::Account(terms.owner) {
        return Err(Refusal::NotAllowed { needs: "the vault's owner".to_owned() }.into());
    }
    check_terms(call, terms)?;
    if sealed.len() > SEALED_MAX {
        return Err(invalid("sealed", format!("{} bytes, at most {SEALED_MAX} allowed", sealed.len())).into());
    }
    if !call.consent_holds() {
        return Err(invalid("consent", "is not the owner's signature over these terms".to_owned()).into());
    }
    let vault = terms.vault();
    if let Some(record) = tables.get::<schema::LedgerVaults>(&vault)? {
        return if record.terms == *terms { Ok(Applied::Done) } else { Err(Refusal::VaultExists { vault }.into()) };
    }
    let mut totals = totals(tables)?;
    totals.vaults = totals.vaults.saturating_add(1);
    tables.put::<schema::LedgerTotals>((), totals);
    tables.put::<schema::LedgerOwners>((terms.owner, vault), ());
    let record = VaultRecord {
        terms: terms.clone(),
        sealed: sealed.to_vec(),
        consent: *consent,
        head_seq: 0,
        head: CommitmentHash::ZERO,
        on_chain: None,
        packs: 0,
        stored_bytes: 0,
    };
    tables.put::<schema::LedgerVaults>(vault, record);
    Ok(Applied::Done)
}

fn check_terms(call: &Call<'_>, terms: &VaultTerms) -> Result<(), Refusal> {
    if terms.cluster != call.rules.cluster {
        return Err(invalid("cluster", format!("this ledger is kept by {}", call.rules.cluster)));
    }
    if terms.delegates.len() > DELEGATES_MAX {
        return Err(invalid("delegates", format!("{}, at most {DELEGATES_MAX} allowed", terms.delegates.len())));
    }
    if terms.delegates.iter().zip(terms.delegates.iter().skip(1)).any(|(left, right)| left >= right) {
        return Err(invalid("delegates", "must be strictly ascending".to_owned()));
    }
    Ok(())
}

/// Notes that the chain knows a vault (§12).
pub(crate) fn on_chain<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
    height: Height,
) -> Result<Applied, Stop> {
    call.member()?;
    let mut record = tables.get::<schema::LedgerVaults>(vault)?.ok_or(Refusal::UnknownVault { vault: *vault })?;
    if record.on_chain.is_none() {
        record.on_chain = Some(height);
        tables.put::<schema::LedgerVaults>(*vault, record);
    }
    Ok(Applied::Done)
}
