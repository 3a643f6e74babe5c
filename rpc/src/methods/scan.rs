//! Calls that walk many blocks or records: on threads of their own, a few at a time.

use std::sync::Arc;

use jsonrpsee::core::RpcResult;
use rpc_api::codes;

use super::Methods;
use crate::BackendError;
use crate::error::failure;

impl Methods {
    /// Runs a long walk on a blocking thread. These threads read shards too: without a limit, whoever asks for enough walks
    /// at once keeps everybody from reading.
    ///
    /// # Errors
    /// [`codes::LIMIT`] when its turn does not come in time.
    pub(super) async fn scan<T: Send + 'static>(
        &self,
        walk: impl FnOnce(&Self) -> RpcResult<T> + Send + 'static,
    ) -> RpcResult<T> {
        let turn = Arc::clone(&self.scans).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(self.limits.scan_wait, turn).await else {
            let message = format!(
                "the node walks {} ranges of blocks or records at once, and they take long; try again, or ask for less",
                self.limits.scans_max
            );
            return Err(failure(codes::LIMIT, message));
        };
        let methods = self.clone();
        let walked = tokio::task::spawn_blocking(move || {
            // To the end of the walk, also when its caller has left.
            let _turn = turn;
            walk(&methods)
        });
        walked.await.map_err(|error| BackendError::internal(format!("a walk did not finish: {error}")))?
    }
}
