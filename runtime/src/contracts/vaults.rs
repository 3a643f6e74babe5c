//! `Vaults`: who owns a vault, and who may commit to it.

use alloy_sol_types::{SolCall as _, SolEvent as _};
use chain_spec::GasTable;
use primitives::ledger::{DELEGATES_MAX, VaultTerms};
use primitives::{Address, EcdsaSignature, Hash32, Policy, VaultId};

use super::{Abort, Env, revert};
use crate::abi::vaults::IVaults::{
    BadConsent, ClusterChanged, DelegateAdded, DelegateRemoved, IVaultsCalls, InvalidDelegate, InvalidPolicy, NotOwner,
    Terms, TooManyDelegates, UnknownCluster, UnknownVault, Vault, VaultExists, VaultRegistered, addDelegateCall,
    getCall, idOfCall, isCommitterCall, registerCall, registerForCall, removeDelegateCall, setClusterCall,
};
use crate::address::{VAULTS, from_alloy, id, to_alloy, word};
use crate::state::{ClusterState, StateKey, VaultState};

pub(super) fn gas(call: &IVaultsCalls, table: &GasTable) -> u64 {
    match call {
        IVaultsCalls::register(_) => table.vault_register,
        IVaultsCalls::registerFor(_) => table.vault_register.saturating_add(table.ecdsa_verify),
        IVaultsCalls::addDelegate(_) | IVaultsCalls::removeDelegate(_) | IVaultsCalls::setCluster(_) => {
            table.vault_update
        }
        IVaultsCalls::get(_) | IVaultsCalls::idOf(_) | IVaultsCalls::isCommitter(_) => table.view,
    }
}

pub(super) fn run(env: &mut Env<'_, '_>, call: IVaultsCalls) -> Result<Vec<u8>, Abort> {
    match call {
        IVaultsCalls::register(registerCall { terms }) => {
            let terms = terms_from(terms)?;
            require_owner(&terms.owner, env)?;
            let vault = register(env, terms)?;
            Ok(registerCall::abi_encode_returns(&word(vault)))
        }
        IVaultsCalls::registerFor(call) => {
            let consent = consent_from(&call);
            let terms = terms_from(call.terms)?;
            let hash = terms.consent_hash(&env.spec.network);
            if consent.and_then(|consent| consent.recover(&hash).ok()) != Some(terms.owner) {
                return Err(revert(BadConsent { owner: to_alloy(&terms.owner) }));
            }
            let vault = register(env, terms)?;
            Ok(registerForCall::abi_encode_returns(&word(vault)))
        }
        IVaultsCalls::addDelegate(addDelegateCall { vault, delegate }) => {
            add_delegate(env, id(vault), from_alloy(delegate)).map(|()| Vec::new())
        }
        IVaultsCalls::removeDelegate(removeDelegateCall { vault, delegate }) => {
            remove_delegate(env, id(vault), from_alloy(delegate)).map(|()| Vec::new())
        }
        IVaultsCalls::setCluster(setClusterCall { vault, cluster }) => {
            set_cluster(env, id(vault), id(cluster)).map(|()| Vec::new())
        }
        IVaultsCalls::get(getCall { vault }) => {
            let state = find(env, id(vault))?;
            Ok(getCall::abi_encode_returns(&vault_to(&state)))
        }
        IVaultsCalls::idOf(idOfCall { owner, salt }) => {
            Ok(idOfCall::abi_encode_returns(&word(VaultId::derive(from_alloy(owner), &id(salt)))))
        }
        IVaultsCalls::isCommitter(isCommitterCall { vault, account }) => {
            let state = find(env, id(vault))?;
            Ok(isCommitterCall::abi_encode_returns(&state.is_committer(&from_alloy(account))))
        }
    }
}

fn register(env: &mut Env<'_, '_>, terms: VaultTerms) -> Result<VaultId, Abort> {
    check_delegates(&terms)?;
    let vault = terms.vault();
    if let Some(existing) = env.state.read::<VaultState>(&StateKey::Vault(vault))? {
        if existing.terms == terms {
            return Ok(vault);
        }
        return Err(revert(VaultExists { vault: word(vault) }));
    }
    require_cluster(env, &terms.cluster)?;
    let event = VaultRegistered {
        vault: word(vault),
        owner: to_alloy(&terms.owner),
        cluster: word(terms.cluster),
        sender: to_alloy(&env.caller),
    };
    let state = VaultState {
        cluster: terms.cluster,
        delegates: terms.delegates.clone(),
        terms,
        registered_at: env.block.height,
        head_seq: 0,
        head: Hash32::ZERO.into(),
    };
    env.state.put(&StateKey::Vault(vault), &state);
    env.emit(VAULTS, &event.encode_log_data());
    Ok(vault)
}

fn add_delegate(env: &mut Env<'_, '_>, vault: VaultId, delegate: Address) -> Result<(), Abort> {
    let mut state = find(env, vault)?;
    require_owner(&state.terms.owner, env)?;
    if state.delegates.contains(&delegate) {
        return Ok(());
    }
    if state.delegates.len() >= DELEGATES_MAX {
        return Err(too_many_delegates());
    }
    state.delegates.push(delegate);
    env.state.put(&StateKey::Vault(vault), &state);
    env.emit(VAULTS, &DelegateAdded { vault: word(vault), delegate: to_alloy(&delegate) }.encode_log_data());
    Ok(())
}

fn remove_delegate(env: &mut Env<'_, '_>, vault: VaultId, delegate: Address) -> Result<(), Abort> {
    let mut state = find(env, vault)?;
    require_owner(&state.terms.owner, env)?;
    if !state.delegates.contains(&delegate) {
        return Ok(());
    }
    state.delegates.retain(|known| *known != delegate);
    env.state.put(&StateKey::Vault(vault), &state);
    env.emit(VAULTS, &DelegateRemoved { vault: word(vault), delegate: to_alloy(&delegate) }.encode_log_data());
    Ok(())
}

fn set_cluster(env: &mut Env<'_, '_>, vault: VaultId, cluster: Hash32) -> Result<(), Abort> {
    let mut state = find(env, vault)?;
    require_owner(&state.terms.owner, env)?;
    if state.cluster == cluster {
        return Ok(());
    }
    require_cluster(env, &cluster)?;
    state.cluster = cluster;
    env.state.put(&StateKey::Vault(vault), &state);
    env.emit(VAULTS, &ClusterChanged { vault: word(vault), cluster: word(cluster) }.encode_log_data());
    Ok(())
}

fn find(env: &mut Env<'_, '_>, vault: VaultId) -> Result<VaultState, Abort> {
    env.state.read(&StateKey::Vault(vault))?.ok_or_else(|| revert(UnknownVault { vault: word(vault) }))
}

fn require_owner(owner: &Address, env: &Env<'_, '_>) -> Result<(), Abort> {
    if *owner == env.caller {
        return Ok(());
    }
    Err(revert(NotOwner { owner: to_alloy(owner), caller: to_alloy(&env.caller) }))
}

/// Zero stands for "no cluster: the owner commits".
fn require_cluster(env: &mut Env<'_, '_>, cluster: &Hash32) -> Result<(), Abort> {
    if *cluster == Hash32::ZERO || env.state.read::<ClusterState>(&StateKey::Cluster(*cluster))?.is_some() {
        return Ok(());
    }
    Err(revert(UnknownCluster { cluster: word(*cluster) }))
}

fn check_delegates(terms: &VaultTerms) -> Result<(), Abort> {
    if terms.delegates.len() > DELEGATES_MAX {
        return Err(too_many_delegates());
    }
    let mut seen = Vec::new();
    for delegate in &terms.delegates {
        if seen.contains(delegate) {
            return Err(revert(InvalidDelegate { delegate: to_alloy(delegate) }));
        }
        seen.push(*delegate);
    }
    Ok(())
}

fn too_many_delegates() -> Abort {
    revert(TooManyDelegates { limit: alloy_primitives::U256::from(DELEGATES_MAX) })
}

fn consent_from(call: &registerForCall) -> Option<EcdsaSignature> {
    if call.yParity > 1 {
        return None;
    }
    let mut bytes = [0u8; 65];
    let parts = call.r.iter().chain(&call.s).chain(std::iter::once(&call.yParity));
    for (target, source) in bytes.iter_mut().zip(parts) {
        *target = *source;
    }
    Some(EcdsaSignature::new(bytes))
}

fn terms_from(terms: Terms) -> Result<VaultTerms, Abort> {
    let policy = Policy::new(terms.dataShards, terms.parityShards)
        .map_err(|_| revert(InvalidPolicy { dataShards: terms.dataShards, parityShards: terms.parityShards }))?;
    Ok(VaultTerms {
        owner: from_alloy(terms.owner),
        salt: id(terms.salt),
        cluster: id(terms.cluster),
        policy,
        retention_ms: terms.retentionMs,
        delegates: terms.delegates.into_iter().map(from_alloy).collect(),
    })
}

/// The ABI form of terms.
pub(crate) fn terms_to(terms: &VaultTerms) -> Terms {
    Terms {
        owner: to_alloy(&terms.owner),
        salt: word(terms.salt),
        cluster: word(terms.cluster),
        dataShards: terms.policy.data_shards(),
        parityShards: terms.policy.parity_shards(),
        retentionMs: terms.retention_ms,
        delegates: terms.delegates.iter().map(to_alloy).collect(),
    }
}

fn vault_to(state: &VaultState) -> Vault {
    Vault {
        terms: terms_to(&state.terms),
        cluster: word(state.cluster),
        delegates: state.delegates.iter().map(to_alloy).collect(),
        registeredAt: state.registered_at.get(),
        headSeq: state.head_seq,
        head: word(state.head),
    }
}

#[cfg(test)]
#[path = "vaults_test.rs"]
mod tests;
