//! The final chain as the node reads it: blocks, receipts, certificates, state, snapshot log.

mod commit;
mod genesis;
mod log;
mod state;

use std::sync::{Arc, PoisonError, RwLock};

use chain_spec::ChainSpec;
use primitives::{BlockHash, Certificate, EthHash, Header, Height, TxHash, ValidatorSet, decode_exact};
use runtime::TxReceipt;
use store::{Store, schema};
use tokio::sync::watch;

pub(crate) use commit::FinalBlock;
pub use state::State;

use crate::error::{ChainError, ConsensusError};

/// Longest stored receipts of one block, bytes.
const RECEIPTS_BYTES_MAX: usize = 256 << 20;

/// The last final block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
}

/// Reads of the final chain; clones share it. Everything it returns is final.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    spec: Arc<ChainSpec>,
    store: Store,
    tip: RwLock<Option<Header>>,
    head: watch::Sender<Head>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("head", &*self.inner.head.borrow()).finish_non_exhaustive()
    }
}

impl Chain {
    /// Opens the chain in `store`, writing block 0 when there is none.
    ///
    /// # Errors
    /// [`ConsensusError::OtherNetwork`] when the store holds another network's chain, otherwise as the store fails.
    pub fn open(store: Store, spec: Arc<ChainSpec>) -> Result<Self, ConsensusError> {
        genesis::check_network(&store, &spec)?;
        let tip = store.last::<schema::ChainHeaders>()?.map(|(_, header)| header);
        let head = tip.as_ref().map(head_of).unwrap_or_default();
        let (head, _) = watch::channel(head);
        let empty = tip.is_none();
        let chain = Self { inner: Arc::new(Inner { spec, store, tip: RwLock::new(tip), head }) };
        if empty {
            genesis::write(&chain)?;
        }
        Ok(chain)
    }

    /// The network's description.
    #[must_use]
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.inner.spec
    }

    /// Header of the last final block; `None` only while genesis is being written.
    #[must_use]
    pub fn head(&self) -> Option<Header> {
        self.inner.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows the last final block.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.inner.head.subscribe()
    }

    /// Header at a height.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails; as for every read here.
    pub fn header(&self, height: Height) -> Result<Option<Header>, ChainError> {
        Ok(self.store().get::<schema::ChainHeaders>(&height)?)
    }

    /// Header of the block with this hash.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn header_by_hash(&self, hash: &BlockHash) -> Result<Option<Header>, ChainError> {
        let height = self.store().get::<schema::ChainByHash>(hash)?;
        height.map_or(Ok(None), |height| self.header(height))
    }

    /// Header of the block with this Ethereum hash.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn header_by_eth_hash(&self, hash: &EthHash) -> Result<Option<Header>, ChainError> {
        let height = self.store().get::<schema::ChainByEthHash>(hash)?;
        height.map_or(Ok(None), |height| self.header(height))
    }

    /// Transactions at a height: EIP-2718 bytes, in order.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn body(&self, height: Height) -> Result<Option<Vec<Vec<u8>>>, ChainError> {
        Ok(self.store().get::<schema::ChainBodies>(&height)?)
    }

    /// Receipts at a height, one per transaction.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn receipts(&self, height: Height) -> Result<Option<Vec<TxReceipt>>, ChainError> {
        let raw = self.store().get::<schema::ChainReceipts>(&height)?;
        raw.map(|raw| Ok(decode_exact("receipts", &raw.0, RECEIPTS_BYTES_MAX)?)).transpose()
    }

    /// The precommits that made the block at a height final; genesis has none.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn certificate(&self, height: Height) -> Result<Option<Certificate>, ChainError> {
        Ok(self.store().get::<schema::ChainCertificates>(&height)?)
    }

    /// Ethereum hash of the block at a height.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn eth_hash(&self, height: Height) -> Result<Option<EthHash>, ChainError> {
        Ok(self.store().get::<schema::ChainEthHashes>(&height)?)
    }

    /// Where a final transaction is: height and position.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn transaction(&self, hash: &TxHash) -> Result<Option<(Height, u32)>, ChainError> {
        Ok(self.store().get::<schema::ChainByTx>(hash)?)
    }

    /// The set that signs the block at a height; known up to the height after the last final one.
    ///
    /// # Errors
    /// [`ChainError`] when the store fails.
    pub fn validators_at(&self, height: Height) -> Result<Option<ValidatorSet>, ChainError> {
        let known = self.head().map_or(Height::GENESIS, |tip| tip.height.next());
        if height > known {
            return Ok(None);
        }
        Ok(self.store().floor::<schema::ChainValidators>(&height)?.map(|(_, set)| set))
    }

    /// The state after the last final block. It moves on with the chain; two reads may see two blocks.
    #[must_use]
    pub fn state(&self) -> State {
        State::new(self.inner.store.clone())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// A row that must exist.
    pub(crate) fn required<T>(what: &'static str, height: Height, row: Option<T>) -> Result<T, ChainError> {
        row.ok_or(ChainError::Missing { what, height })
    }

    /// Makes a committed block the one to build on.
    fn advance(&self, header: Header) {
        *self.inner.tip.write().unwrap_or_else(PoisonError::into_inner) = Some(header);
    }

    /// Tells everybody who follows the head about the last committed block, after the node's own books are in order.
    pub(crate) fn announce(&self) {
        if let Some(tip) = self.head() {
            self.inner.head.send_replace(head_of(&tip));
        }
    }
}

fn head_of(header: &Header) -> Head {
    Head { height: header.height, hash: header.hash() }
}
