//! `net_`: the network's number.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use crate::Quantity;

/// What old Ethereum tools ask of a network.
#[rpc(server, client, namespace = "net")]
pub trait NetApi {
    /// The chain id, in decimal.
    #[method(name = "version")]
    fn version(&self) -> RpcResult<String>;

    /// Whether the node listens for others.
    #[method(name = "listening")]
    fn listening(&self) -> RpcResult<bool>;

    /// Connected peers.
    #[method(name = "peerCount")]
    fn peer_count(&self) -> RpcResult<Quantity>;
}
