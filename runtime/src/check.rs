//! The checks of a transaction that need no state.

use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718 as _, transaction::SignerRecoverable as _};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Bytes, TxKind};
use chain_spec::Params;

use crate::address::{SYSTEM_CONTRACTS, from_alloy, is_system_address};
use crate::{CheckedTx, TxError, gas};

/// EIP-1559, the highest transaction type that this network takes.
const TYPE_MAX: u8 = 2;

/// Decodes a transaction and checks everything that needs no state: type, size, encoding, chain, signature, fees and
/// limits. Independent of other transactions, so that many can be checked in parallel.
///
/// # Errors
/// [`TxError`], in geth's words.
pub fn check(params: &Params, raw: &[u8]) -> Result<CheckedTx, TxError> {
    let limit = params.transaction_bytes_max;
    if gas::count(raw.len()) > u64::from(limit) {
        return Err(TxError::Oversized { found: raw.len(), limit });
    }
    let envelope = decode(raw)?;
    match envelope.chain_id() {
        None => return Err(TxError::NotReplayProtected),
        Some(found) if found != params.chain_id.get() => {
            return Err(TxError::ForeignChain { expected: params.chain_id, found });
        }
        Some(_) => {}
    }
    let to = match envelope.kind() {
        TxKind::Call(to) => from_alloy(to),
        TxKind::Create => return Err(TxError::Creation),
    };
    if is_system_address(&to) && !SYSTEM_CONTRACTS.contains(&to) {
        return Err(TxError::Reserved { to });
    }
    let intrinsic_gas = check_gas(params, &envelope)?;
    // No account owns as much as u128 cannot hold.
    let value = u128::try_from(envelope.value()).map_err(|_| TxError::Unpayable { value: envelope.value() })?;
    let sender = from_alloy(envelope.recover_signer().map_err(|_| TxError::Signature)?);
    Ok(CheckedTx { raw: Bytes::copy_from_slice(raw), envelope, sender, to, value, intrinsic_gas })
}

/// One transaction has one encoding: what decodes must encode to the same bytes again.
fn decode(raw: &[u8]) -> Result<TxEnvelope, TxError> {
    match raw.first() {
        None => return Err(TxError::Malformed { reason: "no bytes".to_owned() }),
        // Legacy transactions begin with an RLP list, from 0xc0; below 0x80 is an EIP-2718 type.
        Some(&found) if found < 0x80 && (found == 0 || found > TYPE_MAX) => return Err(TxError::Type { found }),
        Some(_) => {}
    }
    let envelope = TxEnvelope::decode_2718_exact(raw).map_err(|error| {
        // Of a legacy transaction, which has no type, the library says only that its type is wrong.
        let legacy = raw.first().is_some_and(|first| *first >= 0x80);
        let rest = &mut &*raw;
        let reason = match alloy_rlp::Header::decode(rest) {
            Err(rlp) if legacy => rlp.to_string(),
            Ok(_) if legacy => "these are not the nine fields of a legacy transaction".to_owned(),
            _ => error.to_string(),
        };
        TxError::Malformed { reason }
    })?;
    if envelope.ty() > TYPE_MAX {
        return Err(TxError::Type { found: envelope.ty() });
    }
    if envelope.encoded_2718() != raw {
        return Err(TxError::Malformed { reason: "not the canonical encoding".to_owned() });
    }
    Ok(envelope)
}

fn check_gas(params: &Params, envelope: &TxEnvelope) -> Result<u64, TxError> {
    let found = envelope.gas_limit();
    if found > params.block_gas_limit {
        return Err(TxError::BlockGasLimit { found, limit: params.block_gas_limit });
    }
    let needed = gas::intrinsic(&params.gas, envelope.input(), envelope.access_list());
    if found < needed {
        return Err(TxError::IntrinsicGas { found, needed });
    }
    let max_fee = envelope.max_fee_per_gas();
    if max_fee < u128::from(params.base_fee) {
        return Err(TxError::FeeTooLow { found: max_fee, base_fee: params.base_fee });
    }
    if let Some(tip) = envelope.max_priority_fee_per_gas().filter(|tip| *tip > max_fee) {
        return Err(TxError::TipAboveFee { tip, max_fee });
    }
    if envelope.nonce() == u64::MAX {
        return Err(TxError::NonceMax { found: u64::MAX });
    }
    Ok(needed)
}

#[cfg(test)]
#[path = "check_test.rs"]
mod tests;
