//! What the port serves beside JSON-RPC: a tower layer in front of jsonrpsee.

mod answers;
mod budget;
mod buffer;
mod claims;
mod cors;
mod drain;
mod health;
mod hosts;
mod layer;
mod outgoing;
mod range;
mod reply;
mod requests;
mod shard_get;
mod shard_put;
mod shards;
mod sockets;
mod specified;

pub(crate) use answers::Answers;
pub(crate) use cors::cors_layer;
pub(crate) use hosts::Hosts;
pub(crate) use layer::HttpLayer;
pub(crate) use requests::Requests;
pub(crate) use shards::Shards;
pub(crate) use sockets::Sockets;
