//! A node in memory: one validator, a block per transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use async_trait::async_trait;
use chain_spec::{ChainSpec, DevKeys, Spec};
use ed25519_dalek::{Signer as _, SigningKey};
use merkle::log::{NodeSource, consistency_path, inclusion_path};
use primitives::{
    Address, BlockHash, Certificate, CommitSignature, Commitment, CommitmentHash, Ed25519Signature, EthHash, Header,
    Height, LogHash, MemberKey, Round, StateRoot, TimestampMs, TxHash, ValidatorKey, ValidatorSet, VaultId,
    precommit_sign_bytes,
};
use rpc::{BackendError, BlockData, ChainBackend, StateAt};
use runtime::{
    Account, BlockContext, CallError, CallOutcome, CallRequest, CheckedTx, CommitmentEntry, Outcome, UnsignedTx,
    VaultState,
};

use crate::node_ledger::MemoryLedger;
use crate::node_replica::MemoryReplica;

/// The account that pays in tests, with 10⁹ units.
pub(crate) const OPERATOR: [u8; 32] = [7; 32];

/// A node in memory.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) replica: Arc<MemoryReplica>,
    /// Where readers of blocks wait while it is closed.
    pub(crate) gate: Arc<Gate>,
    validator: SigningKey,
    chain: Arc<Mutex<Chain>>,
}

/// A disk that can be made to wait.
#[derive(Default)]
pub(crate) struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Gate {
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub(crate) fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// How many have come to it while it was closed.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap();
        if *closed {
            self.waiting.fetch_add(1, Ordering::SeqCst);
        }
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

struct Chain {
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    blocks: Vec<BlockData>,
    certificates: Vec<Option<Certificate>>,
    places: HashMap<TxHash, (Height, u32)>,
    leaves: Vec<(Commitment, Height)>,
    log: LogNodes,
    waiting: Vec<CheckedTx>,
    /// Transactions stay in the pool.
    held: bool,
}

#[derive(Default)]
struct LogNodes(HashMap<u64, LogHash>);

impl NodeSource for LogNodes {
    type Error = std::io::Error;

    fn node(&self, stored_index: u64) -> Result<LogHash, std::io::Error> {
        self.0.get(&stored_index).copied().ok_or_else(|| std::io::Error::other("no such node"))
    }
}

impl Node {
    pub(crate) fn new() -> Self {
        let validator = SigningKey::from_bytes(&[3; 32]);
        let key = validator.verifying_key().to_bytes();
        let keys = DevKeys {
            validator: ValidatorKey::new(key),
            member: MemberKey::new(key),
            operator: Address::from_secret(&OPERATOR).unwrap(),
            extra_allocations: vec![],
        };
        let spec = Spec::dev(keys, TimestampMs::new(1_700_000_000_000)).check().unwrap();
        let genesis = runtime::genesis(&spec);
        let header = runtime::genesis_header(&spec, &genesis, StateRoot::new([1; 32]));
        let mut chain = Chain {
            state: BTreeMap::new(),
            blocks: Vec::new(),
            certificates: Vec::new(),
            places: HashMap::new(),
            leaves: Vec::new(),
            log: LogNodes::default(),
            waiting: Vec::new(),
            held: false,
        };
        chain.commit(&spec, header, Vec::new(), genesis, None);
        Self {
            spec: Arc::new(spec),
            ledger: Arc::default(),
            replica: Arc::new(MemoryReplica::new()),
            gate: Arc::default(),
            validator,
            chain: Arc::new(Mutex::new(chain)),
        }
    }

    /// Keeps transactions in the pool, or lets them go on.
    pub(crate) fn hold(&self, held: bool) {
        let mut chain = self.chain();
        chain.held = held;
        if !held {
            let waiting = std::mem::take(&mut chain.waiting);
            self.produce(&mut chain, waiting);
        }
    }

    /// Makes a block of these transactions.
    pub(crate) fn mine(&self, raw: &[Vec<u8>]) {
        let txs = raw.iter().map(|raw| runtime::check(&self.spec.params, raw).unwrap()).collect();
        self.produce(&mut self.chain(), txs);
    }

    /// Signs a transaction of the operator.
    pub(crate) fn sign(&self, nonce: u64, to: Address, value: u128, input: Vec<u8>) -> Vec<u8> {
        UnsignedTx { nonce, to, value, input }.sign(&self.spec.params, &OPERATOR).unwrap()
    }

    fn produce(&self, chain: &mut Chain, txs: Vec<CheckedTx>) {
        let parent = chain.blocks.last().unwrap().header.clone();
        let block = BlockContext {
            height: parent.height.next(),
            timestamp: TimestampMs::new(parent.timestamp.get() + 1500),
            proposer: ValidatorKey::new(self.validator.verifying_key().to_bytes()),
        };
        let outcome = runtime::execute(&self.spec, &chain.state, &block, &txs).unwrap();
        let state_root = StateRoot::new([u8::try_from(block.height.get() % 251).unwrap(); 32]);
        let header = runtime::header(&self.spec, &parent, &block, &txs, &outcome, state_root, &self.spec.validators);
        let bytes =
            precommit_sign_bytes(&self.spec.network, header.height, Round::new(0), &header.hash(), &block.proposer);
        let signature = Ed25519Signature::new(self.validator.sign(&bytes).to_bytes());
        let certificate = Certificate {
            height: header.height,
            round: Round::new(0),
            block: header.hash(),
            signatures: vec![CommitSignature { validator: block.proposer, signature }],
        };
        chain.commit(&self.spec, header, txs, outcome, Some(certificate));
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }

    fn context(chain: &Chain) -> BlockContext {
        let head = &chain.blocks.last().unwrap().header;
        BlockContext { height: head.height.next(), timestamp: head.timestamp, proposer: head.proposer }
    }
}

impl Chain {
    fn commit(
        &mut self,
        spec: &ChainSpec,
        header: Header,
        transactions: Vec<CheckedTx>,
        outcome: Outcome,
        certificate: Option<Certificate>,
    ) {
        for (key, value) in outcome.changes {
            match value {
                Some(value) => self.state.insert(key, value),
                None => self.state.remove(&key),
            };
        }
        for (tx, index) in transactions.iter().zip(0..) {
            self.places.insert(tx.hash(), (header.height, index));
        }
        self.leaves.extend(outcome.leaves.into_iter().map(|leaf| (leaf, header.height)));
        self.log.0.extend(outcome.log_nodes);
        let parent_eth_hash = self.blocks.last().map(|block| block.eth_hash).unwrap_or_default();
        let eth = runtime::eth::header(&header, parent_eth_hash, &transactions, &outcome.receipts, &spec.params);
        let eth_hash = runtime::eth::hash(&eth);
        let receipts = outcome.receipts;
        self.blocks.push(BlockData { header, eth_hash, parent_eth_hash, transactions, receipts });
        self.certificates.push(certificate);
    }

    fn at(&self, height: Height) -> Option<&BlockData> {
        self.blocks.get(usize::try_from(height.get()).unwrap())
    }

    fn state(&self, at: StateAt) -> Result<&BTreeMap<Vec<u8>, Vec<u8>>, BackendError> {
        match at {
            StateAt::Latest => Ok(&self.state),
            StateAt::Height(height) => Err(BackendError::Pruned { height }),
        }
    }
}

fn call_error(error: CallError) -> BackendError {
    match error {
        CallError::Refused(refused) => BackendError::refused(refused),
        CallError::View(view) => BackendError::internal(view),
    }
}

#[async_trait]
impl ChainBackend for Node {
    fn spec(&self) -> Arc<ChainSpec> {
        Arc::clone(&self.spec)
    }

    fn head(&self) -> Result<Header, BackendError> {
        Ok(self.chain().blocks.last().unwrap().header.clone())
    }

    fn header(&self, height: Height) -> Result<Option<Header>, BackendError> {
        Ok(self.chain().at(height).map(|block| block.header.clone()))
    }

    fn eth_hash(&self, height: Height) -> Result<Option<EthHash>, BackendError> {
        Ok(self.chain().at(height).map(|block| block.eth_hash))
    }

    fn height_of(&self, hash: &BlockHash) -> Result<Option<Height>, BackendError> {
        let chain = self.chain();
        Ok(chain.blocks.iter().find(|block| block.header.hash() == *hash).map(|block| block.header.height))
    }

    fn height_of_eth(&self, hash: &EthHash) -> Result<Option<Height>, BackendError> {
        let chain = self.chain();
        Ok(chain.blocks.iter().find(|block| block.eth_hash == *hash).map(|block| block.header.height))
    }

    fn block(&self, height: Height) -> Result<Option<BlockData>, BackendError> {
        self.gate.pass();
        Ok(self.chain().at(height).cloned())
    }

    fn checkpoint(&self, header: &Header) -> Result<String, BackendError> {
        Ok(verify::checkpoint::note(&self.spec().network, header, &[]))
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, BackendError> {
        Ok(self.chain().certificates.get(usize::try_from(height.get()).unwrap()).cloned().flatten())
    }

    fn validators(&self, height: Height) -> Result<Option<ValidatorSet>, BackendError> {
        Ok(self.chain().at(height).map(|_| self.spec.validators.clone()))
    }

    fn transaction(&self, hash: &TxHash) -> Result<Option<(Height, u32)>, BackendError> {
        Ok(self.chain().places.get(hash).copied())
    }

    fn pending_transaction(&self, hash: &TxHash) -> Option<CheckedTx> {
        self.chain().waiting.iter().find(|tx| tx.hash() == *hash).cloned()
    }

    fn pending_nonce(&self, address: &Address) -> Result<u64, BackendError> {
        let waiting = self.chain().waiting.iter().filter(|tx| tx.sender() == *address).count();
        Ok(self.account(address, StateAt::Latest)?.nonce + u64::try_from(waiting).unwrap())
    }

    fn account(&self, address: &Address, at: StateAt) -> Result<Account, BackendError> {
        runtime::account(self.chain().state(at)?, address).map_err(BackendError::internal)
    }

    fn vault_state(&self, vault: &VaultId, at: StateAt) -> Result<Option<VaultState>, BackendError> {
        runtime::vault(self.chain().state(at)?, vault).map_err(BackendError::internal)
    }

    fn commitment_at(&self, vault: &VaultId, seq: u64) -> Result<Option<CommitmentEntry>, BackendError> {
        runtime::commitment_at(&self.chain().state, vault, seq).map_err(BackendError::internal)
    }

    fn call(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError> {
        let chain = self.chain();
        runtime::call(&self.spec, chain.state(at)?, &Self::context(&chain), request).map_err(call_error)
    }

    fn estimate_gas(&self, request: &CallRequest, at: StateAt) -> Result<CallOutcome, BackendError> {
        let chain = self.chain();
        runtime::estimate_gas(&self.spec, chain.state(at)?, &Self::context(&chain), request).map_err(call_error)
    }

    async fn submit(&self, raw: Vec<u8>) -> Result<TxHash, BackendError> {
        let tx = runtime::check(&self.spec.params, &raw).map_err(BackendError::refused)?;
        let hash = tx.hash();
        let mut chain = self.chain();
        let account = runtime::account(&chain.state, &tx.sender()).map_err(BackendError::internal)?;
        if chain.held {
            chain.waiting.push(tx);
            return Ok(hash);
        }
        runtime::check_account(&account, &tx).map_err(BackendError::refused)?;
        self.produce(&mut chain, vec![tx]);
        Ok(hash)
    }

    fn leaf(&self, index: u64) -> Result<Option<Commitment>, BackendError> {
        Ok(self.chain().leaves.get(usize::try_from(index).unwrap()).map(|(leaf, _)| leaf.clone()))
    }

    fn leaf_of(&self, commitment: &CommitmentHash) -> Result<Option<(u64, Height)>, BackendError> {
        let chain = self.chain();
        let found = chain.leaves.iter().zip(0..).find(|((leaf, _), _)| leaf.hash() == *commitment);
        Ok(found.map(|((_, height), index)| (index, *height)))
    }

    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<LogHash>, BackendError> {
        inclusion_path(&self.chain().log, index, size).map_err(BackendError::internal)
    }

    fn consistency(&self, first: u64, second: u64) -> Result<Vec<LogHash>, BackendError> {
        consistency_path(&self.chain().log, first, second).map_err(BackendError::internal)
    }
}
