//! Error codes: EIP-1474's and geth's for the `eth` side, our own in 3000–3299.
//!
//! Wallets and libraries retry -32603 and -32005 by themselves, so neither is used for a refusal that will be the same
//! next time.

/// The request is not JSON.
pub const PARSE: i32 = -32700;
/// The request is not a JSON-RPC request.
pub const INVALID_REQUEST: i32 = -32600;
/// No such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// A parameter is missing, malformed or out of range.
pub const INVALID_PARAMS: i32 = -32602;
/// The node failed; its log says why.
pub const INTERNAL: i32 = -32603;
/// geth's code for a refused transaction or call.
pub const SERVER: i32 = -32000;
/// A state query names a block that does not exist (EIP-1898).
pub const NOT_FOUND: i32 = -32001;
/// The node cannot answer now; the same request may succeed later.
pub const UNAVAILABLE: i32 = -32002;
/// The transaction pool is full.
pub const POOL_FULL: i32 = -32003;
/// Too many requests or too much data at once; a retry can help.
pub const LIMIT: i32 = -32005;
/// A call reverted; `data` holds the ABI-encoded error.
pub const REVERTED: i32 = 3;
/// The state or block existed and was pruned.
pub const PRUNED: i32 = 4444;

/// The ledger refuses the request.
pub const LEDGER: i32 = 3000;
/// A ledger command cannot be decoded.
pub const LEDGER_COMMAND: i32 = 3001;
/// The ledger has no quorum or no leader now.
pub const LEDGER_UNAVAILABLE: i32 = 3002;
/// A disk of the ledger is nearly full: nothing new is taken until an operator has made room.
pub const LEDGER_FULL: i32 = 3003;
/// No proof: the leaf, commitment or size is unknown.
pub const PROOF_UNKNOWN_LEAF: i32 = 3051;
/// No proof: the size is beyond the snapshot log's head.
pub const PROOF_BEYOND_HEAD: i32 = 3052;
/// No proof: the first size is above the second.
pub const PROOF_ORDER: i32 = 3053;
/// No header fixes the log at exactly this size.
pub const PROOF_NO_HEADER: i32 = 3054;
/// The replica service cannot answer.
pub const REPLICA_UNAVAILABLE: i32 = 3150;
/// The range of blocks is too large.
pub const AUDIT_RANGE: i32 = 3250;
