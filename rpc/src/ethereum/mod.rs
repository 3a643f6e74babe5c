//! The Ethereum form of blocks, transactions and receipts.

mod block;
mod cache;
mod call;
mod transaction;

pub(crate) use block::EthBlock;
pub(crate) use cache::Blocks;
pub(crate) use call::{call_request, system_code};
pub(crate) use transaction::pending_transaction;
