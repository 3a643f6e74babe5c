//! The pool with its surroundings: store, state, clock, and the bell that wakes the application.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use primitives::{Address, TxHash};
use runtime::{Account, CheckedTx};
use store::{Durability, StoreError, schema};
use tokio::sync::Notify;

use crate::chain::Chain;
use crate::config::PoolLimits;
use crate::error::{ChainError, ConsensusError};
use crate::metrics;
use crate::pool::{Pool, PoolError};

/// Takes transactions and hands them to block building.
#[derive(Debug)]
pub(crate) struct Intake {
    chain: Chain,
    pool: Mutex<Pool>,
    bell: Notify,
}

impl Intake {
    /// Opens the pool with the transactions that were waiting when the node stopped.
    pub(crate) fn open(chain: Chain, limits: PoolLimits) -> Result<Self, ConsensusError> {
        let rows = chain.store().scan::<schema::ChainPool>(&[], usize::MAX, |_| true)?;
        let mut pool = Pool::new(limits, 0);
        let mut dropped = Vec::new();
        let now = Instant::now();
        for (row, raw) in rows {
            let kept = runtime::check(&chain.spec().params, &raw).map_err(PoolError::from).and_then(|tx| {
                let account = read_account(&chain, &tx.sender())?;
                pool.restore(now, tx, &account, row)
            });
            if let Err(reason) = kept {
                tracing::debug!(target: "consensus", row, %reason, "a waiting transaction is no longer valid");
                dropped.push(row);
            }
        }
        let intake = Self { chain, pool: Mutex::new(pool), bell: Notify::new() };
        intake.forget(&dropped).map_err(ChainError::from)?;
        Ok(intake)
    }

    /// Takes a transaction. When it returns, the transaction survives the end of this process.
    pub(crate) fn submit(&self, raw: &[u8]) -> Result<TxHash, PoolError> {
        let taken = runtime::check(&self.chain.spec().params, raw).map_err(PoolError::from).and_then(|tx| {
            let hash = tx.hash();
            self.take(tx)?;
            Ok(hash)
        });
        if let Err(error) = &taken {
            ::metrics::counter!(metrics::POOL_REFUSED, "reason" => error.name()).increment(1);
        }
        taken
    }

    fn take(&self, tx: CheckedTx) -> Result<(), PoolError> {
        let mut pool = self.lock();
        let account = read_account(&self.chain, &tx.sender())?;
        let raw = tx.raw().to_vec();
        let inserted = pool.insert(Instant::now(), tx.clone(), &account)?;
        let written = self.write(inserted.row, &raw, inserted.replaced);
        if let Err(error) = written {
            pool.evict(&tx);
            return Err(PoolError::Unavailable { reason: error.to_string() });
        }
        let ready = pool.has_ready();
        gauges(&pool);
        drop(pool);
        if ready {
            self.bell.notify_one();
        }
        Ok(())
    }

    fn write(&self, row: u64, raw: &Vec<u8>, replaced: Option<u64>) -> Result<(), StoreError> {
        let mut batch = self.chain.store().batch();
        batch.put::<schema::ChainPool>(&row, raw)?;
        if let Some(replaced) = replaced {
            batch.delete::<schema::ChainPool>(&replaced)?;
        }
        batch.commit(Durability::Buffered)
    }

    /// Resolves when a transaction came in that can go into a block.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether a block would have a transaction.
    pub(crate) fn has_ready(&self) -> bool {
        self.lock().has_ready()
    }

    /// Transactions for the next block.
    pub(crate) fn select(&self) -> Vec<CheckedTx> {
        self.lock().select(u64::from(self.chain.spec().params.block_bytes_max))
    }

    /// Rows that a block with these transactions uses up.
    pub(crate) fn rows_used_by(&self, included: &[CheckedTx]) -> Vec<u64> {
        self.lock().rows_used_by(included)
    }

    /// Drops transactions that turned out not to be executable.
    pub(crate) fn evict(&self, misfits: &[CheckedTx]) -> Result<(), ChainError> {
        let rows: Vec<u64> = {
            let mut pool = self.lock();
            misfits.iter().filter_map(|tx| pool.evict(tx)).collect()
        };
        Ok(self.forget(&rows)?)
    }

    /// Follows a committed block; drops what is used up, unpayable or too old.
    pub(crate) fn settle(&self, included: &[CheckedTx]) -> Result<(), ConsensusError> {
        let mut accounts = HashMap::new();
        let senders: HashSet<Address> = included.iter().map(CheckedTx::sender).collect();
        for sender in senders {
            let account = runtime::account(&self.chain.state(), &sender)
                .map_err(|error| ChainError::State { reason: error.to_string() })?;
            accounts.insert(sender, account);
        }
        let account = |sender: &Address| accounts.get(sender).copied().unwrap_or_default();
        let now = Instant::now();
        let (settled, expired) = {
            let mut pool = self.lock();
            let settled = pool.settle(included, account);
            let expired = pool.expire(now);
            gauges(&pool);
            (settled, expired)
        };
        for arrived in settled.arrived {
            metrics::observe(metrics::FINALITY, now.saturating_duration_since(arrived));
        }
        let rows: Vec<u64> = settled.rows.into_iter().chain(expired).collect();
        self.forget(&rows).map_err(ChainError::from)?;
        Ok(())
    }

    /// The nonce of the account's next transaction, counting those that wait.
    pub(crate) fn pending_nonce(&self, sender: &Address) -> Result<u64, ChainError> {
        let account = runtime::account(&self.chain.state(), sender)
            .map_err(|error| ChainError::State { reason: error.to_string() })?;
        Ok(self.lock().pending_nonce(sender, account.nonce))
    }

    /// A waiting transaction.
    pub(crate) fn get(&self, hash: &TxHash) -> Option<CheckedTx> {
        self.lock().get(hash)
    }

    /// Waiting transactions and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.lock().size()
    }

    fn forget(&self, rows: &[u64]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = self.chain.store().batch();
        for row in rows {
            batch.delete::<schema::ChainPool>(row)?;
        }
        batch.commit(Durability::Buffered)
    }

    /// The pool is a plain machine that a panic leaves consistent enough to go on: every method either finishes or
    /// has changed nothing that a restart does not repair.
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_account(chain: &Chain, sender: &Address) -> Result<Account, PoolError> {
    runtime::account(&chain.state(), sender).map_err(|error| PoolError::Unavailable { reason: error.to_string() })
}

fn gauges(pool: &Pool) {
    let (transactions, bytes) = pool.size();
    metrics::gauge(metrics::POOL_TRANSACTIONS, u64::try_from(transactions).unwrap_or(u64::MAX));
    metrics::gauge(metrics::POOL_BYTES, u64::try_from(bytes).unwrap_or(u64::MAX));
}
