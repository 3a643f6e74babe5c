//! Single reads, for who needs one row and no [`Reader`].

use primitives::ledger::{NodeRecord, ObjectRecord, PackRecord, SnapshotRecord, VaultRecord};
use primitives::{Address, ObjectKey, PackId, ShardId, VaultId};

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::reader::{Consistency, Reader};

/// Result of a query.
pub type Query<T> = Result<T, LedgerError>;

macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty = |$reader:ident| $read:expr;)*) => {
        impl Ledger {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Ledger::read`], and [`LedgerError::Store`] when reading fails.
                pub async fn $name(&self, $($argument: $type,)* consistency: Consistency) -> Query<$result> {
                    let $reader: Reader = self.read(consistency).await?;
                    Ok($read?)
                }
            )*
        }
    };
}

queries! {
    /// A vault.
    vault(vault: VaultId) -> Option<VaultRecord> = |reader| reader.vault(&vault);
    /// The vaults that an account owns, at most `limit`.
    vaults_of(owner: Address, limit: usize) -> Vec<VaultRecord> = |reader| reader.vaults_of(&owner, limit);
    /// A pack.
    pack(pack: PackId) -> Option<PackRecord> = |reader| reader.pack(&pack);
    /// A vault's packs in order of arrival from position `from` on, at most `limit`.
    packs(vault: VaultId, from: u64, limit: usize) -> Vec<(u64, PackId, PackRecord)> =
        |reader| reader.packs(&vault, from, limit);
    /// All packs after `after`, by id, at most `limit`.
    all_packs(after: Option<PackId>, limit: usize) -> Vec<(PackId, PackRecord)> =
        |reader| reader.all_packs(after.as_ref(), limit);
    /// The packs that contain a shard, at most `limit`.
    packs_with_shard(shard: ShardId, limit: usize) -> Vec<(PackId, PackRecord)> =
        |reader| reader.packs_with_shard(&shard, limit);
    /// A snapshot by its sequence number.
    snapshot(vault: VaultId, seq: u64) -> Option<SnapshotRecord> = |reader| reader.snapshot(&vault, seq);
    /// A vault's snapshots from sequence number `from` on, at most `limit`.
    snapshots(vault: VaultId, from: u64, limit: usize) -> Vec<SnapshotRecord> =
        |reader| reader.snapshots(&vault, from, limit);
    /// An object: this version, or its latest.
    object(vault: VaultId, key: ObjectKey, version: Option<u64>) -> Option<ObjectRecord> =
        |reader| reader.object(&vault, &key, version);
    /// The latest version of each of a vault's objects after `after`, at most `limit`.
    objects(vault: VaultId, after: Option<ObjectKey>, limit: usize) -> Vec<ObjectRecord> =
        |reader| reader.objects(&vault, after.as_ref(), limit);
    /// Storage nodes, by key, at most `limit`.
    nodes(limit: usize) -> Vec<NodeRecord> = |reader| reader.nodes(None, limit);
    /// Commitments that wait for the chain, oldest first, from row `from` on: row, vault, sequence number; at most `limit`.
    outbox(from: u64, limit: usize) -> Vec<(u64, VaultId, u64)> = |reader| reader.outbox(from, limit);
}

impl Ledger {
    /// Waits until this member leads with a quorum and has applied all that was committed: whether the ledger works.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub async fn barrier(&self) -> Query<()> {
        self.read(Consistency::Linearizable).await.map(drop)
    }
}
