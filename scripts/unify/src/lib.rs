//! Unifies the features of dependencies, so that each is compiled once, whatever crates are selected.
