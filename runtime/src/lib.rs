//! Executes blocks: the state transition function, pure and deterministic.
