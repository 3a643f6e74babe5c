//! `net_`.

use jsonrpsee::core::RpcResult;
use rpc_api::Quantity;
use rpc_api::net::NetApiServer;

use super::Methods;

impl NetApiServer for Methods {
    fn version(&self) -> RpcResult<String> {
        Ok(self.backend.spec().params.chain_id.to_string())
    }

    fn listening(&self) -> RpcResult<bool> {
        Ok(true)
    }

    fn peer_count(&self) -> RpcResult<Quantity> {
        Ok(Quantity::new(0))
    }
}
