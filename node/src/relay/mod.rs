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
//! second delivery harmless, and the ledger verifies what comes back. So the relay keeps nothing but whose turn it is, and
//! may be stopped at any point. What the chain will never record leaves the outbox; a vault whose commitments it does not
//! take now waits by itself.

mod chain_side;
mod ledger_side;
mod turns;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use chain_spec::ChainSpec;
use consensus::Consensus;
use ed25519_dalek::SigningKey;
use eyre::Result;
use primitives::{Commitment, VaultId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use zeroize::Zeroizing;

use self::chain_side::ChainSide;
use self::ledger_side::LedgerSide;
use self::turns::Turns;
use self::verdict::{Judged, Refused};
use crate::member::Speaker;

/// Rows taken from the outbox at once; also the most that a batch transaction carries.
const BATCH_MAX: usize = 500;
/// First and longest wait after a failure: of a vault when only it is concerned, else of all.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What the relay works with.
pub(crate) struct Relay {
    chain: ChainSide,
    ledger: LedgerSide,
    turns: Turns,
}

impl Relay {
    pub(crate) fn new(
        spec: Arc<ChainSpec>,
        consensus: Consensus,
        speaker: Speaker,
        member: SigningKey,
        operator: Zeroizing<[u8; 32]>,
    ) -> Self {
        let chain = ChainSide::new(spec, consensus, member, operator);
        Self { ledger: LedgerSide::new(speaker), chain, turns: Turns::default() }
    }

    /// Works until it is told to stop. A failure is logged and tried again, ever more slowly.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        // Nothing is lost when it ends amid a step.
        let _ = cancel.run_until_cancelled(self.work()).await;
    }

    async fn work(&mut self) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.step().await {
                Ok(true) => backoff = BACKOFF_MIN,
                Ok(false) => {
                    backoff = BACKOFF_MIN;
                    let turn = self.turns.next();
                    tokio::select! {
                        () = self.ledger.changed() => {}
                        () = reached(turn) => {}
                    }
                }
                Err(error) => {
                    warn!(target: "relay", error = format!("{error:#}"), retry_ms = millis(backoff), "cannot deliver commitments");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Delivers what the outbox holds; `false` when there is nothing, or every vault in it waits for its turn. An error
    /// concerns all vaults.
    async fn step(&mut self) -> Result<bool> {
        let now = Instant::now();
        let mut pending = self.ledger.pending(BATCH_MAX, |vault| self.turns.waits(now, vault)).await?;
        metrics::gauge!("strongroom_relay_pending").set(f64::from(u32::try_from(pending.len()).unwrap_or(u32::MAX)));
        if pending.is_empty() {
            self.turns.forget_due(now);
            return Ok(false);
        }
        self.register(&mut pending).await?;
        let missing: Vec<Commitment> = self.chain.missing(&pending)?;
        if !missing.is_empty() {
            let refused = self.chain.commit(&missing).await?;
            self.settle(refused).await?;
        }
        let finals = self.chain.finality(&pending)?;
        let count: usize = finals.iter().map(|record| record.proofs.len()).sum();
        for record in finals {
            let vaults: Vec<VaultId> = record.proofs.iter().map(|proof| proof.vault).collect();
            self.ledger.record(record).await?;
            vaults.iter().for_each(|vault| self.turns.passed(vault));
        }
        if count > 0 {
            info!(target: "relay", commitments = count, "final");
        }
        Ok(true)
    }

    /// Brings vaults onto the chain that it does not know; commitments of those that it does not take are left for later.
    async fn register(&mut self, pending: &mut Vec<Commitment>) -> Result<()> {
        for record in self.ledger.unregistered(pending).await? {
            let vault = record.terms.vault();
            match self.chain.register(&record).await {
                Ok(height) => self.ledger.vault_on_chain(vault, height).await?,
                Err(error) => {
                    let wait = self.turns.failed(Instant::now(), vault);
                    warn!(target: "relay", %vault, error = format!("{error:#}"), retry_ms = millis(wait), "cannot register a vault");
                    pending.retain(|commitment| commitment.vault != vault);
                }
            }
        }
        Ok(())
    }

    /// Releases what the chain will never record; vaults of the rest wait for their turn.
    async fn settle(&mut self, refused: Vec<Refused>) -> Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let before_comes = self.ledger.before_comes(refused.iter().map(|refused| &refused.commitment)).await?;
        let Judged { never, later } = self.chain.judge(refused, before_comes)?;
        if let Some((vault, seq, reason)) = never.first() {
            let count = never.len();
            warn!(target: "relay", %vault, seq, reason, count, "the chain will never record commitments, of which this is the first");
            self.ledger.release(&never).await?;
        }
        for (vault, (seq, reason)) in later {
            let wait = self.turns.failed(Instant::now(), vault);
            warn!(target: "relay", %vault, seq, reason, retry_ms = millis(wait), "the chain does not take a commitment now");
        }
        Ok(())
    }
}

/// Waits until a moment; for ever when there is none.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "relay_test.rs"]
mod tests;
