//! Checks that crates use each other only along the arrows of `docs/ARCHITECTURE.md`. The check is `tests/arrows.rs`.
