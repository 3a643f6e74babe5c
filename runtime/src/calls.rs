//! Calldata of the system contracts' calls, and the words for what comes back.

use alloy_primitives::B256;
use alloy_sol_types::{SolCall as _, SolEventInterface as _, SolInterface as _};
use primitives::ledger::VaultTerms;
use primitives::{
    Address, Commitment, CommitmentHash, EcdsaSignature, Ed25519Signature, Hash32, MemberKey, NetworkId, VaultId,
};

use crate::EventLog;
use crate::abi::clusters::IClusters::{self, IClustersErrors};
use crate::abi::snapshots::ISnapshots::{self, ISnapshotsErrors, ISnapshotsEvents};
use crate::abi::validators::IValidators::IValidatorsErrors;
use crate::abi::vaults::IVaults::{self, IVaultsErrors};
use crate::address::{SNAPSHOTS, id, to_alloy, word};
use crate::contracts::{commitment_to, hand_over_hash, terms_to};

/// `Vaults.register`, sent by the owner.
#[must_use]
pub fn register(terms: &VaultTerms) -> Vec<u8> {
    IVaults::registerCall { terms: terms_to(terms) }.abi_encode()
}

/// `Vaults.registerFor`, sent by anyone; `consent` is the owner's signature over [`VaultTerms::consent_hash`].
#[must_use]
pub fn register_for(terms: &VaultTerms, consent: &EcdsaSignature) -> Vec<u8> {
    let [r, s] = halves(consent.as_bytes());
    let y_parity = consent.as_bytes().last().copied().unwrap_or_default();
    IVaults::registerForCall { terms: terms_to(terms), r, s, yParity: y_parity }.abi_encode()
}

/// `Vaults.addDelegate`, sent by the owner.
#[must_use]
pub fn add_delegate(vault: &VaultId, delegate: &Address) -> Vec<u8> {
    IVaults::addDelegateCall { vault: word(*vault), delegate: to_alloy(delegate) }.abi_encode()
}

/// `Vaults.removeDelegate`, sent by the owner.
#[must_use]
pub fn remove_delegate(vault: &VaultId, delegate: &Address) -> Vec<u8> {
    IVaults::removeDelegateCall { vault: word(*vault), delegate: to_alloy(delegate) }.abi_encode()
}

/// `Vaults.setCluster`, sent by the owner; zero = none.
#[must_use]
pub fn set_cluster(vault: &VaultId, cluster: &Hash32) -> Vec<u8> {
    IVaults::setClusterCall { vault: word(*vault), cluster: word(*cluster) }.abi_encode()
}

/// `Snapshots.commit`, sent by the vault's owner or a delegate.
#[must_use]
pub fn commit(commitment: &Commitment) -> Vec<u8> {
    ISnapshots::commitCall { commitment: commitment_to(commitment) }.abi_encode()
}

/// `Snapshots.commitBatch`, sent by anyone. Attestations are signatures over
/// [`primitives::ledger::attestation_hash`]; they are put in the order that the contract asks for.
#[must_use]
pub fn commit_batch(
    cluster: &Hash32,
    epoch: u64,
    items: &[Commitment],
    attestations: &[(MemberKey, Ed25519Signature)],
) -> Vec<u8> {
    let attestations =
        sorted(attestations).map(|(member, [r, s])| ISnapshots::Attestation { member: word(member), r, s }).collect();
    let items = items.iter().map(commitment_to).collect();
    ISnapshots::commitBatchCall { cluster: word(*cluster), epoch, items, attestations }.abi_encode()
}

/// What members of the present epoch sign to begin the next one.
#[must_use]
pub fn hand_over_message(
    network: &NetworkId,
    cluster: &Hash32,
    epoch: u64,
    members: &[MemberKey],
    threshold: u32,
    operator: &Address,
) -> Hash32 {
    hand_over_hash(network, cluster, epoch, members, threshold, operator)
}

/// `Clusters.handOver`, sent by anyone; `epoch` is the present one, attestations are signatures over
/// [`hand_over_message`].
#[must_use]
pub fn hand_over(
    cluster: &Hash32,
    epoch: u64,
    members: &[MemberKey],
    threshold: u32,
    operator: &Address,
    attestations: &[(MemberKey, Ed25519Signature)],
) -> Vec<u8> {
    let attestations =
        sorted(attestations).map(|(member, [r, s])| IClusters::Attestation { member: word(member), r, s }).collect();
    let members = members.iter().map(|member| word(*member)).collect();
    let (cluster, operator) = (word(*cluster), to_alloy(operator));
    IClusters::handOverCall { cluster, epoch, members, threshold, operator, attestations }.abi_encode()
}

/// A commitment of a batch that did not become a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its hash.
    pub commitment: CommitmentHash,
    /// Why, in words.
    pub reason: String,
    /// Whether the vault's terms on the chain refuse it. They never change.
    pub against_terms: bool,
}

/// The items that a batch left out, from its events: refused by a rule of their vault, or in conflict with what is recorded
/// at their place. Of a dry run ([`crate::call`]) this says what is not worth sending.
#[must_use]
pub fn left_out(logs: &[EventLog]) -> Vec<LeftOut> {
    let events = logs.iter().filter(|log| log.address == SNAPSHOTS).map(crate::eth::log);
    let item = |event: alloy_primitives::Log| match ISnapshotsEvents::decode_log(&event).ok()?.data {
        ISnapshotsEvents::Refused(event) => Some(LeftOut {
            commitment: id(event.commitment),
            reason: describe_revert(&event.error),
            against_terms: matches!(
                ISnapshotsErrors::abi_decode(&event.error),
                Ok(ISnapshotsErrors::WrongPolicy(_) | ISnapshotsErrors::RetentionTooShort(_))
            ),
        }),
        ISnapshotsEvents::Equivocation(event) => Some(LeftOut {
            commitment: id(event.conflicting),
            reason: format!("commitment {} is recorded at sequence number {}", event.recorded, event.seq),
            against_terms: false,
        }),
        ISnapshotsEvents::SnapshotCommitted(_) => None,
    };
    events.filter_map(item).collect()
}

/// The words for a failed call's output, such as `WrongSequence { vault: 0x…, expected: 2, found: 4 }`. Empty output
/// means that the call ran out of gas.
#[must_use]
pub fn describe_revert(output: &[u8]) -> String {
    if output.is_empty() {
        return "out of gas".to_owned();
    }
    let words = |text: String| {
        // `Variant(Error { .. })` → `Error { .. }`
        let inner = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.map_or_else(|| text.clone(), str::to_owned)
    };
    if let Ok(error) = IVaultsErrors::abi_decode(output) {
        return words(format!("{error:?}"));
    }
    if let Ok(error) = ISnapshotsErrors::abi_decode(output) {
        return words(format!("{error:?}"));
    }
    if let Ok(error) = IClustersErrors::abi_decode(output) {
        return words(format!("{error:?}"));
    }
    if let Ok(error) = IValidatorsErrors::abi_decode(output) {
        return words(format!("{error:?}"));
    }
    format!("unknown error {}", alloy_primitives::hex::encode_prefixed(output))
}

fn sorted(attestations: &[(MemberKey, Ed25519Signature)]) -> impl Iterator<Item = (MemberKey, [B256; 2])> {
    let mut list: Vec<_> =
        attestations.iter().map(|(member, signature)| (*member, halves(signature.as_bytes()))).collect();
    list.sort_unstable_by_key(|(member, _)| *member);
    list.into_iter()
}

/// The first two words of a signature.
fn halves(bytes: &[u8]) -> [B256; 2] {
    let (mut r, mut s) = (B256::ZERO, B256::ZERO);
    for (target, source) in r.iter_mut().chain(s.iter_mut()).zip(bytes) {
        *target = *source;
    }
    [r, s]
}

#[cfg(test)]
#[path = "calls_test.rs"]
mod tests;
