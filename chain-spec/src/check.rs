//! The rules of a network description: from [`Spec`] to [`ChainSpec`].

use std::fmt::Display;
use std::str::FromStr;

use primitives::{
    Address, ChainId, Ed25519Signature, Hash32, MemberKey, NetworkId, SignatureError, TimestampMs, Validator,
    ValidatorKey, ValidatorSet,
};

use crate::params::{COMMITMENT_CALLDATA_BYTES, is_system_address};
use crate::{AllocationJson, ChainSpec, ClusterJson, ClusterSpec, Params, Spec, SpecError, ValidatorJson};

/// Longest network name, characters.
const NAME_MAX: usize = 32;
/// Largest chain id that wallets take (the limit of `MetaMask`).
const CHAIN_ID_MAX: u64 = 4_503_599_627_370_476;
/// Largest transaction that a network may allow, bytes.
const TRANSACTION_BYTES_MAX: u32 = 1024 * 1024;
/// Largest block that a network may allow, bytes.
const BLOCK_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Largest block gas limit and largest price in the gas table: what a JSON number holds exactly.
const GAS_MAX: u64 = (1 << 53) - 1;
/// Largest tolerated clock skew, milliseconds.
const CLOCK_SKEW_MS_MAX: u64 = 600_000;
/// Calldata of a batch besides its commitments and attestations: selector, five words, rounded up.
const BATCH_OVERHEAD_BYTES: u64 = 1024;

impl Spec {
    /// Checks every field and derives the network's id.
    ///
    /// # Errors
    /// [`SpecError::Field`] with the path of the first field that breaks a rule.
    pub fn check(self) -> Result<ChainSpec, SpecError> {
        check_name(&self.name)?;
        let params = check_params(&self)?;
        let mut chain = ChainSpec {
            name: self.name,
            network: NetworkId::ZERO,
            params,
            allocations: check_allocations(&self.allocations)?,
            validators: check_validators(&self.validators)?,
            clusters: check_clusters(&self.clusters)?,
            timestamp: TimestampMs::new(self.timestamp),
        };
        chain.network = chain.genesis().network();
        Ok(chain)
    }
}

fn check_name(name: &str) -> Result<(), SpecError> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(known) {
        return Err(SpecError::field(
            "name",
            format!("1 to {NAME_MAX} characters of a-z 0-9 - . expected, found {name:?}"),
        ));
    }
    Ok(())
}

fn check_params(spec: &Spec) -> Result<Params, SpecError> {
    let json = &spec.params;
    range("chainId", spec.chain_id, 1, CHAIN_ID_MAX)?;
    range("params.baseFee", json.base_fee, 1, GAS_MAX)?;
    range("params.blockGasLimit", json.block_gas_limit, 1, GAS_MAX)?;
    range("params.transactionBytesMax", json.transaction_bytes_max, 1024, TRANSACTION_BYTES_MAX)?;
    range("params.blockBytesMax", json.block_bytes_max, json.transaction_bytes_max, BLOCK_BYTES_MAX)?;
    range("params.batchMax", json.batch_max, 1, TRANSACTION_BYTES_MAX)?;
    range("params.clockSkewMsMax", json.clock_skew_ms_max, 1, CLOCK_SKEW_MS_MAX)?;
    let params = Params {
        chain_id: ChainId::new(spec.chain_id),
        base_fee: json.base_fee,
        block_gas_limit: json.block_gas_limit,
        block_bytes_max: json.block_bytes_max,
        transaction_bytes_max: json.transaction_bytes_max,
        batch_max: json.batch_max,
        clock_skew_ms_max: json.clock_skew_ms_max,
        gas: json.gas,
    };
    check_gas(&params)?;
    check_batch(&params)?;
    Ok(params)
}

fn check_gas(params: &Params) -> Result<(), SpecError> {
    let gas = &params.gas;
    let rows = [
        ("transaction", gas.transaction, 1),
        ("byteZero", gas.byte_zero, 0),
        ("byteNonzero", gas.byte_nonzero, 0),
        ("accessListAddress", gas.access_list_address, 0),
        ("accessListKey", gas.access_list_key, 0),
        ("view", gas.view, 0),
        ("vaultRegister", gas.vault_register, 1),
        ("vaultUpdate", gas.vault_update, 1),
        ("ecdsaVerify", gas.ecdsa_verify, 1),
        ("ed25519Verify", gas.ed25519_verify, 1),
        ("commitment", gas.commitment, 1),
        ("handOver", gas.hand_over, 1),
        ("handOverMember", gas.hand_over_member, 0),
    ];
    rows.into_iter().try_for_each(|(name, value, min)| range(&format!("params.gas.{name}"), value, min, GAS_MAX))
}

/// A full batch must fit into a transaction and into a block, or the outbox of a busy cluster could never be emptied.
fn check_batch(params: &Params) -> Result<(), SpecError> {
    let batch = u64::from(params.batch_max);
    let bytes = batch.saturating_mul(COMMITMENT_CALLDATA_BYTES).saturating_add(BATCH_OVERHEAD_BYTES);
    if bytes > u64::from(params.transaction_bytes_max) {
        return Err(SpecError::field(
            "params.batchMax",
            format!(
                "a batch of {batch} commitments takes {bytes} bytes, but transactionBytesMax is {}",
                params.transaction_bytes_max
            ),
        ));
    }
    let gas = params
        .gas
        .transaction
        .saturating_add(params.gas.byte_nonzero.saturating_mul(bytes))
        .saturating_add(params.gas.commitment.saturating_mul(batch))
        .saturating_add(params.gas.ed25519_verify);
    if gas > params.block_gas_limit {
        return Err(SpecError::field(
            "params.blockGasLimit",
            format!("a batch of {batch} commitments may take {gas} gas, but the limit is {}", params.block_gas_limit),
        ));
    }
    Ok(())
}

fn check_allocations(list: &[AllocationJson]) -> Result<Vec<(Address, u128)>, SpecError> {
    let mut allocations = Vec::with_capacity(list.len());
    let mut total = 0u128;
    for (index, item) in list.iter().enumerate() {
        let address = account(&format!("allocations[{index}].address"), &item.address)?;
        let field = format!("allocations[{index}].balance");
        let balance: u128 = item.balance.parse().map_err(|error| {
            SpecError::field(&field, format!("a decimal number of wei expected, found {:?} ({error})", item.balance))
        })?;
        if balance == 0 {
            return Err(SpecError::field(field, "a balance of zero has no effect: leave the account out"));
        }
        total = total
            .checked_add(balance)
            .ok_or_else(|| SpecError::field(field, "all balances together exceed 2^128 - 1 wei"))?;
        allocations.push((address, balance));
    }
    allocations.sort_unstable();
    if let Some((address, _)) = duplicate(&allocations, |(address, _)| *address) {
        return Err(SpecError::field("allocations", format!("account 0x{address} is there twice")));
    }
    Ok(allocations)
}

fn check_validators(list: &[ValidatorJson]) -> Result<ValidatorSet, SpecError> {
    let members = list
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let field = format!("validators[{index}].key");
            let key: ValidatorKey = parse(&field, &item.key)?;
            ed25519_key(&field, key.as_bytes())?;
            Ok(Validator { key, power: item.power })
        })
        .collect::<Result<Vec<_>, SpecError>>()?;
    ValidatorSet::from_unsorted(members).map_err(|error| SpecError::field("validators", error.to_string()))
}

fn check_clusters(list: &[ClusterJson]) -> Result<Vec<ClusterSpec>, SpecError> {
    let mut clusters = list
        .iter()
        .enumerate()
        .map(|(index, item)| check_cluster(&format!("clusters[{index}]"), item))
        .collect::<Result<Vec<_>, SpecError>>()?;
    clusters.sort_unstable_by_key(|cluster| cluster.id);
    if let Some(cluster) = duplicate(&clusters, |cluster| cluster.id) {
        return Err(SpecError::field("clusters", format!("cluster 0x{} is there twice", cluster.id)));
    }
    Ok(clusters)
}

fn check_cluster(path: &str, item: &ClusterJson) -> Result<ClusterSpec, SpecError> {
    let id: Hash32 = parse(&format!("{path}.id"), &item.id)?;
    if id == Hash32::ZERO {
        return Err(SpecError::field(format!("{path}.id"), "zero means \"no cluster\" and cannot be an id"));
    }
    let mut members = item
        .members
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let field = format!("{path}.members[{index}]");
            let key: MemberKey = parse(&field, text)?;
            ed25519_key(&field, key.as_bytes()).map(|()| key)
        })
        .collect::<Result<Vec<_>, SpecError>>()?;
    members.sort_unstable();
    if members.is_empty() || members.len() > ClusterSpec::MEMBERS_MAX {
        return Err(SpecError::field(
            format!("{path}.members"),
            format!("1 to {} members expected, found {}", ClusterSpec::MEMBERS_MAX, members.len()),
        ));
    }
    if let Some(member) = duplicate(&members, |member| *member) {
        return Err(SpecError::field(format!("{path}.members"), format!("member 0x{member} is there twice")));
    }
    let all = u32::try_from(members.len()).unwrap_or(u32::MAX);
    range(&format!("{path}.threshold"), item.threshold, 1, all)?;
    let operator = account(&format!("{path}.operator"), &item.operator)?;
    Ok(ClusterSpec { id, epoch: item.epoch, members, threshold: item.threshold, operator })
}

fn range<T: PartialOrd + Display>(field: &str, found: T, min: T, max: T) -> Result<(), SpecError> {
    if found < min || found > max {
        return Err(SpecError::field(field, format!("{min} to {max} expected, found {found}")));
    }
    Ok(())
}

fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, SpecError> {
    text.parse().map_err(|error: T::Err| SpecError::field(field, format!("{error}; found {text:?}")))
}

fn account(field: &str, text: &str) -> Result<Address, SpecError> {
    let address: Address = parse(field, text)?;
    if address == Address::ZERO || is_system_address(&address) {
        return Err(SpecError::field(field, format!("0x{address} is no account (zero, or kept for system contracts)")));
    }
    Ok(address)
}

/// A signature of zeros never holds; the error tells a point of the curve from other bytes.
fn ed25519_key(field: &str, key: &[u8; 32]) -> Result<(), SpecError> {
    match Ed25519Signature::new([0; 64]).verify(key, b"") {
        Err(SignatureError::Key) => Err(SpecError::field(field, "not an Ed25519 public key")),
        Ok(()) | Err(SignatureError::Invalid) => Ok(()),
    }
}

/// The first of a sorted list whose key equals its successor's.
fn duplicate<T, K: PartialEq>(sorted: &[T], key: impl Fn(&T) -> K) -> Option<&T> {
    sorted.iter().zip(sorted.iter().skip(1)).find(|(left, right)| key(left) == key(right)).map(|(left, _)| left)
}

#[cfg(test)]
#[path = "check_test.rs"]
mod tests;
