//! Putting headers together.

use chain_spec::ChainSpec;
use merkle::tree;
use parity_scale_codec::Encode as _;
use primitives::{
    BlockHash, HEADER_VERSION, Header, Height, StateRoot, TimestampMs, TreeRoot, ValidatorKey, ValidatorSet,
};

use crate::{BlockContext, CheckedTx, Outcome, TxReceipt};

/// The header of an executed block. `validators` is the set that signs this height.
#[must_use]
pub fn header(
    spec: &ChainSpec,
    parent: &Header,
    block: &BlockContext,
    txs: &[CheckedTx],
    outcome: &Outcome,
    state_root: StateRoot,
    validators: &ValidatorSet,
) -> Header {
    assemble(spec, parent.hash(), block, transactions_root(txs), outcome, state_root, validators)
}

/// The genesis header: height 0, the network id as parent, no proposer.
#[must_use]
pub fn genesis_header(spec: &ChainSpec, outcome: &Outcome, state_root: StateRoot) -> Header {
    let parent = BlockHash::new(*spec.network.as_bytes());
    let block = BlockContext { height: Height::GENESIS, timestamp: spec.timestamp, proposer: ValidatorKey::ZERO };
    assemble(spec, parent, &block, transactions_root(&[]), outcome, state_root, &spec.validators)
}

/// Tree over the transactions' EIP-2718 bytes.
#[must_use]
pub fn transactions_root(txs: &[CheckedTx]) -> TreeRoot {
    let leaves: Vec<&[u8]> = txs.iter().map(CheckedTx::raw).collect();
    tree::root(&leaves)
}

/// Tree over the receipts' SCALE bytes.
#[must_use]
pub fn receipts_root(receipts: &[TxReceipt]) -> TreeRoot {
    let leaves: Vec<Vec<u8>> = receipts.iter().map(TxReceipt::encode).collect();
    tree::root(&leaves)
}

/// Why a block's time is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not after the parent. Permanent.
    #[error("block time {found} ms is not after its parent's, {parent} ms")]
    NotAfterParent {
        /// Time of the parent.
        parent: TimestampMs,
        /// Time of the block.
        found: TimestampMs,
    },
    /// Too far ahead of this node's clock; may become right later.
    #[error("block time {found} ms is more than {skew_ms_max} ms ahead of this node's clock, {now} ms")]
    AheadOfClock {
        /// This node's time.
        now: TimestampMs,
        /// Time of the block.
        found: TimestampMs,
        /// Tolerated difference, milliseconds.
        skew_ms_max: u64,
    },
}

/// Checks a proposed block's time: after its parent's, and not further ahead of the clock than the network tolerates.
/// A block that is decided is checked with `now` = its own time: only the first rule counts then.
///
/// # Errors
/// [`TimeError`].
pub fn check_time(spec: &ChainSpec, parent: &Header, found: TimestampMs, now: TimestampMs) -> Result<(), TimeError> {
    if found <= parent.timestamp {
        return Err(TimeError::NotAfterParent { parent: parent.timestamp, found });
    }
    let skew_ms_max = spec.params.clock_skew_ms_max;
    if found.get() > now.get().saturating_add(skew_ms_max) {
        return Err(TimeError::AheadOfClock { now, found, skew_ms_max });
    }
    Ok(())
}

fn assemble(
    spec: &ChainSpec,
    parent: BlockHash,
    block: &BlockContext,
    transactions_root: TreeRoot,
    outcome: &Outcome,
    state_root: StateRoot,
    validators: &ValidatorSet,
) -> Header {
    Header {
        version: HEADER_VERSION,
        chain_id: spec.params.chain_id,
        height: block.height,
        parent,
        timestamp: block.timestamp,
        proposer: block.proposer,
        transactions_root,
        receipts_root: receipts_root(&outcome.receipts),
        state_root,
        log_size: outcome.frontier.size(),
        log_root: outcome.frontier.root(),
        validators: validators.hash(),
        next_validators: outcome.next_validators.hash(),
        params: spec.params.hash(),
    }
}

#[cfg(test)]
#[path = "header_test.rs"]
mod tests;
