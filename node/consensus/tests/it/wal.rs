//! Damage to the engine's log, and its loss.

use std::sync::Arc;
use std::time::Duration;

use consensus::ConsensusError;
use primitives::Address;

use super::support::{Node, check_chain, config, now, spec_at};

/// The log of a node that stopped cleanly may be lost: the guard still knows what was signed, and the chain goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_loses_nothing_that_was_final() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let hash = node.send(1, 0, Address::new([9; 20]), 1).await;
    node.settled(&hash).await;
    node.stop().await;
    std::fs::remove_file(dir.path().join("consensus/consensus.wal")).unwrap();
    let node = Node::start(dir.path(), &spec).await;
    let hash = node.send(1, 1, Address::new([9; 20]), 1).await;
    assert_eq!(node.settled(&hash).await.0.get(), 2);
    check_chain(node.chain());
    node.stop().await;
}

/// A log entry with a flipped bit is a safety matter: the engine halts, and the node says so instead of hanging.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_log_stops_the_node_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    let hash = node.send(1, 0, Address::new([9; 20]), 1).await;
    node.settled(&hash).await;
    node.stop().await;
    // The log still has the entries of height 1. With the chain of block 0, the engine must replay them.
    let path = dir.path().join("consensus/consensus.wal");
    let mut bytes = std::fs::read(&path).unwrap();
    // Header 12, entry header 13, then the first entry's data, which its checksum covers.
    bytes[12 + 13 + 4] ^= 1;
    let fresh = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(fresh.path().join("consensus")).unwrap();
    std::fs::write(fresh.path().join("consensus/consensus.wal"), &bytes).unwrap();
    let node = Node::start_with(config(fresh.path()), fresh.path(), &spec).await.unwrap();
    node.consensus.submit(super::support::transfer(&spec, 1, 0, Address::new([9; 20]), 1)).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), node.consensus.stopped()).await.expect("notices in time");
    let Err(ConsensusError::EngineStopped { reason }) = ended else { panic!("{ended:?}") };
    assert!(reason.contains("for safety, its WAL is corrupted"), "{reason}");
    let refused = node.consensus.submit(Vec::new()).await.unwrap_err();
    assert_eq!(refused.code(), -32603);
}
