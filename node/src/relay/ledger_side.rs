//! The relay's view of the ledger: what waits, and what it is told.

use std::collections::BTreeSet;

use eyre::{Result, bail, eyre};
use ledger::Consistency;
use primitives::ledger::{Applied, Command, CommitmentProof, VaultRecord};
use primitives::{Certificate, Commitment, Header, Height, ValidatorSet, VaultId};
use tokio::sync::watch;

use super::turns::take;
use crate::member::Speaker;

/// Longest reason kept, characters: at most four bytes each, within the ledger's 256.
const REASON_CHARS_MAX: usize = 64;

/// Finality of some commitments, as one header proves it.
pub(super) struct FinalityRecord {
    pub(super) header: Header,
    pub(super) certificate: Certificate,
    pub(super) proofs: Vec<CommitmentProof>,
    /// The set that signs the next height, when it is another one.
    pub(super) next_validators: Option<ValidatorSet>,
}

pub(super) struct LedgerSide {
    speaker: Speaker,
    changes: watch::Receiver<u64>,
}

impl LedgerSide {
    pub(super) fn new(speaker: Speaker) -> Self {
        Self { changes: speaker.ledger().changes(), speaker }
    }

    /// Waits for the next applied entry.
    pub(super) async fn changed(&mut self) {
        // An error means that the ledger has stopped; the node is about to follow.
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Commitments that wait for the chain, oldest first, of vaults whose turn it is.
    pub(super) async fn pending(&mut self, limit: usize, waits: impl Fn(&VaultId) -> bool) -> Result<Vec<Commitment>> {
        self.changes.mark_unchanged();
        let reader = self.speaker.ledger().read(Consistency::Stale).await?;
        let mut commitments = Vec::new();
        for (vault, seq) in take(limit, waits, |from| reader.outbox(from, limit).map(|found| found.rows))? {
            let record = reader.snapshot(&vault, seq)?.ok_or_else(|| {
                eyre!("the outbox names snapshot {seq} of vault {vault}, which the ledger does not have")
            })?;
            commitments.push(record.commitment);
        }
        Ok(commitments)
    }

    /// Vaults of these commitments that the chain does not know yet.
    pub(super) async fn unregistered(&self, pending: &[Commitment]) -> Result<Vec<VaultRecord>> {
        let vaults: BTreeSet<VaultId> = pending.iter().map(|commitment| commitment.vault).collect();
        let reader = self.speaker.ledger().read(Consistency::Stale).await?;
        let mut unregistered = Vec::new();
        for vault in vaults {
            let record =
                reader.vault(&vault)?.ok_or_else(|| eyre!("vault {vault} is in the outbox but not in the ledger"))?;
            if record.on_chain.is_none() {
                unregistered.push(record);
            }
        }
        Ok(unregistered)
    }

    pub(super) async fn vault_on_chain(&self, vault: VaultId, height: Height) -> Result<()> {
        self.speaker.submit(Command::VaultOnChain { vault, height }).await.map(drop)
    }

    /// Of each commitment, whether the one before it in its stream waits for the chain too, or is final.
    pub(super) async fn before_comes(&self, commitments: impl Iterator<Item = &Commitment>) -> Result<Vec<bool>> {
        let reader = self.speaker.ledger().read(Consistency::Stale).await?;
        let comes = |commitment: &Commitment| {
            let (vault, before) = (&commitment.vault, commitment.seq.saturating_sub(1));
            // It leaves the outbox in the write that makes it final: looked at in this order, one of them shows it.
            Ok(reader.waits(vault, before)?
                || reader.snapshot(vault, before)?.is_some_and(|record| record.finality.is_some()))
        };
        commitments.map(comes).collect()
    }

    /// Takes commitments out of the outbox that the chain will never record, in one write; at most
    /// [`primitives::ledger::BATCH_MAX`].
    pub(super) async fn release(&self, rows: &[(VaultId, u64, String)]) -> Result<()> {
        let command = |(vault, seq, reason): &(VaultId, u64, String)| Command::OutboxRelease {
            vault: *vault,
            seq: *seq,
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        };
        let applied = self.speaker.submit(Command::Batch { commands: rows.iter().map(command).collect() }).await?;
        let Applied::Batch { outcomes } = applied else { bail!("the ledger answered a batch with {applied:?}") };
        outcomes
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), |refusal| Err(eyre!("the ledger refused it: {refusal}")))
    }

    pub(super) async fn record(&self, record: FinalityRecord) -> Result<()> {
        let FinalityRecord { header, certificate, proofs, next_validators } = record;
        self.speaker.submit(Command::FinalityRecord { header, certificate, proofs, next_validators }).await.map(drop)
    }
}
