//! Executing blocks.

use chain_spec::ChainSpec;
use merkle::log::{Frontier, leaf_hash};
use parity_scale_codec::Encode as _;
use primitives::{Commitment, LogHash};

use crate::address::VALIDATORS;
use crate::contracts::{Abort, Env, SystemCall};
use crate::gas::count;
use crate::state::{Account, Overlay, StateKey, StateView, frontier};
use crate::{BlockContext, CheckedTx, EventLog, ExecuteError, Outcome, TxError, TxReceipt, ViewError};

/// Executes a block. The same input gives the same outcome, on every machine.
///
/// # Errors
/// [`ExecuteError`] when a transaction may not be in this block, the block is too large, or the state cannot be read.
pub fn execute<V: StateView>(
    spec: &ChainSpec,
    view: &V,
    block: &BlockContext,
    txs: &[CheckedTx],
) -> Result<Outcome, ExecuteError> {
    let mut executor = Executor::new(spec, view, block)?;
    for tx in txs {
        executor.push(tx)?;
    }
    executor.finish()
}

/// A block in the making: transactions go in one by one. A proposer leaves out those that are refused.
pub struct Executor<'a> {
    spec: &'a ChainSpec,
    block: &'a BlockContext,
    state: Overlay<'a>,
    frontier: Frontier,
    receipts: Vec<TxReceipt>,
    leaves: Vec<Commitment>,
    log_nodes: Vec<(u64, LogHash)>,
    gas_left: u64,
    bytes_left: u64,
    fees: u128,
}

impl std::fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor")
            .field("block", &self.block)
            .field("receipts", &self.receipts.len())
            .finish_non_exhaustive()
    }
}

/// What a call did to the running transaction.
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) output: Vec<u8>,
    pub(crate) logs: Vec<EventLog>,
    pub(crate) leaves: Vec<Commitment>,
}

impl<'a> Executor<'a> {
    /// Begins a block on top of a state.
    ///
    /// # Errors
    /// [`ExecuteError::View`] when the state cannot be read.
    pub fn new<V: StateView>(spec: &'a ChainSpec, view: &'a V, block: &'a BlockContext) -> Result<Self, ExecuteError> {
        Ok(Self {
            spec,
            block,
            frontier: frontier(view)?,
            state: Overlay::new(view),
            receipts: Vec::new(),
            leaves: Vec::new(),
            log_nodes: Vec::new(),
            gas_left: spec.params.block_gas_limit,
            bytes_left: u64::from(spec.params.block_bytes_max),
            fees: 0,
        })
    }

    /// Executes one more transaction. After an error (other than [`ExecuteError::View`]) the block is as it was before.
    ///
    /// # Errors
    /// [`ExecuteError::Transaction`] when the account's nonce or balance does not fit, [`ExecuteError::BlockGas`] or
    /// [`ExecuteError::BlockBytes`] when the block is full.
    pub fn push(&mut self, tx: &CheckedTx) -> Result<&TxReceipt, ExecuteError> {
        let index = self.receipts.len();
        let (gas, bytes) = (tx.gas_limit(), count(tx.raw().len()));
        if gas > self.gas_left {
            return Err(ExecuteError::BlockGas { index, left: self.gas_left, asked: gas });
        }
        if bytes > self.bytes_left {
            return Err(ExecuteError::BlockBytes { index, left: self.bytes_left, asked: bytes });
        }
        let sender = self.admit(tx, index)?;
        let call = SystemCall::decode(&tx.to(), tx.input());
        let needed = tx.intrinsic_gas().saturating_add(call_gas(self.spec, call.as_ref()));
        let gas_used = needed.min(gas);
        self.charge(tx, sender, gas_used)?;
        let ran = if needed > gas { Ran::failed(Vec::new()) } else { self.run(tx, call)? };
        self.gas_left = self.gas_left.saturating_sub(gas_used);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.append(&ran.leaves);
        self.leaves.extend(ran.leaves);
        let cumulative_gas = self.spec.params.block_gas_limit.saturating_sub(self.gas_left);
        let receipt = TxReceipt { success: ran.success, gas_used, cumulative_gas, logs: ran.logs, output: ran.output };
        self.receipts.push(receipt);
        self.receipts.last().ok_or(ExecuteError::Invariant { what: "a receipt was just pushed" })
    }

    /// Gas and bytes that the block still has room for.
    #[must_use]
    pub const fn room(&self) -> (u64, u64) {
        (self.gas_left, self.bytes_left)
    }

    /// Ends the block: credits the fees, stores the snapshot log's frontier.
    ///
    /// # Errors
    /// [`ExecuteError::View`] when the state cannot be read.
    pub fn finish(mut self) -> Result<Outcome, ExecuteError> {
        if self.fees != 0 {
            let key = StateKey::Account(VALIDATORS);
            let mut account: Account = self.state.read(&key)?.unwrap_or_default();
            account.balance = add(account.balance, self.fees)?;
            self.state.put(&key, &account);
        }
        if !self.leaves.is_empty() {
            self.state.put(&StateKey::SnapshotLog, &self.frontier);
        }
        self.state.keep();
        let key = StateKey::Validators;
        let next_validators = self.state.read(&key)?.ok_or_else(|| ViewError::absent(&key))?;
        Ok(Outcome {
            changes: self.state.into_changes(),
            receipts: self.receipts,
            leaves: self.leaves,
            frontier: self.frontier,
            log_nodes: self.log_nodes,
            next_validators,
            gas_used: self.spec.params.block_gas_limit.saturating_sub(self.gas_left),
        })
    }

    /// Checks nonce and balance; returns the sender's account.
    fn admit(&mut self, tx: &CheckedTx, index: usize) -> Result<Account, ExecuteError> {
        let account: Account = self.state.read(&StateKey::Account(tx.sender()))?.unwrap_or_default();
        check_account(&account, tx).map_err(|error| ExecuteError::Transaction { index, error })?;
        Ok(account)
    }

    /// Uses up the nonce and takes the fee, whatever the call does.
    fn charge(&mut self, tx: &CheckedTx, mut sender: Account, gas_used: u64) -> Result<(), ExecuteError> {
        let fee = u128::from(gas_used).saturating_mul(u128::from(self.spec.params.base_fee));
        sender.nonce = sender.nonce.saturating_add(1);
        sender.balance = subtract(sender.balance, fee)?;
        self.fees = add(self.fees, fee)?;
        self.state.put(&StateKey::Account(tx.sender()), &sender);
        self.state.keep();
        Ok(())
    }

    fn run(&mut self, tx: &CheckedTx, call: Option<Result<SystemCall, Abort>>) -> Result<Ran, ExecuteError> {
        let ran = match call {
            None => {
                transfer(&mut self.state, tx)?;
                Ran { success: true, output: Vec::new(), logs: Vec::new(), leaves: Vec::new() }
            }
            Some(call) => {
                let mut env = Env::new(self.spec, self.block, &mut self.state, &self.frontier, tx.sender());
                run_call(&mut env, call, tx.value())?
            }
        };
        if ran.success {
            self.state.keep();
        } else {
            self.state.discard();
        }
        Ok(ran)
    }

    fn append(&mut self, leaves: &[Commitment]) {
        for leaf in leaves {
            let nodes = self.frontier.push(leaf_hash(&leaf.encode()));
            self.log_nodes.extend(nodes);
        }
    }
}

impl Ran {
    pub(crate) const fn failed(output: Vec<u8>) -> Self {
        Self { success: false, output, logs: Vec::new(), leaves: Vec::new() }
    }
}

/// Whether an account can send a transaction now: the next nonce, and enough for the most that it may cost.
///
/// # Errors
/// [`TxError`] for nonce or funds.
pub fn check_account(account: &Account, tx: &CheckedTx) -> Result<(), TxError> {
    let (next, found) = (account.nonce, tx.nonce());
    if found < next {
        return Err(TxError::NonceTooLow { next, found });
    }
    if found > next {
        return Err(TxError::NonceTooHigh { next, found });
    }
    let cost = tx.cost_max().unwrap_or(u128::MAX);
    if tx.cost_max().is_none() || cost > account.balance {
        return Err(TxError::InsufficientFunds { balance: account.balance, cost });
    }
    Ok(())
}

/// Gas of a decoded call; calldata that does not decode fails without further work.
pub(crate) fn call_gas(spec: &ChainSpec, call: Option<&Result<SystemCall, Abort>>) -> u64 {
    match call {
        Some(Ok(call)) => call.gas(&spec.params.gas),
        Some(Err(_)) | None => 0,
    }
}

/// Runs a decoded call; a revert is an answer, not an error.
pub(crate) fn run_call(env: &mut Env<'_, '_>, call: Result<SystemCall, Abort>, value: u128) -> Result<Ran, ViewError> {
    match call.and_then(|call| call.run(env, value)) {
        Ok(output) => {
            let (logs, leaves) = (std::mem::take(&mut env.logs), std::mem::take(&mut env.leaves));
            Ok(Ran { success: true, output, logs, leaves })
        }
        Err(Abort::Revert(output)) => Ok(Ran::failed(output)),
        Err(Abort::View(error)) => Err(error),
    }
}

/// Moves value between accounts; the sender's balance was checked.
fn transfer(state: &mut Overlay<'_>, tx: &CheckedTx) -> Result<(), ExecuteError> {
    let (from, to) = (StateKey::Account(tx.sender()), StateKey::Account(tx.to()));
    let mut sender: Account = state.read(&from)?.unwrap_or_default();
    sender.balance = subtract(sender.balance, tx.value())?;
    state.put(&from, &sender);
    if tx.value() == 0 {
        return Ok(());
    }
    let mut recipient: Account = state.read(&to)?.unwrap_or_default();
    recipient.balance = add(recipient.balance, tx.value())?;
    state.put(&to, &recipient);
    Ok(())
}

/// All balances together fit into `u128`: genesis checks it, and nothing makes new ones.
fn add(balance: u128, amount: u128) -> Result<u128, ExecuteError> {
    balance.checked_add(amount).ok_or(ExecuteError::Invariant { what: "the sum of all balances fits in 128 bits" })
}

fn subtract(balance: u128, amount: u128) -> Result<u128, ExecuteError> {
    balance
        .checked_sub(amount)
        .ok_or(ExecuteError::Invariant { what: "the balance covers the most a transaction costs" })
}

#[cfg(test)]
#[path = "execute_test.rs"]
mod tests;
