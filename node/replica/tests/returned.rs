//! What becomes of volumes and shards that were away, and of what they left elsewhere.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use replica::VolumeState;
use support::{Node, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_was_away_at_the_start_has_the_weight_of_its_disk_when_it_returns() {
    let (mut node, replica) = Node::running(3).await;
    eventually("announced", || node.directory.announced() == [0, 1, 2]).await;
    node.stop(replica).await;
    node.unplug(1);
    let replica = node.start().await;
    eventually("announced without it", || node.directory.announced() == [0, 2]).await;
    node.plug_in(1);
    eventually("back", || replica.status().volumes[1].state == VolumeState::Up).await;
    let weight = |volume: usize| u32::try_from(replica.status().volumes[volume].total >> 30).unwrap().max(1);
    assert!(weight(0) > 1, "the test needs a disk of 2 GiB or more");
    eventually("announced with its weight", || {
        let volumes = node.directory.volumes.lock().unwrap();
        volumes.iter().map(|info| info.weight).eq((0..3).map(weight))
    })
    .await;
}
