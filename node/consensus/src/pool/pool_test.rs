use std::time::Duration;

use chain_spec::{ChainSpec, DevKeys, Params, Spec};
use primitives::{MemberKey, TimestampMs, ValidatorKey};
use runtime::UnsignedTx;

use super::*;

const GAS: u128 = 21_000;
const RICH: Account = Account { nonce: 0, balance: u128::MAX / 4 };

fn spec() -> ChainSpec {
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
    let keys = DevKeys {
        validator: ValidatorKey::new(key),
        member: MemberKey::new(key),
        operator: Address::new([1; 20]),
        extra_allocations: Vec::new(),
    };
    Spec::dev(keys, TimestampMs::new(1)).check().unwrap()
}

fn params() -> Params {
    spec().params
}

/// A transfer of account `who`, paying `factor` times the base fee, with `bytes` of calldata.
fn tx(who: u8, nonce: u64, value: u128) -> CheckedTx {
    let unsigned = UnsignedTx { nonce, to: Address::new([7; 20]), value, input: Vec::new() };
    runtime::check(&params(), &unsigned.sign(&params(), &[who; 32]).unwrap()).unwrap()
}

/// The same with another fee per gas.
fn priced(who: u8, nonce: u64, factor: u64) -> CheckedTx {
    let mut params = params();
    params.base_fee *= factor;
    let unsigned = UnsignedTx { nonce, to: Address::new([7; 20]), value: 0, input: Vec::new() };
    runtime::check(&self::params(), &unsigned.sign(&params, &[who; 32]).unwrap()).unwrap()
}

fn fee() -> u128 {
    GAS * u128::from(params().base_fee)
}

fn pool(limits: PoolLimits) -> Pool {
    Pool::new(limits, 0)
}

fn nonces(selected: &[CheckedTx], who: u8) -> Vec<u64> {
    let sender = tx(who, 0, 0).sender();
    selected.iter().filter(|tx| tx.sender() == sender).map(CheckedTx::nonce).collect()
}

#[test]
fn only_a_gapless_run_is_ready_and_the_oldest_queue_goes_first() {
    let mut pool = pool(PoolLimits::default());
    let now = Instant::now();
    for (who, nonce) in [(1, 2), (2, 0), (1, 0), (2, 1), (3, 5)] {
        pool.insert(now, tx(who, nonce, 1), &RICH).unwrap();
    }
    let selected = pool.select(u64::MAX);
    assert_eq!((nonces(&selected, 1), nonces(&selected, 2), nonces(&selected, 3)), (vec![0], vec![0, 1], vec![]));
    assert_eq!(selected[0].sender(), tx(2, 0, 0).sender());
    assert_eq!(pool.pending_nonce(&tx(1, 0, 0).sender(), 0), 1);
    pool.insert(now, tx(1, 1, 1), &RICH).unwrap();
    assert_eq!(nonces(&pool.select(u64::MAX), 1), [0, 1, 2]);
    assert_eq!(pool.pending_nonce(&tx(1, 0, 0).sender(), 0), 3);
    let one = u64::try_from(tx(2, 0, 1).raw().len()).unwrap();
    assert_eq!(pool.select(one + 10).len(), 1, "the byte limit");
}

#[test]
fn refusals_use_geths_words_and_change_nothing() {
    let mut pool = pool(PoolLimits::default());
    let now = Instant::now();
    let account = Account { nonce: 3, balance: 10 * fee() };
    pool.insert(now, tx(1, 3, fee()), &account).unwrap();
    let before = pool.size();
    let table = [
        (tx(1, 3, fee()), "already known", Some(1000)),
        (tx(1, 2, 0), "nonce too low: next nonce 3, tx nonce 2", Some(1)),
        (tx(1, 68, 0), "nonce too high: next nonce 3, tx nonce 68", Some(2)),
        (tx(1, 4, 10 * fee()), "insufficient funds for gas * price + value: balance ", Some(809)),
        (tx(1, 4, 8 * fee()), "insufficient funds for gas * price + value: balance ", Some(809)),
        (tx(1, 3, 0), "replacement transaction underpriced: ", None),
    ];
    for (tx, words, catalog) in table {
        let error = pool.insert(now, tx, &account).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error} / {words}");
        assert_eq!((error.code(), error.catalog_code()), (-32000, catalog), "{error}");
        assert!(!error.is_not_yet());
    }
    assert_eq!(pool.size(), before);
    let queued = pool.insert(now, tx(1, 4, 8 * fee()), &account).unwrap_err();
    assert_eq!(queued, PoolError::QueuedFunds { balance: 10 * fee(), queued: 2 * fee(), cost: 9 * fee() });
    assert!(queued.to_string().contains(&format!("overshot {}", fee())), "{queued}");
    pool.insert(now, tx(1, 67, 0), &account).unwrap();
}

#[test]
fn a_tenth_more_fee_replaces_and_less_does_not() {
    let mut limits = PoolLimits { replacement_percent: 200, ..PoolLimits::default() };
    let mut pool = pool(limits);
    let now = Instant::now();
    let first = pool.insert(now, priced(1, 0, 1), &RICH).unwrap();
    assert!(matches!(pool.insert(now, priced(1, 0, 2), &RICH), Err(PoolError::Underpriced { .. })));
    let second = pool.insert(now, priced(1, 0, 3), &RICH).unwrap();
    assert_eq!(second.replaced, Some(first.row));
    assert_eq!(pool.size().0, 1);
    assert_eq!(pool.get(&priced(1, 0, 1).hash()), None);
    assert_eq!(pool.select(u64::MAX), [priced(1, 0, 3)]);
    // The rule itself, at its default: 10 % of 10 is 1.
    limits.replacement_percent = 10;
    let pool = Pool::new(limits, 0);
    assert!(pool.admit_replacement(&priced(1, 0, 10), &priced(1, 0, 10)).is_err());
    assert!(pool.admit_replacement(&priced(1, 0, 11), &priced(1, 0, 10)).is_ok());
}

#[test]
fn counts_and_bytes_are_limited_for_one_account_and_for_all() {
    let now = Instant::now();
    let bytes = tx(1, 0, 1).raw().len();
    let cases = [
        (PoolLimits { account_transactions_max: 2, ..PoolLimits::default() }, 1, "account limit exceeded"),
        (PoolLimits { account_bytes_max: bytes * 2 + 3, ..PoolLimits::default() }, 1, "account limit exceeded"),
        (PoolLimits { transactions_max: 2, ..PoolLimits::default() }, 2, "txpool is full"),
        (PoolLimits { bytes_max: bytes * 2 + 3, ..PoolLimits::default() }, 2, "txpool is full"),
    ];
    for (limits, accounts, words) in cases {
        let mut pool = pool(limits);
        for n in 0..2u8 {
            pool.insert(now, tx(1 + n % accounts, u64::from(n / accounts), 1), &RICH).unwrap();
        }
        let error = pool.insert(now, tx(1, 2, 1), &RICH).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
        assert_eq!(error.code(), -32003);
        assert!(error.is_not_yet());
        assert_eq!(pool.size().0, 2);
    }
}

#[test]
fn a_committed_block_takes_its_transactions_and_whatever_can_no_longer_be_paid() {
    let mut pool = pool(PoolLimits::default());
    let now = Instant::now();
    let account = Account { nonce: 0, balance: 10 * fee() };
    for nonce in 0..4 {
        pool.insert(now, tx(1, nonce, fee()), &account).unwrap();
    }
    pool.insert(now, tx(2, 0, 0), &RICH).unwrap();
    // The block has nonce 0, and at nonce 1 another transaction than the one that waits here.
    let included = [tx(1, 0, fee()), tx(1, 1, 5 * fee())];
    assert_eq!(pool.rows_used_by(&included), [0, 1]);
    let after = Account { nonce: 2, balance: 2 * fee() };
    let settled = pool.settle(&included, |_| after);
    assert_eq!((settled.rows, settled.arrived.len()), (vec![0, 1, 3], 1));
    assert_eq!(nonces(&pool.select(u64::MAX), 1), [2]);
    assert_eq!(nonces(&pool.select(u64::MAX), 2), [0]);
}

#[test]
fn old_transactions_expire_and_evicted_ones_leave_a_gap() {
    let mut pool = pool(PoolLimits { lifetime: Duration::from_secs(10), ..PoolLimits::default() });
    let start = Instant::now();
    pool.insert(start, tx(1, 0, 0), &RICH).unwrap();
    pool.insert(start + Duration::from_secs(5), tx(1, 1, 0), &RICH).unwrap();
    assert_eq!(pool.expire(start + Duration::from_secs(10)), Vec::<u64>::new());
    assert_eq!(pool.expire(start + Duration::from_secs(11)), [0]);
    assert!(!pool.has_ready());
    pool.insert(start, tx(1, 0, 0), &RICH).unwrap();
    assert!(pool.has_ready());
    assert_eq!(pool.evict(&tx(1, 0, 0)), Some(2));
    assert!(!pool.has_ready());
    assert_eq!(pool.size().0, 1);
}
