//! What a caller would like to run.

use alloy_primitives::Bytes;
use alloy_rpc_types_eth::TransactionRequest;
use jsonrpsee::core::RpcResult;
use primitives::Address;
use rpc_api::codes;
use runtime::{CallRequest, SYSTEM_CONTRACTS, TxError};

use crate::error::{failure, invalid_params};

/// `PUSH1 0, PUSH1 0, REVERT`: what registries of chains with built-in contracts put at their addresses, so that
/// wallets show a call as a call and Solidity's check for code passes.
const STUB: [u8; 5] = [0x60, 0x00, 0x60, 0x00, 0xfd];

/// The code at an address.
pub(crate) fn system_code(address: &Address) -> Bytes {
    match SYSTEM_CONTRACTS.contains(address) {
        true => Bytes::from_static(&STUB),
        false => Bytes::new(),
    }
}

/// The request as the runtime takes it.
///
/// # Errors
/// In geth's words: `data` and `input` differ, a value that no account can own.
pub(crate) fn call_request(request: TransactionRequest) -> RpcResult<CallRequest> {
    // No account owns as much as 128 bits cannot hold.
    let value = request.value.unwrap_or_default();
    let value = value.try_into().map_err(|_| failure(codes::SERVER, TxError::Unpayable { value }.to_string()))?;
    let input = request.input.try_into_unique_input().map_err(|_| {
        invalid_params(
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data",
        )
    })?;
    Ok(CallRequest {
        from: request.from.map(|from| Address::new(from.into_array())).unwrap_or_default(),
        to: request.to.and_then(|to| to.into_to()).map(|to| Address::new(to.into_array())),
        value,
        input: input.unwrap_or_default().to_vec(),
        gas: request.gas,
    })
}
