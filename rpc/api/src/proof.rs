//! `proof_`: what an auditor verifies without believing the node.

use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use primitives::{Certificate, Commitment, Header, LogHash};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::snapshot::SnapshotId;
use crate::{Quantity, Record};

/// RFC 6962 proofs over the snapshot log, tied to headers and certificates.
#[rpc(server, client, namespace = "proof")]
pub trait ProofApi {
    /// That a commitment is in the snapshot log. `tree_size`: a size that some header fixes; default: the last block's.
    #[method(name = "getInclusion")]
    fn inclusion(&self, of: SnapshotId, tree_size: Option<Quantity>) -> RpcResult<Inclusion>;

    /// That the log at `second` continues the log at `first`. Default of `second`: the last block's size.
    #[method(name = "getConsistency")]
    fn consistency(&self, first: Quantity, second: Option<Quantity>) -> RpcResult<Consistency>;

    /// The receipt of a commitment: one JSON file that `strongroom verify` checks with no node.
    #[method(name = "getReceipt")]
    fn receipt(&self, of: SnapshotId) -> RpcResult<Box<RawValue>>;
}

/// An inclusion proof and the header that fixes its root.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    /// Index of the leaf, from 0.
    pub leaf_index: Quantity,
    /// Leaves in the log that the path belongs to.
    pub tree_size: Quantity,
    /// The leaf.
    pub commitment: Record<Commitment>,
    /// RFC 6962 audit path, leaf to root.
    pub path: Vec<LogHash>,
    /// Root of the log at `tree_size`.
    pub root: LogHash,
    /// A header with that size and root.
    pub header: Record<Header>,
    /// Its certificate.
    pub certificate: Option<Record<Certificate>>,
}

/// A consistency proof.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consistency {
    /// Size of the older log.
    pub first: Quantity,
    /// Size of the newer log.
    pub second: Quantity,
    /// RFC 6962 consistency path.
    pub path: Vec<LogHash>,
    /// Root at `first`, when some header fixes it.
    pub first_root: Option<LogHash>,
    /// Root at `second`, when some header fixes it.
    pub second_root: Option<LogHash>,
}
