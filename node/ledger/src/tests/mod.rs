//! Tests of the whole crate.

mod cluster;
mod crash;
mod durable;
mod invariants;
mod reads;
mod rules;
mod suite;
