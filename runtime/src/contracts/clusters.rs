//! `Clusters`: root clusters, whose present epoch authorises the next.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use chain_spec::{ClusterSpec, GasTable};
use primitives::{Address, Ed25519Signature, Hash32, MemberKey, SignatureError};

use super::attest;
use super::{Abort, Env, revert};
use crate::abi::clusters::IClusters::{
    self, Cluster, EpochBegan, IClustersCalls, InvalidMember, InvalidMembers, InvalidThreshold, UnknownCluster,
    WrongEpoch, getCall, handOverCall,
};
use crate::address::{CLUSTERS, from_alloy, id, to_alloy, word};
use crate::gas::count;
use crate::state::{ClusterState, StateKey};

pub(super) fn gas(call: &IClustersCalls, table: &GasTable) -> u64 {
    match call {
        IClustersCalls::handOver(call) => table
            .hand_over
            .saturating_add(table.hand_over_member.saturating_mul(count(call.members.len())))
            .saturating_add(table.ed25519_verify.saturating_mul(count(call.attestations.len()))),
        IClustersCalls::get(_) => table.view,
    }
}

pub(super) fn run(env: &mut Env<'_, '_>, call: IClustersCalls) -> Result<Vec<u8>, Abort> {
    match call {
        IClustersCalls::handOver(call) => hand_over(env, &call).map(|()| Vec::new()),
        IClustersCalls::get(getCall { cluster }) => {
            let state = find(env, id(cluster))?;
            Ok(getCall::abi_encode_returns(&Cluster {
                epoch: state.epoch,
                members: state.members.iter().map(|member| word(*member)).collect(),
                threshold: state.threshold,
                operator: to_alloy(&state.operator),
                since: state.since.get(),
            }))
        }
    }
}

fn hand_over(env: &mut Env<'_, '_>, call: &handOverCall) -> Result<(), Abort> {
    let cluster: Hash32 = id(call.cluster);
    let present = find(env, cluster)?;
    if present.epoch != call.epoch {
        return Err(revert(WrongEpoch { expected: present.epoch, found: call.epoch }));
    }
    let operator: Address = from_alloy(call.operator);
    let members: Vec<MemberKey> = call.members.iter().map(|member| id(*member)).collect();
    check_members(&members, call.threshold)?;
    let message =
        attest::hand_over_hash(&env.spec.network, &cluster, present.epoch, &members, call.threshold, &operator);
    attest::check(&present, &message, &attestations_from(&call.attestations))?;
    let epoch = present.epoch.saturating_add(1);
    let next = ClusterState { epoch, members, threshold: call.threshold, operator, since: env.block.height };
    env.state.put(&StateKey::Cluster(cluster), &next);
    let event = EpochBegan {
        cluster: call.cluster,
        epoch,
        members: call.members.clone(),
        threshold: call.threshold,
        operator: call.operator,
    };
    env.emit(CLUSTERS, &event.encode_log_data());
    Ok(())
}

fn check_members(members: &[MemberKey], threshold: u32) -> Result<(), Abort> {
    let ascending = members.iter().zip(members.iter().skip(1)).all(|(left, right)| left < right);
    if members.is_empty() || members.len() > ClusterSpec::MEMBERS_MAX || !ascending {
        let (limit, found) = (U256::from(ClusterSpec::MEMBERS_MAX), U256::from(members.len()));
        return Err(revert(InvalidMembers { limit, found }));
    }
    for member in members {
        // A signature of zeros never holds; the error tells a point of the curve from other bytes.
        if Ed25519Signature::new([0; 64]).verify(member.as_bytes(), b"") == Err(SignatureError::Key) {
            return Err(revert(InvalidMember { member: word(*member) }));
        }
    }
    if threshold == 0 || u64::from(threshold) > count(members.len()) {
        return Err(revert(InvalidThreshold { threshold }));
    }
    Ok(())
}

fn find(env: &mut Env<'_, '_>, cluster: Hash32) -> Result<ClusterState, Abort> {
    env.state.read(&StateKey::Cluster(cluster))?.ok_or_else(|| revert(UnknownCluster { cluster: word(cluster) }))
}

fn attestations_from(list: &[IClusters::Attestation]) -> Vec<(MemberKey, Ed25519Signature)> {
    list.iter().map(|item| (id(item.member), attest::signature(&item.r.0, &item.s.0))).collect()
}

#[cfg(test)]
#[path = "clusters_test.rs"]
mod tests;
