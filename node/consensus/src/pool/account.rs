//! One account's waiting transactions, by nonce.

use std::collections::BTreeMap;
use std::time::Instant;

use runtime::CheckedTx;

/// A waiting transaction.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub tx: CheckedTx,
    /// Its row in the store; rows count arrivals, so they also give the order.
    pub row: u64,
    /// When it came to this process.
    pub arrived: Instant,
}

impl Entry {
    /// Most wei it takes.
    pub(crate) fn cost(&self) -> u128 {
        self.tx.cost_max().unwrap_or(u128::MAX)
    }

    /// Its size, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.tx.raw().len()
    }
}

/// The queue of one account.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The account's next nonce in the state.
    pub next: u64,
    pub entries: BTreeMap<u64, Entry>,
    pub bytes: usize,
}

impl Queue {
    /// Wei that all waiting transactions but the one at `nonce` may take.
    pub(crate) fn cost_beside(&self, nonce: u64) -> u128 {
        self.entries
            .iter()
            .filter(|(at, _)| **at != nonce)
            .fold(0, |sum: u128, (_, entry)| sum.saturating_add(entry.cost()))
    }

    /// Transactions that can go into the next block: from the next nonce on, without gap.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Entry> {
        (self.next..).map_while(|nonce| self.entries.get(&nonce))
    }

    /// The nonce after the last ready transaction.
    pub(crate) fn pending_nonce(&self) -> u64 {
        self.ready().last().map_or(self.next, |entry| entry.tx.nonce().saturating_add(1))
    }
}
