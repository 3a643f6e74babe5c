//! One block, one batch: after it, all of the block is there; before it, nothing.

use std::time::Instant;

use merkle::state::StateUpdate;
use parity_scale_codec::Encode;
use primitives::{BlockHash, Certificate, EthHash, Header, Height, ValidatorSet};
use runtime::{CheckedTx, Outcome};
use store::{Batch, Durability, Raw, StoreError, schema};

use super::Chain;
use crate::error::ChainError;
use crate::metrics;

/// A decided block with everything that executing it made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalBlock<'a> {
    pub header: &'a Header,
    pub transactions: &'a [CheckedTx],
    pub outcome: &'a Outcome,
    pub update: &'a StateUpdate,
    /// `None` for genesis only.
    pub certificate: Option<&'a Certificate>,
    /// The set that signed this block.
    pub validators: &'a ValidatorSet,
    /// Rows of the pool that this block uses up.
    pub pool_rows: &'a [u64],
}

impl Chain {
    /// Writes a block that stands on the last one, synced. Readers see it from then on; followers of the head only
    /// after [`Chain::announce`].
    pub(crate) fn commit(&self, block: &FinalBlock<'_>) -> Result<(), ChainError> {
        let started = Instant::now();
        let height = block.header.height;
        let mut batch = self.store().batch();
        self.put_block(&mut batch, block)?;
        put_state(&mut batch, block)?;
        put_log(&mut batch, block)?;
        for row in block.pool_rows {
            batch.delete::<schema::ChainPool>(row)?;
        }
        for key in self.undecided_keys(height)? {
            batch.delete::<schema::ChainUndecided>(&key)?;
        }
        batch.commit(Durability::Synced)?;
        metrics::observe(metrics::COMMIT, started.elapsed());
        self.advance(block.header.clone());
        Ok(())
    }

    fn put_block(&self, batch: &mut Batch<'_>, block: &FinalBlock<'_>) -> Result<(), ChainError> {
        let (header, height, hash) = (block.header, block.header.height, block.header.hash());
        let eth_hash = self.derive_eth_hash(block)?;
        let body: Vec<Vec<u8>> = block.transactions.iter().map(|tx| tx.raw().to_vec()).collect();
        batch.put::<schema::ChainHeaders>(&height, header)?;
        batch.put::<schema::ChainBodies>(&height, &body)?;
        batch.put::<schema::ChainReceipts>(&height, &Raw(block.outcome.receipts.encode()))?;
        batch.put::<schema::ChainEthHashes>(&height, &eth_hash)?;
        batch.put::<schema::ChainByHash>(&hash, &height)?;
        batch.put::<schema::ChainByEthHash>(&eth_hash, &height)?;
        for (position, tx) in (0u32..).zip(block.transactions) {
            batch.put::<schema::ChainByTx>(&tx.hash(), &(height, position))?;
        }
        if let Some(certificate) = block.certificate {
            batch.put::<schema::ChainCertificates>(&height, certificate)?;
        }
        if height == Height::GENESIS {
            batch.put::<schema::ChainValidators>(&height, block.validators)?;
        }
        if block.outcome.next_validators != *block.validators {
            batch.put::<schema::ChainValidators>(&height.next(), &block.outcome.next_validators)?;
        }
        Ok(())
    }

    fn derive_eth_hash(&self, block: &FinalBlock<'_>) -> Result<EthHash, ChainError> {
        let parent = match block.header.height.previous() {
            Some(previous) => Self::required("the parent's Ethereum hash", previous, self.eth_hash(previous)?)?,
            None => EthHash::ZERO,
        };
        let receipts = &block.outcome.receipts;
        let header = runtime::eth::header(block.header, parent, block.transactions, receipts, &self.spec().params);
        Ok(EthHash::new(header.hash_slow().0))
    }

    /// Stored proposals up to a height.
    pub(crate) fn undecided_keys(&self, decided: Height) -> Result<Vec<(Height, BlockHash)>, StoreError> {
        let above = decided.get().saturating_add(1).to_be_bytes();
        let rows = self.store().scan::<schema::ChainUndecided>(&[], usize::MAX, |key| key < above.as_slice())?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }
}

fn put_state(batch: &mut Batch<'_>, block: &FinalBlock<'_>) -> Result<(), StoreError> {
    let version = block.header.height.get();
    for (key, value) in &block.outcome.changes {
        match value {
            Some(value) => batch.put::<schema::StateLatest>(key, &Raw(value.clone()))?,
            None => batch.delete::<schema::StateLatest>(key)?,
        }
    }
    for (key, node) in &block.update.nodes {
        batch.put::<schema::StateNodes>(key, &Raw(node.clone()))?;
    }
    for (key_hash, value) in &block.update.values {
        batch.put::<schema::StateValues>(&(*key_hash, version), value)?;
    }
    for stale in &block.update.stale {
        batch.put::<schema::StateStale>(stale, &())?;
    }
    Ok(())
}

fn put_log(batch: &mut Batch<'_>, block: &FinalBlock<'_>) -> Result<(), ChainError> {
    let outcome = block.outcome;
    for (index, hash) in &outcome.log_nodes {
        batch.put::<schema::LogNodes>(index, hash)?;
    }
    let count = u64::try_from(outcome.leaves.len()).unwrap_or(u64::MAX);
    let first = outcome
        .frontier
        .size()
        .checked_sub(count)
        .ok_or_else(|| ChainError::Proof { reason: "a block adds more leaves than its log has".to_owned() })?;
    for (index, leaf) in (first..).zip(&outcome.leaves) {
        batch.put::<schema::LogLeaves>(&index, leaf)?;
        batch.put::<schema::LogByHash>(&leaf.hash(), &(index, block.header.height))?;
    }
    Ok(())
}
