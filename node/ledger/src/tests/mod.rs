//! Tests of the whole crate.

mod cluster;
mod crash;
mod durable;
mod full_disk;
mod invariants;
mod parts;
mod reads;
mod rules;
mod suite;
