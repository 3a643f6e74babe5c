//! Transactions that wait for a block: a pure machine; the store, the clock and the state are its caller's.
//!
//! ```text
//!   check (runtime) ──► insert(now, tx, account) ──► one queue per account, by nonce
//!                                                      │ ready = from the account's next nonce, without gap
//!                       select(bytes)      ◄───────────┘ oldest queue head first
//!                       settle(included)   — drops what a block used up, and what the account can no longer pay
//! ```
//!
//! Every removal returns the rows of the store that go with it, so that a block's commit can delete them in its batch.

mod account;
mod error;
#[cfg(test)]
mod pool_test;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use primitives::{Address, TxHash};
use runtime::{Account, CheckedTx, TxError};

use account::{Entry, Queue};
pub use error::PoolError;

use crate::config::PoolLimits;

/// What an insertion did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// Row for the new transaction.
    pub row: u64,
    /// Row of the one that it replaced.
    pub replaced: Option<u64>,
}

/// All waiting transactions.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: PoolLimits,
    queues: HashMap<Address, Queue>,
    by_hash: HashMap<TxHash, (Address, u64)>,
    bytes: usize,
    next_row: u64,
}

impl Pool {
    /// An empty pool whose next row is `next_row`.
    pub(crate) fn new(limits: PoolLimits, next_row: u64) -> Self {
        Self { limits, queues: HashMap::new(), by_hash: HashMap::new(), bytes: 0, next_row }
    }

    /// Takes a transaction of `account`, or says why not.
    pub(crate) fn insert(&mut self, now: Instant, tx: CheckedTx, account: &Account) -> Result<Inserted, PoolError> {
        let row = self.next_row;
        let inserted = self.insert_row(now, tx, account, row)?;
        self.next_row = row.saturating_add(1);
        Ok(inserted)
    }

    /// Takes a transaction that the store already has at `row`.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        tx: CheckedTx,
        account: &Account,
        row: u64,
    ) -> Result<(), PoolError> {
        self.insert_row(now, tx, account, row)?;
        self.next_row = self.next_row.max(row.saturating_add(1));
        Ok(())
    }

    fn insert_row(&mut self, now: Instant, tx: CheckedTx, account: &Account, row: u64) -> Result<Inserted, PoolError> {
        self.admit(&tx, account)?;
        let (hash, sender, nonce) = (tx.hash(), tx.sender(), tx.nonce());
        let replaced = self.remove(&sender, nonce);
        let entry = Entry { tx, row, arrived: now };
        let bytes = entry.bytes();
        let queue = self.queues.entry(sender).or_default();
        queue.next = account.nonce;
        queue.bytes = queue.bytes.saturating_add(bytes);
        queue.entries.insert(nonce, entry);
        self.bytes = self.bytes.saturating_add(bytes);
        self.by_hash.insert(hash, (sender, nonce));
        Ok(Inserted { row, replaced: replaced.map(|entry| entry.row) })
    }

    /// Every rule that a new transaction must pass, in the order in which geth checks them.
    fn admit(&self, tx: &CheckedTx, account: &Account) -> Result<(), PoolError> {
        if self.by_hash.contains_key(&tx.hash()) {
            return Err(PoolError::AlreadyKnown);
        }
        let (next, found) = (account.nonce, tx.nonce());
        if found < next {
            return Err(TxError::NonceTooLow { next, found }.into());
        }
        if found > next.saturating_add(self.limits.nonce_gap_max).max(self.pending_nonce(&tx.sender(), next)) {
            return Err(TxError::NonceTooHigh { next, found }.into());
        }
        let (balance, cost) = (account.balance, tx.cost_max().unwrap_or(u128::MAX));
        if cost > balance {
            return Err(TxError::InsufficientFunds { balance, cost }.into());
        }
        let queue = self.queues.get(&tx.sender());
        let queued = queue.map_or(0, |queue| queue.cost_beside(found));
        if queued.saturating_add(cost) > balance {
            return Err(PoolError::QueuedFunds { balance, queued, cost });
        }
        match queue.and_then(|queue| queue.entries.get(&found)) {
            Some(old) => self.admit_replacement(tx, &old.tx),
            None => self.admit_room(tx, queue),
        }
    }

    fn admit_replacement(&self, tx: &CheckedTx, old: &CheckedTx) -> Result<(), PoolError> {
        let percent = u128::from(self.limits.replacement_percent).saturating_add(100);
        let needed = old.max_fee().saturating_mul(percent).div_ceil(100);
        let found = tx.max_fee();
        if found < needed { Err(PoolError::Underpriced { found, needed }) } else { Ok(()) }
    }

    fn admit_room(&self, tx: &CheckedTx, queue: Option<&Queue>) -> Result<(), PoolError> {
        let limits = &self.limits;
        let bytes = tx.raw().len();
        let own = queue.map_or((0, 0), |queue| (queue.entries.len(), queue.bytes));
        let own = (own.0.saturating_add(1), own.1.saturating_add(bytes));
        if own.0 > limits.account_transactions_max {
            let limit = limits.account_transactions_max;
            return Err(PoolError::AccountLimit { unit: "transactions", found: own.0, limit });
        }
        if own.1 > limits.account_bytes_max {
            return Err(PoolError::AccountLimit { unit: "bytes", found: own.1, limit: limits.account_bytes_max });
        }
        if self.by_hash.len() >= limits.transactions_max {
            return Err(PoolError::Full { unit: "transactions", limit: limits.transactions_max });
        }
        if self.bytes.saturating_add(bytes) > limits.bytes_max {
            return Err(PoolError::Full { unit: "bytes", limit: limits.bytes_max });
        }
        Ok(())
    }

    /// Ready transactions for one block, oldest queue first, each account's in nonce order, up to `bytes_max` bytes
    /// together. How much gas they use shows only when they run.
    pub(crate) fn select(&self, bytes_max: u64) -> Vec<CheckedTx> {
        let mut heads: BinaryHeap<Reverse<(u64, Address, u64)>> = BinaryHeap::new();
        for (sender, queue) in &self.queues {
            if let Some(head) = queue.entries.get(&queue.next) {
                heads.push(Reverse((head.row, *sender, queue.next)));
            }
        }
        let mut bytes_left = bytes_max;
        let mut selected = Vec::new();
        while let Some(Reverse((_, sender, nonce))) = heads.pop() {
            let Some(queue) = self.queues.get(&sender) else { continue };
            let Some(entry) = queue.entries.get(&nonce) else { continue };
            let bytes = u64::try_from(entry.bytes()).unwrap_or(u64::MAX);
            // What does not fit waits with all that follow it; other accounts may still fit.
            let Some(rest) = bytes_left.checked_sub(bytes) else { continue };
            bytes_left = rest;
            selected.push(entry.tx.clone());
            let next = nonce.saturating_add(1);
            if let Some(following) = queue.entries.get(&next) {
                heads.push(Reverse((following.row, sender, next)));
            }
        }
        selected
    }

    /// Whether any transaction can go into the next block.
    pub(crate) fn has_ready(&self) -> bool {
        self.queues.values().any(|queue| queue.entries.contains_key(&queue.next))
    }

    /// Rows of the waiting transactions that a block with these transactions uses up.
    pub(crate) fn rows_used_by(&self, included: &[CheckedTx]) -> Vec<u64> {
        let mut rows = Vec::new();
        for (sender, next) in next_nonces(included) {
            let Some(queue) = self.queues.get(&sender) else { continue };
            rows.extend(queue.entries.range(..next).map(|(_, entry)| entry.row));
        }
        rows
    }

    /// Follows a committed block: `account` is each sender's state after it. Returns the rows dropped, and of the
    /// included transactions that waited here the times when they came.
    pub(crate) fn settle(&mut self, included: &[CheckedTx], account: impl Fn(&Address) -> Account) -> Settled {
        let mut settled = Settled::default();
        for tx in included {
            if let Some((sender, nonce)) = self.by_hash.get(&tx.hash()).copied()
                && let Some(entry) = self.remove(&sender, nonce)
            {
                settled.rows.push(entry.row);
                settled.arrived.push(entry.arrived);
            }
        }
        for (sender, _) in next_nonces(included) {
            settled.rows.extend(self.follow(&sender, &account(&sender)));
        }
        settled
    }

    /// Brings one account's queue in line with its state: used nonces go, and what it can no longer pay.
    fn follow(&mut self, sender: &Address, account: &Account) -> Vec<u64> {
        let Some(queue) = self.queues.get_mut(sender) else { return Vec::new() };
        queue.next = account.nonce;
        let mut left = Some(account.balance);
        let gone: Vec<u64> = queue
            .entries
            .iter()
            .filter(|(nonce, entry)| {
                if **nonce < account.nonce {
                    return true;
                }
                left = left.and_then(|left| left.checked_sub(entry.cost()));
                left.is_none()
            })
            .map(|(nonce, _)| *nonce)
            .collect();
        gone.into_iter().filter_map(|nonce| self.remove(sender, nonce)).map(|entry| entry.row).collect()
    }

    /// Drops a transaction that turned out not to be executable; returns its row.
    pub(crate) fn evict(&mut self, tx: &CheckedTx) -> Option<u64> {
        let (sender, nonce) = self.by_hash.get(&tx.hash()).copied()?;
        self.remove(&sender, nonce).map(|entry| entry.row)
    }

    /// Drops what waited too long; returns the rows.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<u64> {
        let lifetime = self.limits.lifetime;
        let old: Vec<(Address, u64)> = self
            .queues
            .iter()
            .flat_map(|(sender, queue)| queue.entries.iter().map(move |(nonce, entry)| (sender, nonce, entry)))
            .filter(|(_, _, entry)| now.saturating_duration_since(entry.arrived) > lifetime)
            .map(|(sender, nonce, _)| (*sender, *nonce))
            .collect();
        old.into_iter().filter_map(|(sender, nonce)| self.remove(&sender, nonce)).map(|entry| entry.row).collect()
    }

    /// The nonce that the account's next transaction should have, counting those that wait without a gap.
    pub(crate) fn pending_nonce(&self, sender: &Address, next: u64) -> u64 {
        self.queues.get(sender).map_or(next, |queue| queue.pending_nonce().max(next))
    }

    /// A waiting transaction.
    pub(crate) fn get(&self, hash: &TxHash) -> Option<CheckedTx> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        Some(self.queues.get(sender)?.entries.get(nonce)?.tx.clone())
    }

    /// Waiting transactions and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.by_hash.len(), self.bytes)
    }

    fn remove(&mut self, sender: &Address, nonce: u64) -> Option<Entry> {
        let queue = self.queues.get_mut(sender)?;
        let entry = queue.entries.remove(&nonce)?;
        queue.bytes = queue.bytes.saturating_sub(entry.bytes());
        if queue.entries.is_empty() {
            self.queues.remove(sender);
        }
        self.bytes = self.bytes.saturating_sub(entry.bytes());
        self.by_hash.remove(&entry.tx.hash());
        Some(entry)
    }
}

/// What [`Pool::settle`] dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Rows that are no longer needed.
    pub rows: Vec<u64>,
    /// When the included transactions came.
    pub arrived: Vec<Instant>,
}

/// Each sender's next nonce after these transactions.
fn next_nonces(included: &[CheckedTx]) -> HashMap<Address, u64> {
    let mut next = HashMap::new();
    for tx in included {
        let after = tx.nonce().saturating_add(1);
        let slot = next.entry(tx.sender()).or_insert(after);
        *slot = after.max(*slot);
    }
    next
}
