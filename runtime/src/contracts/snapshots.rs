//! `Snapshots`: one leaf of the snapshot log per commitment, one unbroken stream per vault.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use chain_spec::GasTable;
use primitives::ledger::attestation_hash;
use primitives::{COMMITMENT_VERSION, Commitment, CommitmentHash, Ed25519Signature, MemberKey, VaultId};

use super::attest;
use super::{Abort, Env, revert};
use crate::abi::snapshots::ISnapshots::{
    self, BatchTooLarge, EmptyBatch, Equivocation, ISnapshotsCalls, InvalidPolicy, NotCommitter, Refused,
    RetentionTooShort, SnapshotCommitted, UnknownCluster, UnknownVault, UnsupportedVersion, WrongCluster, WrongEpoch,
    WrongPolicy, WrongPrev, WrongSequence, atCall, atReturn, commitBatchCall, commitCall, equivocationAtCall,
    equivocationAtReturn, headCall, headReturn, logCall, logReturn,
};
use crate::address::{SNAPSHOTS, id, to_alloy, word};
use crate::gas::count;
use crate::state::{ClusterState, CommitmentEntry, EquivocationEntry, StateKey, VaultState};

pub(super) fn gas(call: &ISnapshotsCalls, table: &GasTable) -> u64 {
    match call {
        ISnapshotsCalls::commit(_) => table.commitment,
        ISnapshotsCalls::commitBatch(call) => {
            let items = table.commitment.saturating_mul(count(call.items.len()));
            items.saturating_add(table.ed25519_verify.saturating_mul(count(call.attestations.len())))
        }
        ISnapshotsCalls::head(_)
        | ISnapshotsCalls::at(_)
        | ISnapshotsCalls::equivocationAt(_)
        | ISnapshotsCalls::log(_) => table.view,
    }
}

pub(super) fn run(env: &mut Env<'_, '_>, call: ISnapshotsCalls) -> Result<Vec<u8>, Abort> {
    match call {
        ISnapshotsCalls::commit(commitCall { commitment }) => {
            let commitment = commitment_from(&commitment)?;
            let vault = find(env, commitment.vault)?;
            if !vault.is_committer(&env.caller) {
                let caller = to_alloy(&env.caller);
                return Err(revert(NotCommitter { vault: word(commitment.vault), caller }));
            }
            let hash = commitment.hash();
            let (leaf_index, _) = record(env, vault, commitment, hash)?;
            Ok(commitCall::abi_encode_returns(&leaf_index))
        }
        ISnapshotsCalls::commitBatch(call) => {
            let added = commit_batch(env, &call)?;
            Ok(commitBatchCall::abi_encode_returns(&added))
        }
        ISnapshotsCalls::head(headCall { vault }) => {
            let state = env.state.read::<VaultState>(&StateKey::Vault(id(vault)))?;
            let (seq, commitment) = state.map(|state| (state.head_seq, word(state.head))).unwrap_or_default();
            Ok(headCall::abi_encode_returns(&headReturn { seq, commitment }))
        }
        ISnapshotsCalls::at(atCall { vault, seq }) => {
            let entry = env.state.read::<CommitmentEntry>(&StateKey::Commitment(id(vault), seq))?;
            let found = entry.map(|entry| atReturn {
                commitment: word(entry.hash),
                leafIndex: entry.leaf_index,
                height: entry.height.get(),
            });
            Ok(atCall::abi_encode_returns(&found.unwrap_or_default()))
        }
        ISnapshotsCalls::equivocationAt(equivocationAtCall { vault, seq }) => {
            let entry = env.state.read::<EquivocationEntry>(&StateKey::Equivocation(id(vault), seq))?;
            let found = entry
                .map(|entry| equivocationAtReturn { conflicting: word(entry.conflicting), height: entry.height.get() });
            Ok(equivocationAtCall::abi_encode_returns(&found.unwrap_or_default()))
        }
        ISnapshotsCalls::log(logCall {}) => {
            let (size, root) = (env.log.size(), word(env.log.root()));
            Ok(logCall::abi_encode_returns(&logReturn { size, root }))
        }
    }
}

fn commit_batch(env: &mut Env<'_, '_>, call: &commitBatchCall) -> Result<u64, Abort> {
    let (limit, found) = (u64::from(env.spec.params.batch_max), count(call.items.len()));
    if found == 0 {
        return Err(revert(EmptyBatch {}));
    }
    if found > limit {
        return Err(revert(BatchTooLarge { limit: U256::from(limit), found: U256::from(found) }));
    }
    let cluster = env
        .state
        .read::<ClusterState>(&StateKey::Cluster(id(call.cluster)))?
        .ok_or_else(|| revert(UnknownCluster { cluster: call.cluster }))?;
    if cluster.epoch != call.epoch {
        return Err(revert(WrongEpoch { expected: cluster.epoch, found: call.epoch }));
    }
    let commitments = call.items.iter().map(commitment_from).collect::<Result<Vec<_>, Abort>>()?;
    let hashes: Vec<CommitmentHash> = commitments.iter().map(Commitment::hash).collect();
    let message = attestation_hash(&env.spec.network, &id(call.cluster), call.epoch, &hashes);
    attest::check(&cluster, &message, &attestations_from(&call.attestations))?;
    let mut added = 0u64;
    for (commitment, hash) in commitments.into_iter().zip(hashes) {
        let (vault, seq) = (word(commitment.vault), commitment.seq);
        match commit_item(env, call.cluster, commitment, hash) {
            Ok(new) => added = added.saturating_add(u64::from(new)),
            // Nothing is written before the last check of an item, so there is nothing to take back.
            Err(Abort::Revert(error)) => {
                let event = Refused { vault, seq, commitment: word(hash), error: error.into() };
                env.emit(SNAPSHOTS, &event.encode_log_data());
            }
            Err(fatal @ Abort::View(_)) => return Err(fatal),
        }
    }
    Ok(added)
}

/// One item of an attested batch: its vault chose this cluster, and it continues the vault's stream.
fn commit_item(
    env: &mut Env<'_, '_>,
    cluster: alloy_primitives::B256,
    commitment: Commitment,
    hash: CommitmentHash,
) -> Result<bool, Abort> {
    let vault = find(env, commitment.vault)?;
    let expected = word(vault.cluster);
    if expected != cluster {
        return Err(revert(WrongCluster { vault: word(commitment.vault), expected, found: cluster }));
    }
    record(env, vault, commitment, hash).map(|(_, new)| new)
}

/// Puts a commitment (with its hash) at its place of the stream. Returns its leaf's index and whether it is new.
fn record(
    env: &mut Env<'_, '_>,
    mut vault: VaultState,
    commitment: Commitment,
    hash: CommitmentHash,
) -> Result<(u64, bool), Abort> {
    let (vault_word, seq) = (word(commitment.vault), commitment.seq);
    if let Some(taken) = env.state.read::<CommitmentEntry>(&StateKey::Commitment(commitment.vault, seq))? {
        if taken.hash != hash {
            equivocate(env, &commitment, hash, &taken)?;
        }
        return Ok((taken.leaf_index, false));
    }
    let expected = vault.head_seq.saturating_add(1);
    if seq != expected {
        return Err(revert(WrongSequence { vault: vault_word, expected, found: seq }));
    }
    if commitment.prev != vault.head {
        let (expected, found) = (word(vault.head), word(commitment.prev));
        return Err(revert(WrongPrev { vault: vault_word, seq, expected, found }));
    }
    check_terms(&vault, &commitment)?;
    let leaf_index = env.log.size().saturating_add(count(env.leaves.len()));
    let entry = CommitmentEntry { hash, leaf_index, height: env.block.height };
    env.state.put(&StateKey::Commitment(commitment.vault, seq), &entry);
    vault.head_seq = seq;
    vault.head = hash;
    env.state.put(&StateKey::Vault(commitment.vault), &vault);
    let event = SnapshotCommitted { vault: vault_word, seq, commitment: word(hash), leafIndex: leaf_index };
    env.emit(SNAPSHOTS, &event.encode_log_data());
    env.leaves.push(commitment);
    Ok((leaf_index, true))
}

/// Records that somebody with the right to commit signed two commitments for one place. The first conflict stays in
/// the state; every one is an event.
fn equivocate(
    env: &mut Env<'_, '_>,
    commitment: &Commitment,
    hash: CommitmentHash,
    taken: &CommitmentEntry,
) -> Result<(), Abort> {
    let key = StateKey::Equivocation(commitment.vault, commitment.seq);
    if env.state.read::<EquivocationEntry>(&key)?.is_none() {
        env.state.put(&key, &EquivocationEntry { conflicting: hash, height: env.block.height });
    }
    let event = Equivocation {
        vault: word(commitment.vault),
        seq: commitment.seq,
        recorded: word(taken.hash),
        conflicting: word(hash),
    };
    env.emit(SNAPSHOTS, &event.encode_log_data());
    Ok(())
}

/// A commitment keeps what the owner agreed to: the policy, and the lock's length.
fn check_terms(vault: &VaultState, commitment: &Commitment) -> Result<(), Abort> {
    let terms = &vault.terms;
    if commitment.policy != terms.policy {
        return Err(revert(WrongPolicy {
            vault: word(commitment.vault),
            dataShards: commitment.policy.data_shards(),
            parityShards: commitment.policy.parity_shards(),
        }));
    }
    let earliest = commitment.taken_at.get().saturating_add(terms.retention_ms);
    if terms.retention_ms != 0 && commitment.retain_until.get() < earliest {
        let found = commitment.retain_until.get();
        return Err(revert(RetentionTooShort { vault: word(commitment.vault), earliest, found }));
    }
    Ok(())
}

fn find(env: &mut Env<'_, '_>, vault: VaultId) -> Result<VaultState, Abort> {
    env.state.read(&StateKey::Vault(vault))?.ok_or_else(|| revert(UnknownVault { vault: word(vault) }))
}

fn attestations_from(list: &[ISnapshots::Attestation]) -> Vec<(MemberKey, Ed25519Signature)> {
    list.iter().map(|item| (id(item.member), attest::signature(&item.r.0, &item.s.0))).collect()
}

fn commitment_from(item: &ISnapshots::Commitment) -> Result<Commitment, Abort> {
    if item.version != COMMITMENT_VERSION {
        return Err(revert(UnsupportedVersion { found: item.version }));
    }
    let policy = primitives::Policy::new(item.dataShards, item.parityShards)
        .map_err(|_| revert(InvalidPolicy { dataShards: item.dataShards, parityShards: item.parityShards }))?;
    Ok(Commitment {
        version: item.version,
        vault: id(item.vault),
        seq: item.seq,
        prev: id(item.prev),
        content_root: id(item.contentRoot),
        manifest: id(item.manifest),
        packs_root: id(item.packsRoot),
        packs: item.packs,
        files: item.files,
        logical_bytes: item.logicalBytes,
        stored_bytes: item.storedBytes,
        policy,
        retain_until: primitives::TimestampMs::new(item.retainUntil),
        taken_at: primitives::TimestampMs::new(item.takenAt),
    })
}

/// The ABI form of a commitment.
pub(crate) fn commitment_to(commitment: &Commitment) -> ISnapshots::Commitment {
    ISnapshots::Commitment {
        version: commitment.version,
        vault: word(commitment.vault),
        seq: commitment.seq,
        prev: word(commitment.prev),
        contentRoot: word(commitment.content_root),
        manifest: word(commitment.manifest),
        packsRoot: word(commitment.packs_root),
        packs: commitment.packs,
        files: commitment.files,
        logicalBytes: commitment.logical_bytes,
        storedBytes: commitment.stored_bytes,
        dataShards: commitment.policy.data_shards(),
        parityShards: commitment.policy.parity_shards(),
        retainUntil: commitment.retain_until.get(),
        takenAt: commitment.taken_at.get(),
    }
}

#[cfg(test)]
#[path = "snapshots_test.rs"]
mod tests;
