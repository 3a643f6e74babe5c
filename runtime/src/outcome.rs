//! What executing a block makes.

use std::collections::BTreeMap;

use merkle::log::Frontier;
use parity_scale_codec::{Decode, Encode};
use primitives::{Address, Commitment, Hash32, Header, Height, LogHash, TimestampMs, ValidatorKey, ValidatorSet};

/// Where and by whom a block is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub timestamp: TimestampMs,
    /// The block's proposer.
    pub proposer: ValidatorKey,
}

impl From<&Header> for BlockContext {
    /// Where a block was made that exists: to run calls as its transactions ran.
    fn from(header: &Header) -> Self {
        Self { height: header.height, timestamp: header.timestamp, proposer: header.proposer }
    }
}

/// Everything that follows from a block's transactions and the state before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// State key → new value, `None` = gone; never a change without effect on a key that was read.
    pub changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// One per transaction.
    pub receipts: Vec<TxReceipt>,
    /// New leaves of the snapshot log, in order.
    pub leaves: Vec<Commitment>,
    /// The snapshot log's frontier after the block (also in `changes`).
    pub frontier: Frontier,
    /// New nodes of the snapshot log: stored index, hash.
    pub log_nodes: Vec<(u64, LogHash)>,
    /// The set that signs the next block.
    pub next_validators: ValidatorSet,
    /// Gas of all transactions.
    pub gas_used: u64,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TxReceipt {
    /// Whether it had its effect; if not, the fee was paid and the nonce used all the same.
    pub success: bool,
    /// Gas paid.
    pub gas_used: u64,
    /// Gas of this and all transactions before it in the block.
    pub cumulative_gas: u64,
    /// Events.
    pub logs: Vec<EventLog>,
    /// ABI-encoded result, or ABI-encoded error; empty when it ran out of gas.
    pub output: Vec<u8>,
}

/// An ABI-encoded event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EventLog {
    /// The contract.
    pub address: Address,
    /// Signature hash and indexed fields, 1 to 4.
    pub topics: Vec<Hash32>,
    /// The other fields.
    pub data: Vec<u8>,
}

impl TxReceipt {
    /// Longest encoding a decoder accepts, bytes: a full batch's events and change.
    pub const ENCODED_MAX: usize = 16 * 1024 * 1024;
}
