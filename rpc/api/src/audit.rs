//! `audit_`: the chain in bulk, for those who check all of it.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use crate::Quantity;
use crate::chain::Block;

/// Most blocks in one answer.
pub const AUDIT_BLOCKS_MAX: u64 = 1024;

/// The chain for auditors.
#[rpc(server, client, namespace = "audit")]
pub trait AuditApi {
    /// Headers with certificates of the blocks `from..=to`, at most [`AUDIT_BLOCKS_MAX`]; those above the head are left
    /// out.
    #[method(name = "getChain")]
    async fn chain(&self, from: Quantity, to: Quantity) -> RpcResult<Vec<Block>>;
}
