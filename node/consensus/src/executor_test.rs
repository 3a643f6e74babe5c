use std::sync::Arc;

use chain_spec::{DevKeys, Spec};
use ed25519_dalek::{Signer as _, SigningKey};
use primitives::{Address, CommitSignature, Ed25519Signature, MemberKey, StateRoot, precommit_sign_bytes};
use runtime::UnsignedTx;
use store::{Store, StoreConfig};

use super::*;
use crate::bft::BftHeight;
use crate::history::decided_values;

const GENESIS: u64 = 1_790_000_000_000;

struct Fixture {
    executor: Executor,
    chain: Chain,
    _dir: tempfile::TempDir,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

fn public() -> ValidatorKey {
    ValidatorKey::new(key().verifying_key().to_bytes())
}

fn fixture() -> Fixture {
    let keys = DevKeys {
        validator: public(),
        member: MemberKey::new(*public().as_bytes()),
        operator: Address::from_secret(&[1; 32]).unwrap(),
        extra_allocations: Vec::new(),
    };
    let spec = Spec::dev(keys, TimestampMs::new(GENESIS)).check().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreConfig::default()).unwrap();
    let chain = Chain::open(store, Arc::new(spec)).unwrap();
    Fixture { executor: Executor::new(chain.clone()), chain, _dir: dir }
}

impl Fixture {
    fn transfer(&self, nonce: u64, value: u128) -> CheckedTx {
        let params = &self.chain.spec().params;
        let unsigned = UnsignedTx { nonce, to: Address::new([9; 20]), value, input: Vec::new() };
        runtime::check(params, &unsigned.sign(params, &[1; 32]).unwrap()).unwrap()
    }

    fn now(&self) -> TimestampMs {
        TimestampMs::new(self.chain.head().unwrap().timestamp.get() + 10)
    }

    fn build(&mut self, transactions: Vec<CheckedTx>) -> Block {
        let now = self.now();
        let (block, misfits) = self.executor.build(transactions, now, public()).unwrap();
        assert_eq!(misfits, []);
        block
    }

    fn certificate(&self, block: &Block) -> Certificate {
        let (height, round, hash) = (block.header.height, primitives::Round::new(0), block.hash());
        let bytes = precommit_sign_bytes(&self.chain.spec().network, height, round, &hash, &public());
        let signature = Ed25519Signature::new(key().sign(&bytes).to_bytes());
        let signatures = vec![CommitSignature { validator: public(), signature }];
        Certificate { height, round, block: hash, signatures }
    }

    fn store(&self, block: &Block) {
        self.executor.store(&Undecided::new(0, None, public(), true, block.clone())).unwrap();
    }

    /// A second node's executor, which has not run the block itself.
    fn elsewhere(&self) -> Executor {
        Executor::new(self.chain.clone())
    }
}

#[test]
fn a_proposer_leaves_out_what_cannot_be_executed_and_says_what() {
    let mut fixture = fixture();
    let (good, gap, behind) = (fixture.transfer(0, 1), fixture.transfer(5, 1), fixture.transfer(6, 1));
    let now = fixture.now();
    let (block, misfits) = fixture.executor.build(vec![good.clone(), gap.clone(), behind], now, public()).unwrap();
    assert_eq!(block.transactions, [good.raw().to_vec()]);
    assert_eq!(misfits, [gap], "only the first one is judged; those behind it depend on it");
}

#[test]
fn another_validator_accepts_the_block_and_nothing_that_differs_from_it() {
    let mut fixture = fixture();
    let transactions = vec![fixture.transfer(0, 1), fixture.transfer(1, 2)];
    let block = fixture.build(transactions);
    let now = fixture.now();
    assert_eq!(fixture.elsewhere().check(&block, Some(public()), now).unwrap(), Ok(()));

    let refuse = |words: &str, change: &dyn Fn(&mut Block)| {
        let mut other = block.clone();
        change(&mut other);
        let unfit = fixture.elsewhere().check(&other, Some(public()), now).unwrap().unwrap_err().to_string();
        assert!(unfit.contains(words), "{unfit} should say {words}");
    };
    refuse("height 2 does not follow 0", &|b| b.header.height = Height::new(2));
    refuse("is not the last final block", &|b| b.header.parent = BlockHash::ZERO);
    refuse("may not propose it", &|b| b.header.proposer = ValidatorKey::ZERO);
    refuse("time", &|b| b.header.timestamp = TimestampMs::new(GENESIS));
    refuse("ahead of this node's clock", &|b| b.header.timestamp = TimestampMs::new(GENESIS + (1 << 40)));
    refuse("state root", &|b| b.header.state_root = StateRoot::ZERO);
    refuse("receipts root", &|b| b.header.receipts_root = Default::default());
    refuse("log root", &|b| b.header.log_root = Default::default());
    refuse("chain id", &|b| b.header.chain_id = primitives::ChainId::new(1));
    refuse("version", &|b| b.header.version = 9);
    refuse("next validators", &|b| b.header.next_validators = Default::default());
    refuse("transactions root", &|b| b.transactions.truncate(1));
    refuse("nonce too high", &|b| drop(b.transactions.remove(0)));
    refuse("a transaction is not valid", &|b| b.transactions[0][5] ^= 1);
    // A block proposed again in a later round keeps its first proposer, who must still be a validator.
    assert_eq!(fixture.elsewhere().check(&block, None, now).unwrap(), Ok(()));
}

#[test]
fn a_block_that_ran_before_still_needs_its_author_and_its_time() {
    let mut fixture = fixture();
    let block = fixture.build(Vec::new());
    let now = block.header.timestamp;
    assert_eq!(fixture.executor.check(&block, Some(public()), now).unwrap(), Ok(()));
    let other = ValidatorKey::new([7; 32]);
    let unfit = fixture.executor.check(&block, Some(other), now).unwrap().unwrap_err().to_string();
    assert!(unfit.contains("may not propose it"), "{unfit}");
    let skew_ms_max = fixture.chain.spec().params.clock_skew_ms_max;
    let early = TimestampMs::new(now.get() - skew_ms_max - 1);
    let unfit = fixture.executor.check(&block, Some(public()), early).unwrap().unwrap_err().to_string();
    assert!(unfit.contains("ahead of this node's clock"), "{unfit}");
}

#[test]
fn a_decided_block_is_committed_once_and_also_from_its_stored_body() {
    let mut fixture = fixture();
    let transactions = vec![fixture.transfer(0, 1)];
    let block = fixture.build(transactions);
    let certificate = fixture.certificate(&block);
    // After a restart nothing is in memory: without the body there is no way on, with it there is.
    let lost = fixture.elsewhere().commit(&certificate, |_| Vec::new());
    assert!(matches!(lost, Err(ConsensusError::Chain(ChainError::Missing { .. }))), "{lost:?}");
    fixture.store(&block);
    assert_eq!(fixture.executor.stored_own(Height::new(1), Round::new(0), public()).unwrap().unwrap().block, block);
    assert_eq!(fixture.executor.stored_own(Height::new(1), Round::new(1), public()).unwrap(), None);
    let (header, included) = fixture.elsewhere().commit(&certificate, |_| Vec::new()).unwrap().unwrap();
    assert_eq!((header, included.len()), (block.header, 1));
    assert_eq!(fixture.executor.stored(Height::new(1)).unwrap(), [], "decided heights leave no proposals behind");

    assert_eq!(fixture.executor.commit(&certificate, |_| Vec::new()).unwrap(), None, "again: nothing happens");
    let mut forged = certificate;
    forged.block = BlockHash::new([1; 32]);
    let forked = fixture.executor.commit(&forged, |_| Vec::new());
    assert!(matches!(forked, Err(ConsensusError::Forked { .. })), "{forked:?}");
}

#[test]
fn a_certificate_that_does_not_verify_commits_nothing() {
    let mut fixture = fixture();
    let block = fixture.build(Vec::new());
    fixture.store(&block);
    let mut certificate = fixture.certificate(&block);
    certificate.signatures.clear();
    let refused = fixture.executor.commit(&certificate, |_| Vec::new());
    assert!(matches!(refused, Err(ConsensusError::Diverged { .. })), "{refused:?}");
    assert_eq!(fixture.chain.head().unwrap().height, Height::GENESIS);
}

#[test]
fn peers_get_decided_blocks_of_a_clamped_range() {
    let mut fixture = fixture();
    for nonce in 0..5 {
        let transactions = vec![fixture.transfer(nonce, 1)];
        let block = fixture.build(transactions);
        let certificate = fixture.certificate(&block);
        fixture.executor.commit(&certificate, |_| Vec::new()).unwrap().unwrap();
    }
    let get = |first: u64, last: u64| {
        let range = BftHeight::new(first)..=BftHeight::new(last);
        let values = decided_values(&fixture.chain, &range).unwrap();
        values.iter().map(|value| value.certificate.height.0.get()).collect::<Vec<_>>()
    };
    assert_eq!(get(0, u64::MAX), [1, 2, 3, 4, 5]);
    assert_eq!(get(2, 3), [2, 3]);
    assert_eq!(get(4, 2), Vec::<u64>::new());
    assert_eq!(get(6, 9), Vec::<u64>::new());
    assert_eq!(get(u64::MAX, u64::MAX), Vec::<u64>::new());
    let range = BftHeight::new(2)..=BftHeight::new(2);
    let value = decided_values(&fixture.chain, &range).unwrap().remove(0);
    let limit = fixture.chain.spec().params.block_bytes_max;
    let block = Block::decode_exact(&value.value_bytes, limit).unwrap();
    assert_eq!(Some(block.header), fixture.chain.header(Height::new(2)).unwrap());
}
