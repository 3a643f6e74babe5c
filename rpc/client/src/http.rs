//! A node over HTTP: shards as plain requests, everything else as JSON-RPC.

use std::ops::Range;

use primitives::ledger::{Applied, ObjectRecord, PackRecord, Refusal, SignedCommand, SnapshotRecord, VaultRecord};
use primitives::{Address, CommitmentHash, ObjectKey, PackId, ShardAck, ShardId, VaultId};

use crate::{NetworkInfo, Node, NodeError, Page};

/// A node at a URL.
#[derive(Debug)]
pub struct HttpNode {
    url: String,
}

impl HttpNode {
    /// A node at `url` (`http://host:port`); nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::Unreachable`] when it is no such URL.
    pub fn new(url: &str) -> Result<Self, NodeError> {
        Ok(Self { url: url.trim_end_matches('/').to_owned() })
    }
}
impl Node for HttpNode {
    fn network(&self) -> Result<NetworkInfo, NodeError> {
        todo!()
    }
    fn put_shard(&self, _: &PackId, _: u8, _: u8, _: &ShardId, _: &[u8]) -> Result<ShardAck, NodeError> {
        todo!()
    }
    fn get_shard(&self, _: &ShardId, _: Range<u64>, _: &mut [u8]) -> Result<(), NodeError> {
        todo!()
    }
    fn submit(&self, _: &[SignedCommand]) -> Result<Vec<Result<Applied, Refusal>>, NodeError> {
        todo!()
    }
    fn vault(&self, _: &VaultId) -> Result<Option<VaultRecord>, NodeError> {
        todo!()
    }
    fn vaults_of(&self, _: &Address) -> Result<Vec<VaultRecord>, NodeError> {
        todo!()
    }
    fn packs(&self, _: &[PackId]) -> Result<Vec<Option<PackRecord>>, NodeError> {
        todo!()
    }
    fn pack_page(&self, _: &VaultId, _: Option<&[u8]>, _: u32) -> Result<Page<PackRecord>, NodeError> {
        todo!()
    }
    fn snapshot(&self, _: &VaultId, _: Option<u64>) -> Result<Option<SnapshotRecord>, NodeError> {
        todo!()
    }
    fn snapshot_page(&self, _: &VaultId, _: Option<&[u8]>, _: u32) -> Result<Page<SnapshotRecord>, NodeError> {
        todo!()
    }
    fn object(&self, _: &VaultId, _: &ObjectKey) -> Result<Option<ObjectRecord>, NodeError> {
        todo!()
    }
    fn object_page(&self, _: &VaultId, _: Option<&[u8]>, _: u32) -> Result<Page<ObjectRecord>, NodeError> {
        todo!()
    }
    fn receipt(&self, _: &CommitmentHash) -> Result<Option<String>, NodeError> {
        todo!("{}", self.url)
    }
}
