//! A defect of the program: the replica does not go on without the work that panicked.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use replica::ReplicaError;
use support::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_background_work_stops_the_replica_with_the_reason() {
    let (node, replica) = Node::running(1).await;
    node.directory.panics.store(true, Ordering::SeqCst);
    let stopped = tokio::time::timeout(Duration::from_secs(20), replica.stopped()).await.expect("it stops");
    let error = stopped.unwrap_err();
    assert!(matches!(&*error, ReplicaError::Panicked { reason } if reason.contains("broke its word")), "{error}");
}
