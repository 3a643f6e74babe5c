//! Proves membership, order and state: BLAKE3 trees, the RFC 6962 snapshot log, the state tree.
