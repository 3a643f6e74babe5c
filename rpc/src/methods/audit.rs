//! `audit_`.

use jsonrpsee::core::{RpcResult, async_trait};
use primitives::Height;
use rpc_api::audit::{AUDIT_BLOCKS_MAX, AuditApiServer};
use rpc_api::chain::Block;
use rpc_api::{Quantity, codes};

use super::Methods;
use crate::error::{failure, invalid_params};

#[async_trait]
impl AuditApiServer for Methods {
    async fn chain(&self, from: Quantity, to: Quantity) -> RpcResult<Vec<Block>> {
        let (from, to) = (from.get(), to.get());
        let Some(more) = to.checked_sub(from) else {
            return Err(invalid_params(format!("the range begins at {from} and ends before that, at {to}")));
        };
        if more >= AUDIT_BLOCKS_MAX {
            let message = format!("at most {AUDIT_BLOCKS_MAX} blocks at once: ask for {from} to {}", {
                from.saturating_add(AUDIT_BLOCKS_MAX - 1)
            });
            return Err(failure(codes::AUDIT_RANGE, message));
        }
        let head = self.backend.head()?.height.get();
        self.scan(move |methods| {
            (from..=to.min(head)).map(|height| methods.native_block(methods.header_at(Height::new(height))?)).collect()
        })
        .await
    }
}
