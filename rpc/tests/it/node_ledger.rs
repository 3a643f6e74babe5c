//! A ledger in memory: accepts what it is told to and records what tests put in.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use parity_scale_codec::Encode;
use primitives::ledger::{
    Applied, NodeRecord, ObjectRecord, PackRecord, Refusal, Rows, RowsMax, SignedCommand, SnapshotRecord, Totals,
    VaultRecord,
};
use primitives::{Address, Hash32, MemberKey, NodeKey, ObjectKey, PackId, VaultId};
use rpc::{BackendError, LedgerBackend};
use rpc_api::codes;
use rpc_api::ledger::{Consistency, LedgerStatus, OutboxItem};

use crate::node::Node;

#[derive(Default)]
pub(crate) struct MemoryLedger {
    pub(crate) submitted: Mutex<Vec<SignedCommand>>,
    pub(crate) vaults: Mutex<Vec<VaultRecord>>,
    pub(crate) packs: Mutex<Vec<PackRecord>>,
    pub(crate) snapshots: Mutex<Vec<SnapshotRecord>>,
    pub(crate) objects: Mutex<Vec<(VaultId, ObjectRecord)>>,
    pub(crate) barriers: AtomicUsize,
    pub(crate) down: AtomicBool,
}

fn rows<T, R: Encode>(
    found: impl Iterator<Item = T>,
    max: RowsMax,
    record: impl Fn(&T) -> &R,
) -> Result<Rows<T>, BackendError> {
    Rows::collect(found.map(Ok), max, record)
}

#[async_trait]
impl LedgerBackend for Node {
    /// Serial 0 is refused, so that both outcomes can be seen.
    async fn ledger_submit(&self, commands: Vec<SignedCommand>) -> Result<Vec<Result<Applied, Refusal>>, BackendError> {
        let outcome = |command: &SignedCommand| match command.serial {
            0 => Err(Refusal::StaleSerial { oldest: 1, found: 0 }),
            _ => Ok(Applied::Done),
        };
        let outcomes = commands.iter().map(outcome).collect();
        self.ledger.submitted.lock().unwrap().extend(commands);
        Ok(outcomes)
    }

    async fn ledger_read(&self, consistency: Consistency) -> Result<u64, BackendError> {
        if consistency == Consistency::Stale {
            return Ok(16);
        }
        self.ledger.barriers.fetch_add(1, Ordering::Relaxed);
        match self.ledger.down.load(Ordering::Relaxed) {
            true => Err(BackendError::NotYet { code: codes::LEDGER_UNAVAILABLE, reason: "no quorum".to_owned() }),
            false => Ok(17),
        }
    }

    async fn vault(&self, vault: VaultId) -> Result<Option<VaultRecord>, BackendError> {
        let vaults = self.ledger.vaults.lock().unwrap();
        Ok(vaults.iter().find(|record| record.terms.vault() == vault).cloned())
    }

    async fn vaults_of(&self, owner: Address, max: RowsMax) -> Result<Rows<VaultRecord>, BackendError> {
        let vaults = self.ledger.vaults.lock().unwrap();
        rows(vaults.iter().filter(|record| record.terms.owner == owner).cloned(), max, |record| record)
    }

    async fn packs(&self, packs: Vec<PackId>) -> Result<Vec<Option<PackRecord>>, BackendError> {
        let known = self.ledger.packs.lock().unwrap();
        Ok(packs.iter().map(|pack| known.iter().find(|record| record.header.id() == *pack).cloned()).collect())
    }

    async fn packs_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<(u64, PackRecord)>, BackendError> {
        let packs = self.ledger.packs.lock().unwrap();
        let of_vault = packs.iter().filter(|record| record.vault == vault).cloned();
        let found = (10..).zip(of_vault).filter(|(ordinal, _)| after.is_none_or(|after| *ordinal > after));
        rows(found, max, |(_, record)| record)
    }

    async fn snapshot(&self, vault: VaultId, seq: u64) -> Result<Option<SnapshotRecord>, BackendError> {
        let all = self.ledger.snapshots.lock().unwrap();
        Ok(all.iter().find(|record| record.commitment.vault == vault && record.commitment.seq == seq).cloned())
    }

    async fn snapshots_of(
        &self,
        vault: VaultId,
        after: Option<u64>,
        max: RowsMax,
    ) -> Result<Rows<SnapshotRecord>, BackendError> {
        let all = self.ledger.snapshots.lock().unwrap();
        let of_vault = all.iter().filter(|record| record.commitment.vault == vault);
        let found = of_vault.filter(|record| record.commitment.seq > after.unwrap_or(0));
        rows(found.cloned(), max, |record| record)
    }

    async fn object(
        &self,
        vault: VaultId,
        key: ObjectKey,
        version: Option<u64>,
    ) -> Result<Option<ObjectRecord>, BackendError> {
        let all = self.ledger.objects.lock().unwrap();
        let is_it =
            |object: &ObjectRecord| object.key == key && version.is_none_or(|version| object.version == version);
        Ok(all.iter().find(|(of, object)| *of == vault && is_it(object)).map(|(_, object)| object.clone()))
    }

    async fn objects_of(
        &self,
        vault: VaultId,
        after: Option<ObjectKey>,
        max: RowsMax,
    ) -> Result<Rows<ObjectRecord>, BackendError> {
        let all = self.ledger.objects.lock().unwrap();
        let of_vault = all.iter().filter(|(of, _)| *of == vault).map(|(_, object)| object);
        let found = of_vault.filter(|object| after.is_none_or(|after| object.key > after));
        rows(found.cloned(), max, |record| record)
    }

    async fn nodes(&self, after: Option<NodeKey>, max: RowsMax) -> Result<Rows<NodeRecord>, BackendError> {
        let other = NodeRecord { node: NodeKey::new([0xff; 32]), volumes: Vec::new() };
        let all = [NodeRecord { node: self.replica.node(), volumes: Vec::new() }, other];
        rows(all.into_iter().filter(|node| after.is_none_or(|after| node.node > after)), max, |node| node)
    }

    async fn outbox(&self, after: Option<u64>, max: RowsMax) -> Result<Rows<OutboxItem>, BackendError> {
        let item = |position: u64| OutboxItem { position: position.into(), vault: VaultId::ZERO, seq: 1.into() };
        Ok(rows((1..=3).filter(|position| *position > after.unwrap_or(0)), max, |row| row)?.map(item))
    }

    async fn ledger_status(&self) -> Result<LedgerStatus, BackendError> {
        Ok(LedgerStatus {
            cluster: Hash32::new([5; 32]),
            member: MemberKey::new([5; 32]),
            role: "leader".to_owned(),
            leader: Some(MemberKey::new([5; 32])),
            term: 1.into(),
            last_log: Some(18.into()),
            applied: 17.into(),
            log_bytes: 4096.into(),
            members: vec![MemberKey::new([5; 32])],
            refusing: None,
            totals: Totals { packs: 2, ..Totals::default() }.into(),
        })
    }
}
