//! `snapshot_`.

use jsonrpsee::core::{RpcResult, async_trait};
use primitives::{Commitment, CommitmentHash, VaultId};
use rpc_api::Record;
use rpc_api::snapshot::{Snapshot, SnapshotApiServer, SnapshotFilter, SnapshotHead, SnapshotId, SnapshotPage};

use super::Methods;
use super::chain::missing;
use crate::error::invalid_params;
use crate::{BackendError, StateAt};

/// Commitments in a page when the caller names no limit.
const PAGE_DEFAULT: u64 = 100;
/// Most commitments in a page.
const PAGE_MAX: u64 = 1000;

#[async_trait]
impl SnapshotApiServer for Methods {
    fn get(&self, of: SnapshotId) -> RpcResult<Option<Snapshot>> {
        self.find(of)?.map(|(index, commitment)| self.snapshot(index, commitment)).transpose()
    }

    async fn list(&self, filter: Option<SnapshotFilter>) -> RpcResult<SnapshotPage> {
        let filter = filter.unwrap_or_default();
        let limit = filter.limit.map_or(PAGE_DEFAULT, |limit| limit.get());
        if limit == 0 || limit > PAGE_MAX {
            return Err(invalid_params(format!("limit {limit} must be 1 to {PAGE_MAX}")));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let cursor = filter.cursor.map(|cursor| cursor.get());
        self.scan(move |methods| match filter.vault {
            Some(vault) => methods.list_vault(&vault, cursor, limit),
            None => methods.list_all(cursor, limit),
        })
        .await
    }

    fn head(&self, vault: VaultId) -> RpcResult<Option<SnapshotHead>> {
        let Some(state) = self.backend.vault_state(&vault, StateAt::Latest)? else { return Ok(None) };
        let snapshot = match state.head_seq {
            0 => None,
            _ => self.get(SnapshotId::Hash(state.head))?,
        };
        Ok(Some(SnapshotHead {
            vault,
            owner: state.terms.owner,
            cluster: state.cluster,
            seq: state.head_seq.into(),
            hash: state.head,
            snapshot,
        }))
    }
}

impl Methods {
    /// The commitment that an id names, and its leaf index.
    pub(super) fn find(&self, of: SnapshotId) -> RpcResult<Option<(u64, Commitment)>> {
        match of {
            SnapshotId::Hash(commitment) | SnapshotId::Commitment { commitment } => self.find_hash(&commitment),
            SnapshotId::Leaf { leaf_index } => {
                Ok(self.backend.leaf(leaf_index.get())?.map(|commitment| (leaf_index.get(), commitment)))
            }
            SnapshotId::Stream { vault, seq } => self.find_seq(&vault, seq.get()),
        }
    }

    fn find_hash(&self, hash: &CommitmentHash) -> RpcResult<Option<(u64, Commitment)>> {
        let Some((index, _)) = self.backend.leaf_of(hash)? else { return Ok(None) };
        Ok(Some((index, self.leaf_at(index)?)))
    }

    fn find_seq(&self, vault: &VaultId, seq: u64) -> RpcResult<Option<(u64, Commitment)>> {
        let Some(entry) = self.backend.commitment_at(vault, seq)? else { return Ok(None) };
        Ok(Some((entry.leaf_index, self.leaf_at(entry.leaf_index)?)))
    }

    /// A vault's commitments, newest first; the cursor is the sequence number to go on from.
    fn list_vault(&self, vault: &VaultId, cursor: Option<u64>, limit: usize) -> RpcResult<SnapshotPage> {
        let head_seq = self.backend.vault_state(vault, StateAt::Latest)?.map_or(0, |state| state.head_seq);
        let end = cursor.map_or(head_seq, |cursor| cursor.min(head_seq));
        let begin = end.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)).saturating_add(1);
        let mut items = Vec::new();
        for seq in (begin..=end).rev() {
            let Some((index, commitment)) = self.find_seq(vault, seq)? else { break };
            items.push(self.snapshot(index, commitment)?);
        }
        Ok(SnapshotPage { items, next_cursor: Some(begin.saturating_sub(1)).filter(|seq| *seq > 0).map(Into::into) })
    }

    /// All commitments, newest first; the cursor is the leaf index to go on from.
    fn list_all(&self, cursor: Option<u64>, limit: usize) -> RpcResult<SnapshotPage> {
        let size = self.backend.head()?.log_size;
        let end = cursor.map_or(size, |cursor| cursor.saturating_add(1).min(size));
        let begin = end.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX));
        let items = (begin..end)
            .rev()
            .map(|index| self.snapshot(index, self.leaf_at(index)?))
            .collect::<RpcResult<Vec<_>>>()?;
        Ok(SnapshotPage { items, next_cursor: begin.checked_sub(1).map(Into::into) })
    }

    fn leaf_at(&self, index: u64) -> RpcResult<Commitment> {
        Ok(self.backend.leaf(index)?.ok_or_else(|| {
            BackendError::internal(format!("leaf {index} of the snapshot log is missing in the node's store"))
        })?)
    }

    fn snapshot(&self, index: u64, commitment: Commitment) -> RpcResult<Snapshot> {
        let hash = commitment.hash();
        let Some((_, height)) = self.backend.leaf_of(&hash)? else {
            return Err(BackendError::internal(format!("commitment {hash} is not in the node's index")).into());
        };
        let header = self.backend.header(height)?.ok_or_else(|| missing("header", height))?;
        Ok(Snapshot {
            hash,
            leaf_index: index.into(),
            height: height.get().into(),
            block: header.hash(),
            timestamp_ms: header.timestamp.get().into(),
            commitment: Record(commitment),
        })
    }
}
