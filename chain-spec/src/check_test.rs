//! Tests of the rules; see `check.rs`.
