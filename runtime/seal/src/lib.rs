//! Seals plaintext so that only its owner reads it: chunks, frames, packs, trees, manifests, keys, stanzas.
//!
//! ```text
//!   file ─► Chunker ─► chunks ─► FrameSealer ─► frames ─► PackBuilder ─► pack
//!                        │                                   ▲
//!                        └─ ids ─► Entry ─► DirectoryWriter ─┘
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod chunk;
pub mod content;
pub mod frame;
pub mod pack;
pub mod tree;
mod unit;
