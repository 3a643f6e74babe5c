//! The relay's view of the ledger: what waits, and what it is told.

use std::collections::BTreeSet;

use eyre::{Result, eyre};
use ledger::Consistency;
use primitives::ledger::{Command, CommitmentProof, VaultRecord};
use primitives::{Certificate, Commitment, Header, Height, ValidatorSet, VaultId};
use tokio::sync::watch;

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

    /// Commitments that wait for the chain, oldest first.
    pub(super) async fn pending(&mut self, limit: usize) -> Result<Vec<Commitment>> {
        self.changes.mark_unchanged();
        let reader = self.speaker.ledger().read(Consistency::Stale).await?;
        let mut commitments = Vec::new();
        for (_, vault, seq) in reader.outbox(0, limit)? {
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

    /// Takes a commitment out of the outbox that the chain will never record.
    pub(super) async fn release(&self, vault: VaultId, seq: u64, reason: &str) -> Result<()> {
        let reason = reason.chars().take(REASON_CHARS_MAX).collect();
        self.speaker.submit(Command::OutboxRelease { vault, seq, reason }).await.map(drop)
    }

    pub(super) async fn record(&self, record: FinalityRecord) -> Result<()> {
        let FinalityRecord { header, certificate, proofs, next_validators } = record;
        self.speaker.submit(Command::FinalityRecord { header, certificate, proofs, next_validators }).await.map(drop)
    }
}
