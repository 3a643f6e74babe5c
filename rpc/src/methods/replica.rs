//! `replica_`.

use jsonrpsee::core::{RpcResult, async_trait};
use rpc_api::replica::{ReplicaApiServer, ReplicaStatus};

use super::Methods;

#[async_trait]
impl ReplicaApiServer for Methods {
    async fn status(&self) -> RpcResult<ReplicaStatus> {
        Ok(self.backend.replica_status().await?)
    }
}
