//! Tests of the whole crate.

mod cluster;
mod crash;
mod durable;
mod invariants;
mod rules;
mod suite;
