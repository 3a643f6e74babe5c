//! Consensus with the real engine, a real store and one validator.
#![allow(missing_docs, reason = "tests")]

mod chain;
mod guard;
mod kill;
mod refusals;
mod support;
mod wal;
