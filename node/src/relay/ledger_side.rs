//! The relay's view of the ledger: what waits, and what it is told.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, SigningKey};
use eyre::{Result, bail, eyre};
use ledger::{Consistency, Ledger};
use primitives::ledger::{Command, CommitmentProof, SignedCommand, Signer, VaultRecord};
use primitives::{Certificate, Commitment, Ed25519Signature, Header, Height, MemberKey, NetworkId, SessionId, VaultId};
use rand::TryRngCore;
use tokio::sync::watch;

/// Finality of some commitments, as one header proves it.
pub(super) struct FinalityRecord {
    pub(super) header: Header,
    pub(super) certificate: Certificate,
    pub(super) proofs: Vec<CommitmentProof>,
}

pub(super) struct LedgerSide {
    network: NetworkId,
    ledger: Ledger,
    changes: watch::Receiver<u64>,
    member: SigningKey,
    session: SessionId,
    serial: u64,
}

impl LedgerSide {
    pub(super) fn new(network: NetworkId, ledger: Ledger, member: SigningKey) -> Self {
        let mut session = [0u8; 16];
        rand::rngs::OsRng.try_fill_bytes(&mut session).expect("the system's randomness was there a moment ago, for the keys");
        Self { network, changes: ledger.changes(), ledger, member, session: SessionId::new(session), serial: 0 }
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
        let mut commitments = Vec::new();
        for (_, vault, seq) in self.ledger.outbox(limit, Consistency::Stale).await? {
            let record = self
                .ledger
                .snapshot(vault, seq, Consistency::Stale)
                .await?
                .ok_or_else(|| eyre!("the outbox names snapshot {seq} of vault {vault}, which the ledger does not have"))?;
            commitments.push(record.commitment);
        }
        Ok(commitments)
    }

    /// Vaults of these commitments that the chain does not know yet.
    pub(super) async fn unregistered(&self, pending: &[Commitment]) -> Result<Vec<VaultRecord>> {
        let vaults: BTreeSet<VaultId> = pending.iter().map(|commitment| commitment.vault).collect();
        let mut unregistered = Vec::new();
        for vault in vaults {
            let record = self.ledger.vault(vault, Consistency::Stale).await?.ok_or_else(|| eyre!("vault {vault} is gone"))?;
            if record.on_chain.is_none() {
                unregistered.push(record);
            }
        }
        Ok(unregistered)
    }

    pub(super) async fn vault_on_chain(&mut self, vault: VaultId, height: Height) -> Result<()> {
        self.submit(Command::VaultOnChain { vault, height }).await
    }

    pub(super) async fn record(&mut self, record: FinalityRecord) -> Result<()> {
        let FinalityRecord { header, certificate, proofs } = record;
        self.submit(Command::FinalityRecord { header, certificate, proofs }).await
    }

    async fn submit(&mut self, command: Command) -> Result<()> {
        self.serial += 1;
        let hash = SignedCommand::sign_hash(&self.network, &command, self.session, self.serial);
        let signature = Ed25519Signature::new(self.member.sign(hash.as_ref()).to_bytes());
        let signer = Signer::Member(MemberKey::new(self.member.verifying_key().to_bytes()), signature);
        let signed = SignedCommand { command, session: self.session, serial: self.serial, signer };
        match self.ledger.submit(vec![signed]).await?.pop() {
            Some(Ok(_)) => Ok(()),
            Some(Err(refusal)) => bail!("the ledger refused it: {refusal}"),
            None => bail!("the ledger gave no outcome"),
        }
    }
}
