//! Consensus with the real engine, a real store and one validator.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod chain;
mod guard;
mod kill;
mod refusals;
mod support;
mod wal;
