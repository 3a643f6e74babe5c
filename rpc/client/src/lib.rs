//! Backs up, restores and verifies for an owner: Plain, Sealed, Encoded, Placed, Committed.
