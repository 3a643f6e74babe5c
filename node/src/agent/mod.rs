//! Keeps account keys unlocked between commands, in a small process of the user's own.
//!
//! ```text
//!   key unlock ── starts ──► agent process: one locked page of secrets, ends with the last key
//!       │                       ▲
//!       └── put ──► socket ─────┘◄── get ── backup, restore, …  (same user only)
//! ```
//! `keys` is the rule book (pure), `wire` its bytes, `page` the memory, `place` the directory and its checks, `serve` the
//! process, `call` what commands do with it. Why a process and not the kernel's keyring: `docs/adr/0060`.

mod call;
mod keys;
mod page;
mod place;
mod serve;
mod wire;

pub(crate) use call::{Unlocked, keep, list, lock, lock_all, secret};
pub(crate) use keys::TTL_MAX;
pub(crate) use serve::serve;
