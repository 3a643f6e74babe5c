//! `ledger_`.

use jsonrpsee::core::{RpcResult, async_trait};
use primitives::ObjectKey;
use primitives::ledger::{COMMAND_MAX, SignedCommand};
use rpc_api::ledger::{
    Consistency, LEDGER_ITEMS_MAX, LEDGER_PAGE_DEFAULT, LedgerAnswer, LedgerApiServer, LedgerItems, LedgerList,
    LedgerPage, LedgerQuery, LedgerReply, LedgerStatus, Outcome, Page,
};
use rpc_api::{Data, Quantity, Record, codes};

use super::Methods;
use crate::error::{failure, invalid_params};

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
            LedgerQuery::VaultsOf { owner } => LedgerAnswer::VaultsOf(records(backend.vaults_of(owner).await?)),
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
        let (items, next_cursor) = match query {
            LedgerList::Packs { vault } => {
                let found = backend.packs_of(vault, number(cursor)?, limit).await?;
                let next = full(&found, limit).map(|(ordinal, _)| number_cursor(*ordinal));
                (LedgerItems::Packs(found.into_iter().map(|(_, pack)| Record(pack)).collect()), next)
            }
            LedgerList::Snapshots { vault } => {
                let found = backend.snapshots_of(vault, number(cursor)?, limit).await?;
                let next = full(&found, limit).map(|snapshot| number_cursor(snapshot.commitment.seq));
                (LedgerItems::Snapshots(records(found)), next)
            }
            LedgerList::Objects { vault } => {
                let found = backend.objects_of(vault, key(cursor)?, limit).await?;
                let next = full(&found, limit).map(|object| Data(object.key.as_ref().to_vec()));
                (LedgerItems::Objects(records(found)), next)
            }
            LedgerList::Nodes => (LedgerItems::Nodes(records(backend.nodes().await?)), None),
            LedgerList::Outbox => {
                let found = backend.outbox(number(cursor)?, limit).await?;
                let next = full(&found, limit).map(|item| number_cursor(item.position.get()));
                (LedgerItems::Outbox(found), next)
            }
        };
        Ok(LedgerPage { items, next_cursor, consistency: page.consistency, applied })
    }

    async fn status(&self) -> RpcResult<LedgerStatus> {
        Ok(self.backend.ledger_status().await?)
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

/// The last item of a full page: where the next one goes on.
fn full<T>(items: &[T], limit: usize) -> Option<&T> {
    items.last().filter(|_| items.len() >= limit)
}

fn number_cursor(number: u64) -> Data {
    Data(number.to_be_bytes().to_vec())
}

fn number(cursor: Option<&Data>) -> RpcResult<Option<u64>> {
    cursor.map(|data| data.0.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| foreign())).transpose()
}

fn key(cursor: Option<&Data>) -> RpcResult<Option<ObjectKey>> {
    let array = |data: &Data| <[u8; 32]>::try_from(data.0.as_slice()).map(ObjectKey::new).map_err(|_| foreign());
    cursor.map(array).transpose()
}

fn foreign() -> jsonrpsee::types::ErrorObjectOwned {
    invalid_params("the cursor is not one of this list: give nextCursor back unchanged")
}
