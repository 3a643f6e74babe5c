//! Carries bytes between nodes; knows no domain types.
