//! What the chain made final.

use merkle::log;
use parity_scale_codec::Encode;
use primitives::ledger::{Applied, CommitmentProof, Finality, SnapshotRecord, TrustedSet};
use primitives::{Certificate, Header, ValidatorSet, VaultId};
use store::{StoreError, schema};
use verify::verify_certificate;

use crate::machine::{Call, Stop, invalid, totals};
use crate::tables::{LedgerReads, Tables};

/// Longest reason of a release, bytes.
const REASON_MAX: usize = 256;

/// Brings finality back from the chain (§11).
pub(crate) fn record<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    header: &Header,
    certificate: &Certificate,
    proofs: &[CommitmentProof],
    next_validators: Option<&ValidatorSet>,
) -> Result<Applied, Stop> {
    call.member()?;
    let trusted = tables.get::<schema::LedgerTrust>(&())?.unwrap_or_else(|| call.rules.genesis.clone());
    verify_certificate(&call.rules.network, header, certificate, &trusted.validators)
        .map_err(|error| invalid("certificate", error.to_string()))?;
    let handover = check_handover(&trusted, header, next_validators)?;
    let mut finals = Vec::new();
    for proof in proofs {
        finals.extend(check_proof(tables, header, proof)?.map(|record| (proof, record)));
    }

    if let Some(set) = handover {
        tables.put::<schema::LedgerTrust>((), set);
    }
    let mut totals = totals(tables)?;
    for (proof, mut record) in finals {
        let place = (proof.vault, proof.seq);
        record.finality =
            Some(Finality { height: header.height, leaf_index: proof.leaf_index, timestamp: header.timestamp });
        tables.put::<schema::LedgerSnapshots>(place, record);
        totals.outbox = totals.outbox.saturating_sub(take_out(tables, place)?);
    }
    tables.put::<schema::LedgerTotals>((), totals);
    Ok(Applied::Done)
}

/// Takes a commitment out of the outbox that the chain will never record (§13).
pub(crate) fn release<R: LedgerReads>(
    call: &Call<'_>,
    tables: &mut Tables<'_, R>,
    vault: &VaultId,
    seq: u64,
    reason: &str,
) -> Result<Applied, Stop> {
    call.member()?;
    if reason.len() > REASON_MAX {
        return Err(invalid("reason", format!("{} bytes, at most {REASON_MAX} allowed", reason.len())).into());
    }
    let taken = take_out(tables, (*vault, seq))?;
    if taken > 0 {
        let mut totals = totals(tables)?;
        totals.outbox = totals.outbox.saturating_sub(taken);
        tables.put::<schema::LedgerTotals>((), totals);
    }
    Ok(Applied::Done)
}

/// Removes the outbox row of a snapshot; how many there were.
fn take_out<R: LedgerReads>(tables: &mut Tables<'_, R>, place: (VaultId, u64)) -> Result<u32, StoreError> {
    let Some(row) = tables.get::<schema::LedgerOutboxRows>(&place)? else { return Ok(0) };
    tables.delete::<schema::LedgerOutbox>(row);
    tables.delete::<schema::LedgerOutboxRows>(place);
    Ok(1)
}

/// The set to believe from the next height on, where the header names another one.
fn check_handover(
    trusted: &TrustedSet,
    header: &Header,
    next_validators: Option<&ValidatorSet>,
) -> Result<Option<TrustedSet>, Stop> {
    let changes = header.next_validators != header.validators;
    match next_validators {
        None if !changes => Ok(None),
        None => {
            Err(invalid("next validators", "the header hands over to another set, which is missing".to_owned()).into())
        }
        Some(_) if !changes => Err(invalid("next validators", "the header does not hand over".to_owned()).into()),
        Some(set) if set.hash() != header.next_validators => {
            Err(invalid("next validators", "not the set that the header names".to_owned()).into())
        }
        Some(set) if header.height.next() > trusted.since => {
            Ok(Some(TrustedSet { since: header.height.next(), validators: set.clone() }))
        }
        // The same set signed before: this hand-over is older than what is believed already.
        Some(_) => Ok(None),
    }
}

/// The snapshot that a proof makes final; `None` when it is final already.
fn check_proof<R: LedgerReads>(
    tables: &mut Tables<'_, R>,
    header: &Header,
    proof: &CommitmentProof,
) -> Result<Option<SnapshotRecord>, Stop> {
    let place = (proof.vault, proof.seq);
    let record = tables
        .get::<schema::LedgerSnapshots>(&place)?
        .ok_or_else(|| invalid("proof", format!("there is no snapshot {} of vault {}", proof.seq, proof.vault)))?;
    let leaf = log::leaf_hash(&record.commitment.encode());
    log::verify_inclusion(&leaf, proof.leaf_index, header.log_size, &proof.path, &header.log_root)
        .map_err(|error| invalid("proof", format!("snapshot {} of vault {}: {error}", proof.seq, proof.vault)))?;
    Ok(record.finality.is_none().then_some(record))
}
