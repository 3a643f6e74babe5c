//! Carries commitments from the ledger's outbox to the chain, and finality back.
//!
//! ```text
//!   outbox row ──► vault on chain? ──no──► Vaults.registerFor ──► VaultOnChain ──► ledger
//!        │yes
//!        ▼
//!   leaf there? ──no──► attest ──► Snapshots.commitBatch ──► block
//!        │yes                                                   │
//!        └──────────► FinalityRecord {header, certificate, proofs} ──► ledger
//! ```
//!
//! Nothing here decides anything: the bytes of a commitment are fixed by the ledger, the chain's sequence rule makes a
//! second delivery harmless, and the ledger verifies what comes back. So the relay keeps no state of its own and may be
//! stopped at any point.

mod chain_side;
mod ledger_side;

use std::sync::Arc;
use std::time::Duration;

use chain_spec::ChainSpec;
use consensus::Consensus;
use ed25519_dalek::SigningKey;
use eyre::{Result, eyre};
use primitives::Commitment;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use zeroize::Zeroizing;

use self::chain_side::{ChainSide, Refused};
use self::ledger_side::LedgerSide;
use crate::member::Speaker;

/// Rows taken from the outbox at once; also the most that a batch transaction carries.
const BATCH_MAX: usize = 500;
/// First and longest wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What the relay works with.
pub(crate) struct Relay {
    chain: ChainSide,
    ledger: LedgerSide,
}

impl Relay {
    pub(crate) fn new(
        spec: Arc<ChainSpec>,
        consensus: Consensus,
        speaker: Speaker,
        member: SigningKey,
        operator: Zeroizing<[u8; 32]>,
    ) -> Self {
        Self { ledger: LedgerSide::new(speaker), chain: ChainSide::new(spec, consensus, member, operator) }
    }

    /// Works until it is told to stop. A failure is logged and tried again, ever more slowly.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        loop {
            let mut wait = None;
            tokio::select! {
                () = cancel.cancelled() => return,
                outcome = self.step() => match outcome {
                    Ok(true) => backoff = BACKOFF_MIN,
                    Ok(false) => {
                        backoff = BACKOFF_MIN;
                        tokio::select! {
                            () = cancel.cancelled() => return,
                            () = self.ledger.changed() => {}
                        }
                    }
                    Err(error) => {
                        warn!(target: "relay", error = format!("{error:#}"), retry_ms = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX), "cannot deliver commitments");
                        wait = Some(backoff);
                        backoff = (backoff * 2).min(BACKOFF_MAX);
                    }
                }
            }
            if let Some(wait) = wait {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }

    /// Delivers what the outbox holds; `false` when it is empty.
    async fn step(&mut self) -> Result<bool> {
        let pending = self.ledger.pending(BATCH_MAX).await?;
        metrics::gauge!("strongroom_relay_pending").set(f64::from(u32::try_from(pending.len()).unwrap_or(u32::MAX)));
        if pending.is_empty() {
            return Ok(false);
        }
        // One vault's trouble must not keep the others' finality back; it is told at the end.
        let mut trouble = Ok(());
        for vault in self.ledger.unregistered(&pending).await? {
            match self.chain.register(&vault).await {
                Ok(height) => self.ledger.vault_on_chain(vault.terms.vault(), height).await?,
                Err(error) => trouble = Err(error),
            }
        }
        let missing: Vec<Commitment> = self.chain.missing(&pending)?;
        let refused = if missing.is_empty() { Vec::new() } else { self.chain.commit(&missing).await? };
        for Refused { commitment, reason, for_ever } in refused {
            let (vault, seq) = (commitment.vault, commitment.seq);
            warn!(target: "relay", %vault, seq, reason, for_ever, "the chain refuses a commitment");
            if for_ever {
                self.ledger.release(vault, seq, &reason).await?;
            } else {
                trouble = Err(eyre!("the chain refuses snapshot {seq} of vault {vault}: {reason}"));
            }
        }
        let finals = self.chain.finality(&pending)?;
        let count: usize = finals.iter().map(|record| record.proofs.len()).sum();
        for record in finals {
            self.ledger.record(record).await?;
        }
        if count > 0 {
            info!(target: "relay", commitments = count, "final");
        }
        trouble.map(|()| true)
    }
}
