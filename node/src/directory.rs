//! Shows the ledger's packs to the replica, and carries what the replica learns back.

use async_trait::async_trait;
use ledger::Consistency;
use primitives::ledger::{Command, PackRecord, VolumeInfo};
use primitives::{NodeKey, PackId, ShardAck, ShardId, VolumeId};
use replica::{Directory, DirectoryError};

use crate::member::Speaker;

/// The ledger, as the replica needs it. Reads are stale on purpose where the replica compares in rounds, and a repetition
/// has no further effect.
pub(crate) struct LedgerDirectory {
    speaker: Speaker,
    member: Speaker,
    node: NodeKey,
}

impl LedgerDirectory {
    /// `speaker` and `member` are the node in its two roles, `node` is its storage key.
    pub(crate) fn new(speaker: Speaker, member: Speaker, node: NodeKey) -> Self {
        Self { speaker, member, node }
    }

    async fn tell(&self, command: Command) -> Result<(), DirectoryError> {
        self.speaker.submit(command).await.map(drop).map_err(|error| DirectoryError::new(format!("{error:#}")))
    }
}

#[async_trait]
impl Directory for LedgerDirectory {
    async fn packs(&self, after: Option<PackId>, limit: usize) -> Result<Vec<(PackId, PackRecord)>, DirectoryError> {
        let reader = self.speaker.ledger().read(Consistency::Stale).await.map_err(DirectoryError::new)?;
        reader.all_packs(after.as_ref(), limit).map_err(DirectoryError::new)
    }

    async fn pack(&self, pack: &PackId) -> Result<Option<PackRecord>, DirectoryError> {
        let reader = self.speaker.ledger().read(Consistency::Stale).await.map_err(DirectoryError::new)?;
        reader.pack(pack).map_err(DirectoryError::new)
    }

    async fn degraded(&self) -> Result<u64, DirectoryError> {
        let reader = self.speaker.ledger().read(Consistency::Stale).await.map_err(DirectoryError::new)?;
        reader.totals().map(|totals| totals.degraded_packs).map_err(DirectoryError::new)
    }

    async fn recorded(&self) -> Result<u64, DirectoryError> {
        let reader = self.speaker.ledger().read(Consistency::Linearizable).await.map_err(DirectoryError::new)?;
        reader.totals().map(|totals| totals.packs).map_err(DirectoryError::new)
    }

    async fn needed(&self, shard: &ShardId, besides: Option<PackId>) -> Result<bool, DirectoryError> {
        let reader = self.speaker.ledger().read(Consistency::Linearizable).await.map_err(DirectoryError::new)?;
        // Of two packs at most one is the one that does not count.
        let packs = reader.packs_with_shard(shard, 2).map_err(DirectoryError::new)?;
        Ok(packs.into_iter().any(|(pack, _)| Some(pack) != besides))
    }

    async fn held(&self, ack: ShardAck) -> Result<(), DirectoryError> {
        self.tell(Command::ShardHeld { ack }).await
    }

    async fn lost(&self, pack: PackId, index: u8, volume: VolumeId) -> Result<(), DirectoryError> {
        self.tell(Command::ShardLost { pack, index, volume }).await
    }

    async fn announce(&self, volumes: Vec<VolumeInfo>) -> Result<(), DirectoryError> {
        // A root member that stores shards admits itself; said again, it has no effect.
        let admit = Command::NodeAdmit { node: self.node };
        self.member.submit(admit).await.map_err(|error| DirectoryError::new(format!("{error:#}")))?;
        self.tell(Command::NodeAnnounce { volumes }).await
    }
}
