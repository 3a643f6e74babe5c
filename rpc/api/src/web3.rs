//! `web3_`: what the node is.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use alloy_primitives::B256;

use crate::Data;

/// What web3 libraries ask first.
#[rpc(server, client, namespace = "web3")]
pub trait Web3Api {
    /// `strongroom/v<version>/<os>-<arch>/rust`.
    #[method(name = "clientVersion")]
    fn client_version(&self) -> RpcResult<String>;

    /// Keccak-256 of the bytes.
    #[method(name = "sha3")]
    fn sha3(&self, data: Data) -> RpcResult<B256>;
}
