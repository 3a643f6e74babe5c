//! `web3_`.

use alloy_primitives::{B256, keccak256};
use jsonrpsee::core::RpcResult;
use rpc_api::Data;
use rpc_api::web3::Web3ApiServer;

use super::Methods;

impl Web3ApiServer for Methods {
    fn client_version(&self) -> RpcResult<String> {
        let version = env!("CARGO_PKG_VERSION");
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Ok(format!("strongroom/v{version}/{os}-{arch}/rust"))
    }

    fn sha3(&self, data: Data) -> RpcResult<B256> {
        Ok(keccak256(data.0))
    }
}
