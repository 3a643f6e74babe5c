//! The word of a root cluster: enough of its members signed.

use alloy_primitives::U256;
use parity_scale_codec::Encode as _;
use primitives::{Address, Domain, Ed25519Signature, Hash32, MemberKey, NetworkId, hash_parts};

use super::{Abort, revert};
// `ISnapshots` declares the same errors: a name and the types of its arguments are all that their bytes come from.
use crate::abi::clusters::IClusters::{AttestationOrder, BadAttestation, NotMember, TooFewAttestations};
use crate::address::word;
use crate::state::ClusterState;

/// Checks that members of the cluster signed `message`: strictly ascending, so that nobody counts twice; each a member,
/// each signature strict Ed25519; as many as the threshold.
pub(crate) fn check(
    cluster: &ClusterState,
    message: &Hash32,
    attestations: &[(MemberKey, Ed25519Signature)],
) -> Result<(), Abort> {
    let mut previous = None;
    for (member, _) in attestations {
        if previous.is_some_and(|previous| previous >= *member) {
            return Err(revert(AttestationOrder { member: word(*member) }));
        }
        if cluster.members.binary_search(member).is_err() {
            return Err(revert(NotMember { member: word(*member) }));
        }
        previous = Some(*member);
    }
    let (threshold, found) = (u64::from(cluster.threshold), crate::gas::count(attestations.len()));
    if found < threshold {
        return Err(revert(TooFewAttestations { threshold: U256::from(threshold), found: U256::from(found) }));
    }
    for (member, signature) in attestations {
        signature
            .verify(member.as_bytes(), message.as_ref())
            .map_err(|_| revert(BadAttestation { member: word(*member) }))?;
    }
    Ok(())
}

/// What members of the present epoch sign to begin the next one (domain `hand-over`): network, cluster, present epoch,
/// next members, threshold and operator in SCALE.
pub(crate) fn hand_over_hash(
    network: &NetworkId,
    cluster: &Hash32,
    epoch: u64,
    members: &[MemberKey],
    threshold: u32,
    operator: &Address,
) -> Hash32 {
    hash_parts(Domain::HandOver, &[&(network, cluster, epoch, members, threshold, operator).encode()])
}

/// Two words from Solidity as a signature.
pub(crate) fn signature(r: &[u8; 32], s: &[u8; 32]) -> Ed25519Signature {
    let mut bytes = [0u8; 64];
    for (target, source) in bytes.iter_mut().zip(r.iter().chain(s)) {
        *target = *source;
    }
    Ed25519Signature::new(bytes)
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolError as _;

    use super::*;
    use crate::abi::snapshots::ISnapshots;

    #[test]
    fn both_interfaces_declare_the_same_errors() {
        assert_eq!(AttestationOrder::SELECTOR, ISnapshots::AttestationOrder::SELECTOR);
        assert_eq!(NotMember::SELECTOR, ISnapshots::NotMember::SELECTOR);
        assert_eq!(BadAttestation::SELECTOR, ISnapshots::BadAttestation::SELECTOR);
        assert_eq!(TooFewAttestations::SELECTOR, ISnapshots::TooFewAttestations::SELECTOR);
    }
}
