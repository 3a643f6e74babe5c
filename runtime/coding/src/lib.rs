//! Turns packs into shards and any `k` verified shards back into packs.
//!
//! A pack is cut into `k` data shards (slices of the pack, nothing is copied) and extended by `m` parity shards with a
//! systematic Reed-Solomon code over GF(2¹⁶), column by column, so that an encoder needs a few hundred KiB whatever
//! the pack's size. Decoding takes only [`CheckedShard`]s, whose bytes were hashed against the pack's header: the code
//! itself does not notice damage. Formats: `docs/spec/coding.md`.
//!
//! ```text
//!   pack ──Encoder──► Shards ──header()──► PackHeader ──► ledger
//!                        │ k + m
//!   bytes ──Shard::check(header)──► CheckedShard ──decode──► pack
//!                                                └─rebuild──► any lost shard
//! ```
//!
//! ```
//! use coding::{CheckedShard, Encoder, Shards, decode};
//! use primitives::Policy;
//!
//! let pack = vec![7u8; 4 * 1024];
//! let parity = Encoder::new().encode(Policy::ERASURE, &pack)?;
//! let shards = Shards::new(Policy::ERASURE, &pack, &parity)?;
//! let header = shards.header();
//! // Two of the six are lost.
//! let left: Vec<_> = [0u8, 2, 4, 5]
//!     .iter()
//!     .map(|&index| CheckedShard::check(&header, index, shards.shard(index).expect("index is below 6")))
//!     .collect::<Result<_, _>>()?;
//! assert_eq!(decode(&header, &left)?, pack);
//! # Ok::<(), coding::CodingError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod combine;
mod decoder;
mod encoder;
mod error;
mod geometry;
mod loss;
pub mod range;
mod repair;
mod select;
mod shard;
mod shards;

pub use decoder::{Decoder, decode};
pub use encoder::{Encoder, encode};
pub use error::CodingError;
pub use geometry::{parity_bytes, shard_bytes};
pub use loss::{annual_loss_probability, failures_per_year};
pub use repair::{rebuild, rebuild_all};
pub use shard::{CheckedShard, Shard};
pub use shards::{Shards, header, shard_ids};

#[cfg(test)]
mod code_test;
#[cfg(test)]
mod definition_test;
