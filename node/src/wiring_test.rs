use async_trait::async_trait;
use primitives::ledger::{PackRecord, VolumeInfo};
use primitives::{NetworkId, PackId, ShardAck, ShardId, VolumeId};
use replica::{Directory, DirectoryError};

use super::*;

/// A ledger whose first answer is a panic.
struct Broken;

#[async_trait]
impl Directory for Broken {
    async fn packs(&self, _: Option<PackId>, _: usize) -> Result<Vec<(PackId, PackRecord)>, DirectoryError> {
        panic!("the ledger's answer makes no sense");
    }

    async fn pack(&self, _: &PackId) -> Result<Option<PackRecord>, DirectoryError> {
        Ok(None)
    }

    async fn degraded(&self) -> Result<u64, DirectoryError> {
        Ok(0)
    }

    async fn recorded(&self) -> Result<u64, DirectoryError> {
        Ok(0)
    }

    async fn needed(&self, _: &ShardId, _: Option<PackId>) -> Result<bool, DirectoryError> {
        Ok(true)
    }

    async fn held(&self, _: ShardAck) -> Result<(), DirectoryError> {
        Ok(())
    }

    async fn lost(&self, _: PackId, _: u8, _: VolumeId) -> Result<(), DirectoryError> {
        Ok(())
    }

    async fn announce(&self, _: Vec<VolumeInfo>) -> Result<(), DirectoryError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_part_ends_the_node_with_its_name_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data_dir.0 = dir.path().join("node");
    config.rpc.addr.set_port(0);
    let data_dir = DataDir::open(&config.data_dir.0).unwrap();
    let keys = NodeKeys::load_or_create(&data_dir.keys()).unwrap();
    let spec = Arc::new(network::load(data_dir.path(), true, &keys).unwrap());
    let store = Store::open(&data_dir.db(), store_config(&config)).unwrap();
    let cancel = CancellationToken::new();
    let mut parts = Parts::start(&config, &data_dir, &keys, spec, &store, &cancel).await.unwrap();

    // In the place of its storage, one with a defect.
    let volumes = vec![dir.path().join("volume")];
    let other = Store::open(&dir.path().join("db"), StoreConfig::default()).unwrap();
    let config = ReplicaConfig { volumes, ..ReplicaConfig::default() };
    let (network, key) = (NetworkId::new([1; 32]), keys.storage.clone());
    parts.replica = replica::start(config, network, key, other, Arc::new(Broken), cancel.child_token()).await.unwrap();

    let reason = tokio::time::timeout(STOP_TIMEOUT, parts.until_end()).await.expect("it ends").unwrap();
    let reason = reason.expect("nobody told it to").to_string();
    assert!(reason.starts_with("the storage of shards failed: a defect of the program: "), "{reason}");
    assert!(reason.contains("the ledger's answer makes no sense"), "{reason}");
    cancel.cancel();
    parts.stopped().await;
}

#[test]
fn a_node_runs_with_the_defaults_that_the_replica_names() {
    let config = Config::default();
    assert_eq!(replica_config(&config), ReplicaConfig { volumes: config.volumes(), ..ReplicaConfig::default() });
}
