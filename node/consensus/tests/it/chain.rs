use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::{ConsensusConfig, ConsensusError};
use primitives::{Address, Height, TimestampMs};
use runtime::StateKey;

use super::support::{ACCOUNTS, BALANCE, Node, address, check_chain, config, now, open_store, spec_at};

#[tokio::test(flavor = "multi_thread")]
async fn transfers_become_final_with_proofs_and_a_restart_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let to = Address::new([9; 20]);
    let mut hashes = Vec::new();
    for nonce in 0..25 {
        for who in 1..=ACCOUNTS {
            hashes.push(node.send(who, nonce, to, 3).await);
        }
    }
    for hash in &hashes {
        node.settled(hash).await;
    }
    assert_eq!(check_chain(node.chain()), 100);
    assert_eq!(node.account(&to).balance, 300);
    let sender = node.account(&address(1));
    let fee = 21_000 * u128::from(spec.params.base_fee);
    assert_eq!((sender.nonce, sender.balance), (25, BALANCE - 25 * (3 + fee)));

    let (height, position) = node.settled(&hashes[7]).await;
    let receipts = node.chain().receipts(height).unwrap().unwrap();
    let receipt = &receipts[usize::try_from(position).unwrap()];
    assert!(receipt.success);
    assert_eq!(receipt.gas_used, 21_000);

    // The state root of an old header proves an account's value then, and of an unused account that there is none.
    let header = node.chain().header(height).unwrap().unwrap();
    for (account, exists) in [(to, true), (Address::new([8; 20]), false)] {
        let key = StateKey::Account(account).bytes();
        let (value, proof) = node.chain().state_proof(height, &key).unwrap();
        assert_eq!(value.is_some(), exists);
        proof.verify(&header.state_root, &key, value.as_deref()).unwrap();
    }

    let tip = node.chain().head().unwrap();
    node.stop().await;
    let node = Node::start(dir.path(), &spec).await;
    assert_eq!(node.chain().head().unwrap(), tip);
    // Without work nothing happens, also right after a start.
    node.idles().await;
    assert_eq!(node.chain().head().unwrap(), tip);
    let hash = node.send(1, 25, to, 1).await;
    assert_eq!(node.settled(&hash).await.0, tip.height.next());
    assert_eq!(check_chain(node.chain()), 101);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_transaction_at_a_time_is_final_within_milliseconds_and_has_a_block_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let mut times = Vec::new();
    for nonce in 0..50 {
        let started = Instant::now();
        let hash = node.send(1, nonce, Address::new([9; 20]), 1).await;
        let (height, _) = node.settled(&hash).await;
        times.push(started.elapsed());
        assert_eq!(height.get(), nonce + 1);
    }
    times.sort_unstable();
    // Printed, not asserted: a busy machine is not a failure.
    println!("submit to final: p50 {:?}, p90 {:?}, max {:?}", times[25], times[45], times[49]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_makes_empty_blocks_and_a_late_start_makes_one_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(TimestampMs::new(now().get() - 10_000)));
    let beat = ConsensusConfig { heartbeat: Duration::from_millis(200), ..config(dir.path()) };
    let node = Node::start_with(beat, dir.path(), &spec).await.unwrap();
    node.reached(4).await;
    for height in (1..=4).map(Height::new) {
        assert!(node.chain().body(height).unwrap().unwrap().is_empty());
        let (before, header) = (height.previous().unwrap(), node.chain().header(height).unwrap().unwrap());
        let before = node.chain().header(before).unwrap().unwrap();
        assert_eq!(header.state_root, before.state_root);
        assert!(header.timestamp.get() >= before.timestamp.get() + 200, "not more often than the heartbeat");
    }
    check_chain(node.chain());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_transactions_survive_a_restart_and_gaps_make_no_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let to = Address::new([9; 20]);
    node.idles().await;
    let gapped = node.send(2, 1, to, 7).await;
    assert_eq!(node.consensus.pending_nonce(&address(2)).unwrap(), 0);
    node.stop().await;
    let node = Node::start(dir.path(), &spec).await;
    assert_eq!(node.consensus.pool_size().0, 1);
    assert_eq!(node.consensus.pending(&gapped).unwrap().nonce(), 1);
    node.idles().await;
    assert_eq!(node.tip(), 0, "neither life made a block");
    let first = node.send(2, 0, to, 1).await;
    assert_eq!(node.settled(&first).await.0, node.settled(&gapped).await.0);
    assert_eq!(node.account(&to).balance, 8);
    assert_eq!(node.consensus.pool_size(), (0, 0));
    node.stop().await;
    let node = Node::start(dir.path(), &spec).await;
    assert_eq!(node.consensus.pool_size(), (0, 0), "final transactions do not come back");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_takes_no_more_gas_than_it_has_and_the_rest_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut spec = spec_at(now()).to_spec();
    spec.params.block_gas_limit = 14_000_000;
    let spec = Arc::new(spec.check().unwrap());
    let mut settings = config(dir.path());
    settings.pool.nonce_gap_max = 256;
    let node = Node::start_with(settings, dir.path(), &spec).await.unwrap();
    // Nothing is ready before each account's first one comes; then all are, and no block can take them all.
    let each = 250;
    let mut last = None;
    for nonce in (0..each).rev() {
        for who in 1..=ACCOUNTS {
            last = Some(node.send(who, nonce, Address::new([9; 20]), 1).await);
        }
    }
    node.settled(&last.unwrap()).await;
    let mut head = node.consensus.head();
    let emptied = head.wait_for(|_| node.consensus.pool_size().0 == 0);
    tokio::time::timeout(Duration::from_secs(20), emptied).await.expect("empty in time").unwrap();
    for height in (1..=node.tip()).map(Height::new) {
        let receipts = node.chain().receipts(height).unwrap().unwrap();
        assert!(receipts.last().map_or(0, |last| last.cumulative_gas) <= spec.params.block_gas_limit);
    }
    assert_eq!(check_chain(node.chain()), each * u64::from(ACCOUNTS));
    assert!(each * u64::from(ACCOUNTS) * 21_000 > spec.params.block_gas_limit && node.tip() >= 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_network_and_a_second_start_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let hash = node.send(1, 0, Address::new([9; 20]), 1).await;
    node.settled(&hash).await;

    // The database is locked by the running node …
    let second = store::Store::open(&dir.path().join("db"), store::StoreConfig::default());
    assert!(matches!(second, Err(store::StoreError::InUse { .. })));
    // … and so are log and guard, for a node with a database of its own.
    let other = tempfile::tempdir().unwrap();
    let refused = Node::start_with(config(dir.path()), other.path(), &spec).await.err().unwrap();
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    node.stop().await;

    let foreign = Arc::new(spec_at(TimestampMs::new(5)));
    let refused = Node::start_with(config(dir.path()), dir.path(), &foreign).await.err().unwrap();
    assert!(matches!(
        refused,
        ConsensusError::OtherNetwork { expected, found } if expected == foreign.network && found == spec.network
    ));
    let node = Node::start(dir.path(), &spec).await;
    assert_eq!(node.tip(), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outside_the_validator_set_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let store = open_store(dir.path());
    let cancel = tokio_util::sync::CancellationToken::new();
    let refused = consensus::start(config(dir.path()), spec, store, stranger, cancel).await;
    assert!(matches!(refused, Err(ConsensusError::NotValidator { .. })));
}
