//! The guard against signing twice, with the engine.

use std::sync::Arc;
use std::time::Duration;

use consensus::{ConsensusError, GuardError};
use primitives::Address;

use super::support::{Node, config, now, spec_at, transfer};

/// Somebody restores yesterday's database and loses the log, but not the guard: the validator would build another
/// block at a height where it signed one already. It stops instead, and says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_chain_does_not_make_the_validator_sign_twice() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Arc::new(spec_at(now()));
    let node = Node::start(dir.path(), &spec).await;
    for nonce in 0..3 {
        let hash = node.send(1, nonce, Address::new([9; 20]), 1).await;
        node.settled(&hash).await;
    }
    node.stop().await;
    let rolled_back = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(rolled_back.path().join("consensus")).unwrap();
    let guard = "consensus/signing-guard";
    std::fs::copy(dir.path().join(guard), rolled_back.path().join(guard)).unwrap();
    let node = Node::start_with(config(rolled_back.path()), rolled_back.path(), &spec).await.unwrap();
    // Already at the start: the guard says that a later height was worked on, so the engine starts at once.
    let _ = node.consensus.submit(transfer(&spec, 2, 0, Address::new([8; 20]), 5)).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), node.consensus.stopped()).await.expect("notices in time");
    assert!(
        matches!(ended, Err(ConsensusError::Guard(GuardError::Regression { height, last_height, .. }))
            if height.get() == 1 && last_height.get() == 3),
        "{ended:?}"
    );
    assert_eq!(node.tip(), 0);
}
