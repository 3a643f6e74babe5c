//! A node in a directory, and accounts with money.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chain_spec::{ChainSpec, DevKeys, Spec};
use consensus::{Chain, Consensus, ConsensusConfig, ConsensusError};
use ed25519_dalek::SigningKey;
use primitives::{Address, Height, MemberKey, TimestampMs, TxHash, ValidatorKey};
use runtime::UnsignedTx;
use store::{Store, StoreConfig};
use tokio_util::sync::CancellationToken;

/// What each test account owns at genesis, wei.
pub(crate) const BALANCE: u128 = 1_000_000_000_000_000_000_000;
/// Test accounts.
pub(crate) const ACCOUNTS: u8 = 4;

pub(crate) fn validator() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

pub(crate) fn address(who: u8) -> Address {
    Address::from_secret(&[who; 32]).unwrap()
}

pub(crate) fn now() -> TimestampMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    TimestampMs::new(u64::try_from(elapsed.as_millis()).unwrap())
}

/// A network whose genesis has this time; accounts 1 to [`ACCOUNTS`] are rich.
pub(crate) fn spec_at(timestamp: TimestampMs) -> ChainSpec {
    let key = validator().verifying_key().to_bytes();
    let keys = DevKeys {
        validator: ValidatorKey::new(key),
        member: MemberKey::new(key),
        operator: Address::new([1; 20]),
        extra_allocations: (1..=ACCOUNTS).map(|who| (address(who), BALANCE)).collect(),
    };
    Spec::dev(keys, timestamp).check().unwrap()
}

/// A transfer of account `who`.
pub(crate) fn transfer(spec: &ChainSpec, who: u8, nonce: u64, to: Address, value: u128) -> Vec<u8> {
    UnsignedTx { nonce, to, value, input: Vec::new() }.sign(&spec.params, &[who; 32]).unwrap()
}

/// Settings for tests: no heartbeat unless asked for.
pub(crate) fn config(dir: &Path) -> ConsensusConfig {
    ConsensusConfig { heartbeat: Duration::from_secs(3600), ..ConsensusConfig::new(dir.join("consensus")) }
}

pub(crate) fn open_store(dir: &Path) -> Store {
    Store::open(&dir.join("db"), StoreConfig { block_cache_bytes: 8 << 20, write_buffer_bytes: 8 << 20 }).unwrap()
}

/// A running node.
pub(crate) struct Node {
    pub consensus: Consensus,
    pub spec: Arc<ChainSpec>,
    cancel: CancellationToken,
}

impl Node {
    pub(crate) async fn start(dir: &Path, spec: &Arc<ChainSpec>) -> Self {
        Self::start_with(config(dir), dir, spec).await.unwrap()
    }

    pub(crate) async fn start_with(
        config: ConsensusConfig,
        dir: &Path,
        spec: &Arc<ChainSpec>,
    ) -> Result<Self, ConsensusError> {
        let cancel = CancellationToken::new();
        let (spec, store) = (Arc::clone(spec), open_store(dir));
        let consensus = consensus::start(config, Arc::clone(&spec), store, validator(), cancel.clone()).await?;
        Ok(Self { consensus, spec, cancel })
    }

    pub(crate) fn chain(&self) -> &Chain {
        self.consensus.chain()
    }

    pub(crate) fn tip(&self) -> u64 {
        self.chain().head().unwrap().height.get()
    }

    pub(crate) async fn send(&self, who: u8, nonce: u64, to: Address, value: u128) -> TxHash {
        self.consensus.submit(transfer(&self.spec, who, nonce, to, value)).await.unwrap()
    }

    /// Waits for a transaction's finality; where it is.
    pub(crate) async fn settled(&self, hash: &TxHash) -> (Height, u32) {
        let wait = self.consensus.finality(hash);
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("final in time").unwrap().expect("final")
    }

    pub(crate) async fn reached(&self, height: u64) {
        let mut head = self.consensus.head();
        let wait = head.wait_for(|head| head.height.get() >= height);
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("reached in time").unwrap();
    }

    /// Waits until the engine has asked for the next height since the start, and there was no reason to begin it.
    pub(crate) async fn idles(&self) {
        let mut waits = self.consensus.waits();
        let wait = waits.wait_for(|waits| *waits > 0);
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("idle in time").unwrap();
    }

    pub(crate) fn account(&self, address: &Address) -> runtime::Account {
        runtime::account(&self.chain().state(), address).unwrap()
    }

    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.consensus.stopped()).await.expect("stops in time").unwrap();
    }
}

/// Every stored block hangs on the one before, is certified, and is found by its hashes. Returns the transactions.
pub(crate) fn check_chain(chain: &Chain) -> u64 {
    let spec = chain.spec();
    let tip = chain.head().unwrap();
    let mut count = 0;
    let mut parent = chain.header(Height::GENESIS).unwrap().unwrap();
    assert!(spec.is_genesis(&parent));
    for height in (1..=tip.height.get()).map(Height::new) {
        let header = chain.header(height).unwrap().unwrap();
        assert_eq!(header.parent, parent.hash());
        assert!(header.timestamp > parent.timestamp);
        assert_eq!(header.validators, parent.next_validators);
        let certificate = chain.certificate(height).unwrap().unwrap();
        let set = chain.validators_at(height).unwrap().unwrap();
        verify::verify_certificate(&spec.network, &header, &certificate, &set).unwrap();
        let body = chain.body(height).unwrap().unwrap();
        assert_eq!(chain.receipts(height).unwrap().unwrap().len(), body.len());
        for (position, raw) in (0u32..).zip(&body) {
            let tx = runtime::check(&spec.params, raw).unwrap();
            assert_eq!(chain.transaction(&tx.hash()).unwrap(), Some((height, position)));
            count += 1;
        }
        let eth_hash = chain.eth_hash(height).unwrap().unwrap();
        assert_eq!(chain.header_by_eth_hash(&eth_hash).unwrap().as_ref(), Some(&header));
        assert_eq!(chain.header_by_hash(&header.hash()).unwrap().as_ref(), Some(&header));
        parent = header;
    }
    assert_eq!(tip, parent);
    count
}
