//! `ledger_`.

use jsonrpsee::core::{RpcResult, async_trait};
use primitives::ledger::{COMMAND_MAX, Rows, RowsMax, SignedCommand};
use primitives::{NodeKey, ObjectKey};
use rpc_api::ledger::{
    Consistency, LEDGER_ITEMS_MAX, LEDGER_PAGE_DEFAULT, LedgerAnswer, LedgerApiServer, LedgerItems, LedgerList,
    LedgerPage, LedgerQuery, LedgerReply, LedgerStatus, Outcome, Page,
};
use rpc_api::{Data, Quantity, Record, codes};

use super::Methods;
use crate::error::{failure, invalid_params};

/// Most that a byte of a record becomes in an answer, and what the answer has around its records. A node's volume comes to
/// 9: 6 bytes, which are 12 digits in `record` and 42 characters of readable fields.
const WIRE_BYTES: usize = 10;
/// Most vaults of one owner in an answer: that list has no pages.
const VAULTS_MAX: usize = 10_000;

#[async_trait]
impl LedgerApiServer for Methods {
    async fn submit(&self, commands: Vec<Data>) -> RpcResult<Vec<Outcome>> {
        check_count(commands.len(), "commands")?;
        let decode = |(place, bytes): (usize, &Data)| {
            primitives::decode_exact::<SignedCommand>("command", &bytes.0, COMMAND_MAX)
                .map_err(|error| failure(codes::LEDGER_COMMAND, format!("command {place}: {error}")))
        };
        let commands = commands.iter().enumerate().map(decode).collect::<RpcResult<Vec<_>>>()?;
        Ok(self.backend.ledger_submit(commands).await?.into_iter().map(Outcome::from).collect())
    }

    async fn get(&self, query: LedgerQuery, consistency: Option<Consistency>) -> RpcResult<LedgerReply> {
        let consistency = consistency.unwrap_or_default();
        let applied = self.backend.ledger_read(consistency).await?.into();
        let backend = &self.backend;
        let answer = match query {
            LedgerQuery::Vault { vault } => LedgerAnswer::Vault(backend.vault(vault).await?.map(Record)),
            LedgerQuery::VaultsOf { owner } => {
                let max = RowsMax { rows: VAULTS_MAX, bytes: self.page_bytes() };
                LedgerAnswer::VaultsOf(records(whole(backend.vaults_of(owner, max).await?)?))
            }
            LedgerQuery::Pack { pack } => {
                LedgerAnswer::Pack(backend.packs(vec![pack]).await?.into_iter().next().flatten().map(Record))
            }
            LedgerQuery::Packs { packs } => {
                check_count(packs.len(), "packs")?;
                LedgerAnswer::Packs(backend.packs(packs).await?.into_iter().map(|pack| pack.map(Record)).collect())
            }
            LedgerQuery::Snapshot { vault, seq } => {
                let seq = match seq {
                    Some(seq) => seq.get(),
                    None => backend.vault(vault).await?.map_or(0, |record| record.head_seq),
                };
                LedgerAnswer::Snapshot(backend.snapshot(vault, seq).await?.map(Record))
            }
            LedgerQuery::Object { vault, key, version } => {
                let version = version.map(Quantity::get);
                LedgerAnswer::Object(backend.object(vault, key, version).await?.map(Record))
            }
        };
        Ok(LedgerReply { answer, consistency, applied })
    }

    async fn list(&self, query: LedgerList, page: Option<Page>) -> RpcResult<LedgerPage> {
        let page = page.unwrap_or_default();
        let limit = page.limit.map_or(Ok(LEDGER_PAGE_DEFAULT), |limit| usize::try_from(limit.get()));
        let limit = limit.unwrap_or(usize::MAX);
        check_count(limit, "records in a page")?;
        let applied = self.backend.ledger_read(page.consistency).await?.into();
        let (backend, cursor) = (&self.backend, page.cursor.as_ref());
        let max = RowsMax { rows: limit, bytes: self.page_bytes() };
        let (items, next_cursor) = match query {
            LedgerList::Packs { vault } => {
                let found = backend.packs_of(vault, number(cursor)?, max).await?;
                let next = goes_on(&found).map(|(ordinal, _)| number_cursor(*ordinal));
                (LedgerItems::Packs(records(found.map(|(_, pack)| pack).rows)), next)
            }
            LedgerList::Snapshots { vault } => {
                let found = backend.snapshots_of(vault, number(cursor)?, max).await?;
                let next = goes_on(&found).map(|snapshot| number_cursor(snapshot.commitment.seq));
                (LedgerItems::Snapshots(records(found.rows)), next)
            }
            LedgerList::Objects { vault } => {
                let found = backend.objects_of(vault, id(cursor)?.map(ObjectKey::new), max).await?;
                let next = goes_on(&found).map(|object| Data(object.key.as_ref().to_vec()));
                (LedgerItems::Objects(records(found.rows)), next)
            }
            LedgerList::Nodes => {
                let found = backend.nodes(id(cursor)?.map(NodeKey::new), max).await?;
                let next = goes_on(&found).map(|node| Data(node.node.as_ref().to_vec()));
                (LedgerItems::Nodes(records(found.rows)), next)
            }
            LedgerList::Outbox => {
                let found = backend.outbox(number(cursor)?, max).await?;
                let next = goes_on(&found).map(|item| number_cursor(item.position.get()));
                (LedgerItems::Outbox(found.rows), next)
            }
        };
        Ok(LedgerPage { items, next_cursor, consistency: page.consistency, applied })
    }

    async fn status(&self) -> RpcResult<LedgerStatus> {
        Ok(self.backend.ledger_status().await?)
    }
}

impl Methods {
    /// How much of a list is read for one answer, bytes of the records' encodings: never more than the answer takes.
    fn page_bytes(&self) -> usize {
        usize::try_from(self.limits.response_bytes_max)
            .unwrap_or(usize::MAX)
            .checked_div(WIRE_BYTES)
            .unwrap_or_default()
    }
}

fn check_count(count: usize, what: &str) -> RpcResult<()> {
    match count {
        1..=LEDGER_ITEMS_MAX => Ok(()),
        _ => Err(invalid_params(format!("{count} {what}: there must be 1 to {LEDGER_ITEMS_MAX}"))),
    }
}

fn records<T>(values: Vec<T>) -> Vec<Record<T>> {
    values.into_iter().map(Record).collect()
}

/// The last row of a page that is not the last one: where the next one goes on.
fn goes_on<T>(found: &Rows<T>) -> Option<&T> {
    found.rows.last().filter(|_| found.more)
}

/// All rows of a list that has no pages.
fn whole<T>(found: Rows<T>) -> RpcResult<Vec<T>> {
    match found.more {
        true => Err(failure(codes::SERVER, "response too large: ask for the records one by one")),
        false => Ok(found.rows),
    }
}

fn number_cursor(number: u64) -> Data {
    Data(number.to_be_bytes().to_vec())
}

fn number(cursor: Option<&Data>) -> RpcResult<Option<u64>> {
    cursor.map(|data| data.0.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| foreign())).transpose()
}

fn id(cursor: Option<&Data>) -> RpcResult<Option<[u8; 32]>> {
    cursor.map(|data| data.0.as_slice().try_into().map_err(|_| foreign())).transpose()
}

fn foreign() -> jsonrpsee::types::ErrorObjectOwned {
    invalid_params("the cursor is not one of this list: give nextCursor back unchanged")
}

#[cfg(test)]
mod tests {
    use primitives::ledger::{
        Finality, Holder, NodeRecord, ObjectRecord, PackRecord, SnapshotRecord, VaultRecord, VaultTerms, VolumeInfo,
    };
    use primitives::{
        Address, Commitment, CommitmentHash, EcdsaSignature, Hash32, Height, PackHeader, PackId, Policy, ShardId,
        TimestampMs, TreeRoot, VaultId, VolumeId,
    };
    use rpc_api::Readable;

    use super::*;

    /// How many bytes of an answer one byte of the record becomes, with the comma behind it.
    fn wire<T: Readable>(record: T) -> f64 {
        let encoded = record.encoded_size();
        let wire = serde_json::to_vec(&Record(record)).unwrap().len() + 1;
        f64::from(u32::try_from(wire).unwrap()) / f64::from(u32::try_from(encoded).unwrap())
    }

    fn vault(delegates: usize) -> VaultRecord {
        let terms = VaultTerms {
            owner: Address::new([0xff; 20]),
            salt: Hash32::new([0xff; 32]),
            cluster: Hash32::new([0xff; 32]),
            policy: Policy::ERASURE,
            retention_ms: u64::MAX,
            delegates: vec![Address::new([0xff; 20]); delegates],
        };
        VaultRecord {
            terms,
            sealed: Vec::new(),
            consent: EcdsaSignature::new([0xff; 65]),
            head_seq: u64::MAX,
            head: CommitmentHash::new([0xff; 32]),
            on_chain: Some(Height::new(u64::MAX)),
            packs: u64::MAX,
            stored_bytes: u64::MAX,
        }
    }

    fn pack(holders: usize) -> PackRecord {
        let holder = Holder { index: u8::MAX, node: NodeKey::new([0xff; 32]), volume: VolumeId(u16::MAX) };
        let shards = vec![ShardId::new([0xff; 32]); holders];
        PackRecord {
            vault: VaultId::new([0xff; 32]),
            header: PackHeader { policy: Policy::ERASURE, shard_len: u32::MAX, shards },
            holders: vec![holder; holders],
            references: u32::MAX,
        }
    }

    fn snapshot(packs: usize) -> SnapshotRecord {
        let commitment = Commitment {
            version: u8::MAX,
            vault: VaultId::new([0xff; 32]),
            seq: u64::MAX,
            prev: CommitmentHash::new([0xff; 32]),
            content_root: Hash32::new([0xff; 32]),
            manifest: ShardId::new([0xff; 32]),
            packs_root: TreeRoot::new([0xff; 32]),
            packs: u32::MAX,
            files: u64::MAX,
            logical_bytes: u64::MAX,
            stored_bytes: u64::MAX,
            policy: Policy::ERASURE,
            retain_until: TimestampMs::new(u64::MAX),
            taken_at: TimestampMs::new(u64::MAX),
        };
        let finality =
            Finality { height: Height::new(u64::MAX), leaf_index: u64::MAX, timestamp: TimestampMs::new(u64::MAX) };
        SnapshotRecord {
            commitment,
            packs: vec![PackId::new([0xff; 32]); packs],
            manifest_pack: PackId::new([0xff; 32]),
            finality: Some(finality),
        }
    }

    fn object(packs: usize) -> ObjectRecord {
        let packs = vec![PackId::new([0xff; 32]); packs];
        ObjectRecord { key: ObjectKey::new([0xff; 32]), version: u64::MAX, sealed: Vec::new(), packs }
    }

    fn node(volumes: usize) -> NodeRecord {
        let volume = VolumeInfo { volume: VolumeId(u16::MAX), weight: u32::MAX };
        NodeRecord { node: NodeKey::new([0xff; 32]), volumes: vec![volume; volumes] }
    }

    #[test]
    fn no_record_is_longer_in_an_answer_than_a_page_counts_for_it() {
        let most = f64::from(u32::try_from(WIRE_BYTES).unwrap()) - 1.0;
        for parts in [0, 1, 6, 128, 10_000] {
            for (kind, wire) in [
                ("vault", wire(vault(parts))),
                ("pack", wire(pack(parts))),
                ("snapshot", wire(snapshot(parts))),
                ("object", wire(object(parts))),
                ("node", wire(node(parts))),
            ] {
                assert!(wire <= most, "{kind} with {parts} parts: {wire}");
            }
        }
        assert!(wire(node(10_000)) > most - 0.1, "a larger number makes pages shorter than they need to be");
    }
}
