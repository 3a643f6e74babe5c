//! Serves JSON-RPC and shards over HTTP; a Backend is all it needs.
