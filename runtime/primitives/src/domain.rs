//! The page of hash domains: every BLAKE3 hash of our own is made under exactly one of these contexts.

use crate::Hash32;

/// What a hash speaks about; selects the BLAKE3 `derive_key` context string
/// (BLAKE3 paper, section 6.2). Two domains never collide, whatever their inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// [`crate::Header`] → block hash.
    Header,
    /// [`crate::Commitment`] → commitment hash.
    Commitment,
    /// [`crate::ValidatorSet`] → validators hash.
    Validators,
    /// Network parameters → params hash.
    Params,
    /// [`crate::Genesis`] → network id.
    Genesis,
    /// Allocations and clusters of the genesis description → [`crate::Genesis::state`].
    GenesisState,
    /// Shard ids, geometry and length → pack id.
    Pack,
    /// Owner address and salt → vault id.
    Vault,
    /// Ledger command → bytes that an owner or member signs.
    Command,
    /// Speaker and session id → key of the ledger's session rows.
    Session,
    /// Shard acknowledgement → bytes that a holder signs.
    ShardAck,
    /// Cluster attestation of commitments → bytes that a root member signs.
    Attestation,
    /// Owner's consent to a commitment that a cluster commits → bytes that the owner signs.
    OwnerConsent,
    /// A cluster's next members → bytes that members of the present epoch sign.
    HandOver,
    /// State key → key hash of the state tree.
    StateKey,
    /// Nodes and values of the state tree; used as a key, see [`Domain::key`].
    StateTree,
    /// Leaf data of a tree → leaf; used as a key.
    TreeLeaf,
    /// Two children of a tree → their parent, one 64-byte block; used as a key.
    TreeNode,
    /// Leaf count and top node of a tree → its root; used as a key.
    TreeRoot,
}

impl Domain {
    /// The context string, fixed for ever for one format version.
    #[must_use]
    pub const fn context(self) -> &'static str {
        match self {
            Self::Header => "strongroom 2026 v1 header",
            Self::Commitment => "strongroom 2026 v1 commitment",
            Self::Validators => "strongroom 2026 v1 validators",
            Self::Params => "strongroom 2026 v1 params",
            Self::Genesis => "strongroom 2026 v1 genesis",
            Self::GenesisState => "strongroom 2026 v1 genesis state",
            Self::Pack => "strongroom 2026 v1 pack",
            Self::Vault => "strongroom 2026 v1 vault",
            Self::Command => "strongroom 2026 v1 ledger command",
            Self::Session => "strongroom 2026 v1 ledger session",
            Self::ShardAck => "strongroom 2026 v1 shard ack",
            Self::Attestation => "strongroom 2026 v1 cluster attestation",
            Self::OwnerConsent => "strongroom 2026 v1 owner consent",
            Self::HandOver => "strongroom 2026 v1 cluster hand-over",
            Self::StateKey => "strongroom 2026 v1 state key",
            Self::StateTree => "strongroom 2026 v1 state tree",
            Self::TreeLeaf => "strongroom 2026 v1 tree leaf",
            Self::TreeNode => "strongroom 2026 v1 tree node",
            Self::TreeRoot => "strongroom 2026 v1 tree root",
        }
    }

    /// The domain as a BLAKE3 key: `derive_key(context)` over no bytes. Trees hash with `keyed_hash` under it, so that
    /// a node is one compression and nodes can be hashed many at a time.
    #[must_use]
    pub fn key(self) -> [u8; 32] {
        blake3::derive_key(self.context(), &[])
    }
}

/// BLAKE3 `derive_key(context)` over the concatenation of `parts`. The caller makes the concatenation
/// unambiguous (fixed widths or one SCALE value).
#[must_use]
pub fn hash_parts(domain: Domain, parts: &[&[u8]]) -> Hash32 {
    let mut hasher = blake3::Hasher::new_derive_key(domain.context());
    for part in parts {
        hasher.update(part);
    }
    Hash32::new(*hasher.finalize().as_bytes())
}
