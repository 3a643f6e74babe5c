//! Builds, checks and commits blocks on top of the last final one.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use malachite_core_types::Round;
use merkle::state::StateUpdate;
use parity_scale_codec::Encode;
use primitives::{BlockHash, Certificate, Header, Height, TimestampMs, ValidatorKey, ValidatorSet};
use runtime::{BlockContext, CheckedTx, ExecuteError, Outcome};
use store::{Durability, Raw, schema};

use crate::block::{Block, Undecided};
use crate::chain::{Chain, FinalBlock};
use crate::error::{ChainError, ConsensusError};
use crate::metrics;

/// A block whose transactions ran: what it needs to be committed.
#[derive(Debug)]
struct Executed {
    header: Header,
    transactions: Vec<CheckedTx>,
    outcome: Outcome,
    update: StateUpdate,
}

/// Why a block of another validator is not voted for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unfit(String);

/// Executes on top of the last final block; keeps results until one of them is decided.
#[derive(Debug)]
pub(crate) struct Executor {
    chain: Chain,
    /// Results for the height in progress, so that a decided block does not run twice.
    executed: HashMap<BlockHash, Executed>,
}

/// A transaction that a block cannot hold, found while building it.
type Misfit = CheckedTx;

impl Executor {
    /// An executor on `chain`.
    pub(crate) fn new(chain: Chain) -> Self {
        Self { chain, executed: HashMap::new() }
    }

    /// The last final header.
    pub(crate) fn tip(&self) -> Result<Header, ChainError> {
        Chain::required("header", Height::GENESIS, self.chain.head())
    }

    /// The set that signs the height after the last final one.
    pub(crate) fn validators(&self) -> Result<ValidatorSet, ChainError> {
        let next = self.tip()?.height.next();
        Chain::required("validator set", next, self.chain.validators_at(next)?)
    }

    /// Builds the next block from as many `candidates` as fit. Those that can never be executed are left out and
    /// returned; those that only do not fit wait on, with all that follow them of the same sender.
    pub(crate) fn build(
        &mut self,
        candidates: Vec<CheckedTx>,
        now: TimestampMs,
        proposer: ValidatorKey,
    ) -> Result<(Block, Vec<Misfit>), ConsensusError> {
        let started = Instant::now();
        let tip = self.tip()?;
        let height = tip.height.next();
        let timestamp = TimestampMs::new(now.get().max(tip.timestamp.get().saturating_add(1)));
        let context = BlockContext { height, timestamp, proposer };
        let state = self.chain.state();
        let broken = |reason: String| ConsensusError::Execution { height, reason };
        let mut run =
            runtime::Executor::new(self.chain.spec(), &state, &context).map_err(|error| broken(error.to_string()))?;
        let (mut included, mut misfits, mut passed_over) = (Vec::new(), Vec::new(), HashSet::new());
        for tx in candidates {
            if passed_over.contains(&tx.sender()) {
                continue;
            }
            match run.push(&tx) {
                Ok(_) => included.push(tx),
                Err(ExecuteError::BlockGas { .. } | ExecuteError::BlockBytes { .. }) => {
                    passed_over.insert(tx.sender());
                }
                Err(ExecuteError::Transaction { error, .. }) => {
                    tracing::debug!(target: "consensus", tx = %tx.hash(), %error, "left out of a block");
                    passed_over.insert(tx.sender());
                    misfits.push(tx);
                }
                Err(error) => return Err(broken(error.to_string())),
            }
        }
        let outcome = run.finish().map_err(|error| broken(error.to_string()))?;
        let (update, header) = self.finish(&tip, &context, &included, &outcome).map_err(broken)?;
        metrics::observe(metrics::EXECUTE, started.elapsed());
        let block = Block::new(header.clone(), included.iter().map(|tx| tx.raw().to_vec()).collect());
        self.executed.insert(block.hash(), Executed { header, transactions: included, outcome, update });
        Ok((block, misfits))
    }

    /// Checks a block of anyone: that it stands on the last final one, is made by `author` (or, when that is `None`,
    /// by any member of the set), and that executing it gives its header.
    pub(crate) fn check(
        &mut self,
        block: &Block,
        author: Option<ValidatorKey>,
        now: TimestampMs,
    ) -> Result<Result<(), Unfit>, ConsensusError> {
        let tip = self.tip()?;
        let header = &block.header;
        // Also of a block that ran before: who may propose it, and whether it comes too early, differs from round to round.
        if let Err(unfit) = self.check_header(&tip, header, author, now)? {
            return Ok(Err(unfit));
        }
        let hash = block.hash();
        if self.executed.contains_key(&hash) {
            return Ok(Ok(()));
        }
        let params = &self.chain.spec().params;
        let checked: Result<Vec<CheckedTx>, _> =
            block.transactions.iter().map(|raw| runtime::check(params, raw)).collect();
        let transactions = match checked {
            Ok(transactions) => transactions,
            Err(error) => return Ok(Err(Unfit(format!("a transaction is not valid: {error}")))),
        };
        let context = BlockContext { height: header.height, timestamp: header.timestamp, proposer: header.proposer };
        match self.execute(&tip, &context, &transactions) {
            Ok((outcome, update, found)) if found == *header => {
                self.executed.insert(hash, Executed { header: found, transactions, outcome, update });
                Ok(Ok(()))
            }
            Ok((_, _, found)) => Ok(Err(Unfit(difference(header, &found)))),
            Err(Failure::Block(reason)) => Ok(Err(Unfit(reason))),
            Err(Failure::Node(reason)) => Err(ConsensusError::Execution { height: header.height, reason }),
        }
    }

    fn check_header(
        &self,
        tip: &Header,
        header: &Header,
        author: Option<ValidatorKey>,
        now: TimestampMs,
    ) -> Result<Result<(), Unfit>, ChainError> {
        let unfit = |reason: String| Ok(Err(Unfit(reason)));
        if header.height != tip.height.next() {
            return unfit(format!("height {} does not follow {}", header.height, tip.height));
        }
        if header.parent != tip.hash() {
            return unfit(format!("parent {} is not the last final block {}", header.parent, tip.hash()));
        }
        let known = match author {
            Some(author) => header.proposer == author,
            None => self.validators()?.find(&header.proposer).is_some(),
        };
        if !known {
            return unfit(format!("{} may not propose it", header.proposer));
        }
        if let Err(error) = runtime::check_time(self.chain.spec(), tip, header.timestamp, now) {
            return unfit(error.to_string());
        }
        Ok(Ok(()))
    }

    fn execute(
        &self,
        tip: &Header,
        context: &BlockContext,
        transactions: &[CheckedTx],
    ) -> Result<(Outcome, StateUpdate, Header), Failure> {
        let started = Instant::now();
        let outcome = runtime::execute(self.chain.spec(), &self.chain.state(), context, transactions)?;
        let (update, header) = self.finish(tip, context, transactions, &outcome).map_err(Failure::Node)?;
        metrics::observe(metrics::EXECUTE, started.elapsed());
        Ok((outcome, update, header))
    }

    /// The state's new root, and the header that speaks for it all.
    fn finish(
        &self,
        tip: &Header,
        context: &BlockContext,
        transactions: &[CheckedTx],
        outcome: &Outcome,
    ) -> Result<(StateUpdate, Header), String> {
        let update = merkle::state::apply(&self.chain.state(), context.height.get(), &outcome.changes)
            .map_err(|error| error.to_string())?;
        let validators = self.validators().map_err(|error| error.to_string())?;
        let header = runtime::header(self.chain.spec(), tip, context, transactions, outcome, update.root, &validators);
        Ok((update, header))
    }

    /// Puts a proposed block on disk, synced. Only then may the engine hear of it: it keeps nothing but the hash.
    pub(crate) fn store(&self, proposal: &Undecided) -> Result<(), ChainError> {
        let key = (proposal.block.header.height, proposal.block.hash());
        let mut batch = self.chain.store().batch();
        batch.put::<schema::ChainUndecided>(&key, &Raw(proposal.encode()))?;
        Ok(batch.commit(Durability::Synced)?)
    }

    /// Stored proposals of a height.
    pub(crate) fn stored(&self, height: Height) -> Result<Vec<Undecided>, ChainError> {
        let prefix = height.get().to_be_bytes();
        let rows = self.chain.store().scan_prefix::<schema::ChainUndecided>(&prefix, usize::MAX)?;
        rows.into_iter().map(|(_, raw)| Ok(Undecided::decode_exact(&raw.0)?)).collect()
    }

    /// This validator's own proposal for a round, if it made one.
    pub(crate) fn stored_own(
        &self,
        height: Height,
        round: Round,
        key: ValidatorKey,
    ) -> Result<Option<Undecided>, ChainError> {
        let own = |stored: &Undecided| stored.proposer == key && Some(stored.round) == round.as_u32();
        Ok(self.stored(height)?.into_iter().find(own))
    }

    /// Commits a decided block. `rows` says which rows of the pool its transactions use up. Returns the transactions,
    /// or `None` when the block was committed before.
    pub(crate) fn commit(
        &mut self,
        certificate: &Certificate,
        rows: impl FnOnce(&[CheckedTx]) -> Vec<u64>,
    ) -> Result<Option<(Header, Vec<CheckedTx>)>, ConsensusError> {
        let tip = self.tip()?;
        let (height, decided) = (certificate.height, certificate.block);
        if height <= tip.height {
            return self.check_committed(height, decided).map(|()| None);
        }
        let validators = self.validators()?;
        let executed = self.take_executed(certificate)?;
        let diverged = |reason: String| ConsensusError::Diverged { height, block: decided, reason };
        verify::verify_certificate(&self.chain.spec().network, &executed.header, certificate, &validators)
            .map_err(|error| diverged(error.to_string()))?;
        self.chain.commit(&FinalBlock {
            header: &executed.header,
            transactions: &executed.transactions,
            outcome: &executed.outcome,
            update: &executed.update,
            certificate: Some(certificate),
            validators: &validators,
            pool_rows: &rows(&executed.transactions),
        })?;
        self.executed.clear();
        measure(&executed, certificate);
        Ok(Some((executed.header, executed.transactions)))
    }

    /// A height may be decided again after a crash, with the same block only.
    fn check_committed(&self, height: Height, decided: BlockHash) -> Result<(), ConsensusError> {
        let committed = Chain::required("header", height, self.chain.header(height)?)?.hash();
        if committed == decided { Ok(()) } else { Err(ConsensusError::Forked { height, decided, committed }) }
    }

    /// The decided block's result; runs the stored block when it is not at hand, as after a restart.
    fn take_executed(&mut self, certificate: &Certificate) -> Result<Executed, ConsensusError> {
        let (height, block) = (certificate.height, certificate.block);
        if let Some(executed) = self.executed.remove(&block) {
            return Ok(executed);
        }
        let stored = self.chain.store().get::<schema::ChainUndecided>(&(height, block))?;
        let raw = Chain::required("the decided block's body", height, stored)?;
        let stored = Undecided::decode_exact(&raw.0).map_err(ChainError::from)?;
        // The set voted on the time already; this node's clock has no say in a decided block.
        let now = stored.block.header.timestamp;
        self.check(&stored.block, None, now)?.map_err(|unfit| ConsensusError::Diverged {
            height,
            block,
            reason: unfit.to_string(),
        })?;
        self.executed.remove(&block).ok_or_else(|| ConsensusError::Diverged {
            height,
            block,
            reason: "its result is not at hand".to_owned(),
        })
    }
}

/// Why transactions did not run.
enum Failure {
    /// The block is to blame.
    Block(String),
    /// This node is to blame.
    Node(String),
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        let reason = error.to_string();
        match error {
            ExecuteError::Transaction { .. } | ExecuteError::BlockGas { .. } | ExecuteError::BlockBytes { .. } => {
                Self::Block(reason)
            }
            ExecuteError::View(_) | ExecuteError::Invariant { .. } => Self::Node(reason),
        }
    }
}

/// The first field in which two headers differ.
fn difference(claimed: &Header, found: &Header) -> String {
    let fields = [
        ("version", claimed.version == found.version),
        ("chain id", claimed.chain_id == found.chain_id),
        ("transactions root", claimed.transactions_root == found.transactions_root),
        ("receipts root", claimed.receipts_root == found.receipts_root),
        ("state root", claimed.state_root == found.state_root),
        ("log size", claimed.log_size == found.log_size),
        ("log root", claimed.log_root == found.log_root),
        ("validators", claimed.validators == found.validators),
        ("next validators", claimed.next_validators == found.next_validators),
        ("params", claimed.params == found.params),
    ];
    let name = fields.into_iter().find(|(_, same)| !same).map_or("header", |(name, _)| name);
    format!("its {name} is not what executing it gives")
}

fn measure(executed: &Executed, certificate: &Certificate) {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    ::metrics::counter!(metrics::BLOCKS).increment(1);
    ::metrics::counter!(metrics::TRANSACTIONS).increment(count(executed.transactions.len()));
    metrics::gauge(metrics::HEIGHT, certificate.height.get());
    metrics::gauge(metrics::ROUND, u64::from(certificate.round.get()));
    metrics::gauge(metrics::BLOCK_GAS, executed.outcome.gas_used);
    metrics::gauge(metrics::BLOCK_BYTES, executed.transactions.iter().map(|tx| count(tx.raw().len())).sum());
}

#[cfg(test)]
#[path = "executor_test.rs"]
mod tests;
