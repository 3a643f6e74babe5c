//! What the port serves beside JSON-RPC: a tower layer in front of jsonrpsee.

mod budget;
mod buffer;
mod cors;
mod health;
mod hosts;
mod layer;
mod outgoing;
mod range;
mod reply;
mod shard_get;
mod shard_put;
mod shards;
mod specified;

pub(crate) use cors::cors_layer;
pub(crate) use hosts::Hosts;
pub(crate) use layer::HttpLayer;
pub(crate) use shards::Shards;
