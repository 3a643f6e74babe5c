//! Single reads, for who needs one row and no [`Reader`].

use primitives::ledger::{NodeRecord, ObjectRecord, PackRecord, Rows, RowsMax, SnapshotRecord, VaultRecord};
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
    /// The vaults that an account owns.
    vaults_of(owner: Address, max: RowsMax) -> Rows<VaultRecord> = |reader| reader.vaults_of(&owner, max);
    /// A pack.
    pack(pack: PackId) -> Option<PackRecord> = |reader| reader.pack(&pack);
    /// A vault's packs in order of arrival from position `from` on.
    packs(vault: VaultId, from: u64, max: RowsMax) -> Rows<(u64, PackId, PackRecord)> =
        |reader| reader.packs(&vault, from, max);
    /// All packs after `after`, by id, at most `limit`.
    all_packs(after: Option<PackId>, limit: usize) -> Vec<(PackId, PackRecord)> =
        |reader| reader.all_packs(after.as_ref(), limit);
    /// The packs that contain a shard, at most `limit`.
    packs_with_shard(shard: ShardId, limit: usize) -> Vec<(PackId, PackRecord)> =
        |reader| reader.packs_with_shard(&shard, limit);
    /// A snapshot by its sequence number.
    snapshot(vault: VaultId, seq: u64) -> Option<SnapshotRecord> = |reader| reader.snapshot(&vault, seq);
    /// A vault's snapshots from sequence number `from` on.
    snapshots(vault: VaultId, from: u64, max: RowsMax) -> Rows<SnapshotRecord> =
        |reader| reader.snapshots(&vault, from, max);
    /// An object: this version, or its latest.
    object(vault: VaultId, key: ObjectKey, version: Option<u64>) -> Option<ObjectRecord> =
        |reader| reader.object(&vault, &key, version);
    /// The latest version of each of a vault's objects after `after`.
    objects(vault: VaultId, after: Option<ObjectKey>, max: RowsMax) -> Rows<ObjectRecord> =
        |reader| reader.objects(&vault, after.as_ref(), max);
    /// Storage nodes, by key.
    nodes(max: RowsMax) -> Rows<NodeRecord> = |reader| reader.nodes(None, max);
    /// Commitments that wait for the chain, oldest first, from row `from` on: row, vault, sequence number.
    outbox(from: u64, max: RowsMax) -> Rows<(u64, VaultId, u64)> = |reader| reader.outbox(from, max);
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
